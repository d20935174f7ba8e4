/// `udp://host:port`: one datagram a packet, a channel per remote address. Batches by recvmmsg/sendmmsg, and lets the
/// kernel cut and join runs of equal datagrams (UDP_SEGMENT, UDP_GRO) where it can. Dials from the socket it listens on, so
/// that address translators on the way see one flow; a transport that only dials opens its sockets when first needed.
#pragma once

#include "transports/medium.hpp"
#include "transports/stranger_gate.hpp"

namespace glow::transports {

std::unique_ptr<medium> make_udp(const loop_place& place, std::optional<channel_uri> listen, stranger_rules rules = {});

} // namespace glow::transports
