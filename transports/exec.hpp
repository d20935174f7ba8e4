/// `exec:ssh%20nas%20glow%20stdio`: a command's stdin and stdout are the channel, with length-prefixed datagrams as on tcp.
/// /bin/sh runs it; it dies with its channel and with this process. Its stderr goes to our log. Only dials.
#pragma once

#include "transports/medium.hpp"

namespace glow::transports {

std::unique_ptr<medium> make_exec(const loop_place& place, std::optional<channel_uri> listen);

} // namespace glow::transports
