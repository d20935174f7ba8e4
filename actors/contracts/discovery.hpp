/// What LAN discovery hears. It finds members of this node's namespace on the attached networks and tells links.
#pragma once

#include "actors/contracts/namespace.hpp"
#include "actors/contracts/surroundings.hpp"

#include <functional>

namespace glow {

/// One datagram that may be a beacon, and where it came from (text for a URI's host: "10.0.0.2", "fe80::1%eth0").
struct heard_beacon {
  std::string from_host;
  byte_string datagram;
};
/// its sockets → discovery.
struct beacons_heard {
  std::vector<heard_beacon> beacons;
};
/// its netlink socket → discovery: interfaces or addresses came or went; tells follow one another quickly.
struct interfaces_noticed {};
/// itself → discovery: look at the interfaces, once the kernel has gone quiet.
struct interfaces_tick {
  std::uint64_t generation = 0;
};
/// itself → discovery.
struct discovery_tick {
  std::uint64_t generation = 0;
};

/// namespace → discovery: roster_changed   links → discovery: own_addresses (schemes, ports and families count)
using discovery_actor =
  caf::typed_actor<caf::reacts_to<roster_changed>, caf::reacts_to<own_addresses>, caf::reacts_to<beacons_heard>,
                   caf::reacts_to<interfaces_noticed>, caf::reacts_to<interfaces_tick>, caf::reacts_to<discovery_tick>>;

/// How the agent gets discovery without including a medium: spawns it on the world's loop, to tell `listener` what it hears.
using discovery_factory = std::function<discovery_actor(caf::actor_system& system, const node_id& self, links_actor listener,
                                                        const surroundings& world, caf::strong_actor_ptr parent)>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::beacons_heard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::interfaces_noticed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::interfaces_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::discovery_tick)
