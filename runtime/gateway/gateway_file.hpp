/// What a node exposes to the mesh and what it forwards from it, as values; the file HOME/services; and how people write the
/// addresses. Refuses to open sockets: actors/gateway does.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/uri.hpp"

namespace glow::gateway {

/// Services and forwards of one node: people have tens.
inline constexpr std::size_t services_max = 1024;
inline constexpr std::size_t gateway_file_bytes_max = 1u << 20;

/// A plain service of this node or its network that members of the namespace reach by name.
struct exposed_service {
  std::string name;
  channel_uri target; ///< tcp or unix
  bool operator==(const exposed_service&) const = default;
};
/// A plain listening address of this node that leads to a service of another one.
struct forward {
  channel_uri listen; ///< tcp or unix; port 0: any free one
  node_id node;
  std::string service;
  bool bulk = false;
  bool operator==(const forward&) const = default;
};
struct gateway_file {
  std::vector<exposed_service> exposed;
  std::vector<forward> forwards;
  bool operator==(const gateway_file&) const = default;
};

byte_string encode(const gateway_file& file);
/// Errors: `malformed`.
result<gateway_file> decode_gateway_file(byte_view bytes);

/// Checks the name of a service: 1 to 64 letters, digits, dots, dashes and underscores.
/// Errors: `usage`.
result<void> check_service_name(std::string_view name);
/// Where a service is: `tcp://host:port`, `host:port`, `unix:/path` or `/path`.
/// Errors: `usage`.
result<channel_uri> parse_target(std::string_view text);
/// Where to listen: as a target, or a port alone, which means this machine only (127.0.0.1); `*:port` means every address.
/// Errors: `usage`.
result<channel_uri> parse_listen_address(std::string_view text);
/// `NODE/NAME`, cut at the first slash.
/// Errors: `usage`.
result<std::pair<std::string, std::string>> parse_service_address(std::string_view text);

} // namespace glow::gateway
