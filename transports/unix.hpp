/// `unix:/path`: length-prefixed datagrams on Unix stream sockets. The socket file has mode 0600; one that no process
/// listens on any more is replaced, a live one is refused.
/// `stdio:/home/link.sock`: the same, where `glow stdio` connects what another agent runs as `exec:… glow stdio`. Whoever that
/// is sits somewhere else, so nothing is known of the distance; listens only.
#pragma once

#include "transports/medium.hpp"

namespace glow::transports {

std::unique_ptr<medium> make_unix(const loop_place& place, std::optional<channel_uri> listen);
std::unique_ptr<medium> make_stdio(const loop_place& place, std::optional<channel_uri> listen);

} // namespace glow::transports
