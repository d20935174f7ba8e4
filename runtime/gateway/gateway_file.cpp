#include "runtime/gateway/gateway_file.hpp"

#include "runtime/base/capnp.hpp"
#include "schema/gateway.capnp.h"

namespace glow::gateway {
namespace {

constexpr std::size_t service_name_chars_max = 64;

error bad_address(std::string_view text) {
  return {error_code::usage,
          "'" + std::string{text.substr(0, 80)} + "' is no address: write tcp://127.0.0.1:22, 127.0.0.1:22 or unix:/run/x.sock"};
}

result<channel_uri> parse_place(std::string_view text, bool any_port) {
  std::string whole{text};
  if (whole.starts_with('/'))
    whole = "unix:" + whole;
  else if (!whole.starts_with("unix:") && whole.find("://") == std::string::npos)
    whole = "tcp://" + whole;
  auto uri = parse_channel_uri(whole);
  if (!uri) return bad_address(text);
  const bool is_tcp = uri->scheme == "tcp" && !uri->host.empty();
  const bool is_unix = uri->scheme == "unix" && !uri->path.empty();
  if ((!is_tcp && !is_unix) || !uri->parameters.empty()) return bad_address(text);
  if (is_tcp && uri->port == 0 && !any_port) return error{error_code::usage, "'" + whole.substr(0, 80) + "' lacks a port"};
  return uri;
}

} // namespace

byte_string encode(const gateway_file& file) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::GatewayFile>();
  auto exposed = out.initExposed(static_cast<unsigned>(file.exposed.size()));
  for (unsigned i = 0; i < exposed.size(); ++i) {
    exposed[i].setName(as_capnp_text(file.exposed[i].name));
    const auto target = to_string(file.exposed[i].target);
    exposed[i].setTarget(as_capnp_text(target));
  }
  auto forwards = out.initForwards(static_cast<unsigned>(file.forwards.size()));
  for (unsigned i = 0; i < forwards.size(); ++i) {
    const auto listen = to_string(file.forwards[i].listen);
    forwards[i].setListen(as_capnp_text(listen));
    forwards[i].setNode(as_data(file.forwards[i].node.view()));
    forwards[i].setService(as_capnp_text(file.forwards[i].service));
    forwards[i].setBulk(file.forwards[i].bulk);
  }
  return to_bytes(builder);
}

result<gateway_file> decode_gateway_file(byte_view bytes) {
  if (bytes.size() > gateway_file_bytes_max) return error{error_code::malformed, "the list of services is too long"};
  return read_message<schema::GatewayFile>(bytes, [](schema::GatewayFile::Reader read) -> result<gateway_file> {
    gateway_file out;
    if (read.getExposed().size() > services_max || read.getForwards().size() > services_max)
      return error{error_code::malformed, "the list of services has too many entries"};
    for (auto each : read.getExposed()) {
      auto target = parse_target(from_text(each.getTarget()));
      if (!target || !check_service_name(from_text(each.getName())))
        return error{error_code::malformed, "the list of services has a broken entry"};
      out.exposed.push_back({from_text(each.getName()), *target});
    }
    for (auto each : read.getForwards()) {
      auto listen = parse_listen_address(from_text(each.getListen()));
      if (!listen || each.getNode().size() != node_id::size_bytes || !check_service_name(from_text(each.getService())))
        return error{error_code::malformed, "the list of forwards has a broken entry"};
      out.forwards.push_back({*listen, node_id::from(from_data(each.getNode())), from_text(each.getService()), each.getBulk()});
    }
    return out;
  });
}

result<void> check_service_name(std::string_view name) {
  const bool known = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
  if (known && !name.empty() && name.size() <= service_name_chars_max) return {};
  return error{error_code::usage, "'" + std::string{name.substr(0, 80)}
                                    + "' is no name for a service: use 1 to 64 letters, digits, dots, dashes and underscores"};
}

result<channel_uri> parse_target(std::string_view text) { return parse_place(text, false); }

result<channel_uri> parse_listen_address(std::string_view text) {
  const bool is_port = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (is_port) return parse_place("127.0.0.1:" + std::string{text}, true);
  if (text.starts_with(':')) return parse_place("127.0.0.1" + std::string{text}, true);
  if (text.starts_with("*:")) return parse_place("0.0.0.0" + std::string{text.substr(1)}, true);
  return parse_place(text, true);
}

result<std::pair<std::string, std::string>> parse_service_address(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
    return error{error_code::usage, "'" + std::string{text.substr(0, 80)} + "' is no service: write NODE/NAME, such as nas/ssh"};
  std::string name{text.substr(slash + 1)};
  if (auto known = check_service_name(name); !known) return known.why();
  return std::pair{std::string{text.substr(0, slash)}, std::move(name)};
}

} // namespace glow::gateway
