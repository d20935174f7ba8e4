#include "apps/client/document.hpp"

#include "runtime/base/base32.hpp"

namespace glow::client {

result<json> parse_document(const std::string& text) {
  auto document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return error{error_code::malformed, "the agent's answer is no JSON: is it of another version?"};
  return document;
}

std::string to_text(const json& document) { return document.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string text_of(const json& object, const char* key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : to_text(*found);
}

double number_of(const json& object, const char* key, double otherwise) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::uint64_t count_of(const json& object, const char* key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string name_of(const json& object, const char* key) {
  if (auto hex = text_of(object, (std::string{key} + "_hex").c_str()); !hex.empty())
    if (auto bytes = from_hex(hex)) return glow::to_text(*bytes);
  return text_of(object, key);
}

} // namespace glow::client
