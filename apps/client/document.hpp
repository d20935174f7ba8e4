/// The agent's JSON documents, read with tolerance: a field that is null, or unknown to an older agent, is empty.
#pragma once

#include "runtime/base/result.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace glow::client {

using json = nlohmann::json;

/// Errors: `malformed`.
result<json> parse_document(const std::string& text);
/// One line; U+FFFD in the place of what is no UTF-8.
std::string to_text(const json& document);

std::string text_of(const json& object, const char* key);
double number_of(const json& object, const char* key, double otherwise = -1);
std::uint64_t count_of(const json& object, const char* key);
/// The exact bytes of a name: `key`_hex where there is one.
std::string name_of(const json& object, const char* key);

} // namespace glow::client
