/// Channel URIs: `udp://host:port`, `tcp://[::1]:7`, `unix:/path`, `loopback:name`, with `?key=value&…`.
/// Refuses to resolve host names: that is the transport's work.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace glow {

/// One place where a channel listens or can be dialled.
struct channel_uri {
  std::string scheme;                            ///< "udp", "tcp", "unix", "loopback" …: names the transport
  std::string host;                              ///< without brackets; empty for path-like schemes
  std::uint16_t port = 0;                        ///< 0 when listening: any free port
  std::string path;                              ///< for path-like schemes (`unix:/run/x`), percent-decoded
  std::map<std::string, std::string> parameters; ///< after `?`, percent-decoded

  bool operator==(const channel_uri&) const = default;
  auto operator<=>(const channel_uri&) const = default;
};

/// Errors: `usage` with a message that shows the offending text and a right example.
result<channel_uri> parse_channel_uri(std::string_view text);
/// The canonical text: `parse_channel_uri(to_string(u)) == u`.
std::string to_string(const channel_uri& uri);

std::string percent_encode(std::string_view text, std::string_view keep = "/");
/// Errors: `malformed`.
result<std::string> percent_decode(std::string_view text);

} // namespace glow
