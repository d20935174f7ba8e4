/// `tcp://host:port`: length-prefixed datagrams on TCP connections. Host names are resolved when dialling; listening
/// wants a literal address (port 0: any free one).
#pragma once

#include "transports/medium.hpp"

namespace glow::transports {

std::unique_ptr<medium> make_tcp(const loop_place& place, std::optional<channel_uri> listen);

} // namespace glow::transports
