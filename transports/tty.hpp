/// `tty:/dev/ttyUSB0?baud=115200`: datagrams on serial lines and pseudo-terminals. A line has two ends and no server: both
/// agents are given it, by --listen or --peer alike. Whoever hears a frame while it has no channel accepts one; a line stays
/// open for a while after its last channel, so that two that redial in turn hear each other.
#pragma once

#include "transports/medium.hpp"

namespace glow::transports {

std::unique_ptr<medium> make_tty(const loop_place& place, std::optional<channel_uri> listen);

} // namespace glow::transports
