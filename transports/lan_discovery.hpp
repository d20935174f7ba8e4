/// LAN discovery: finds members of this node's namespace on the attached networks, by beacons to multicast groups.
/// Refuses to decide (identity::discovery_plan does), to dial (links does) and to tell strangers who is here.
#pragma once

#include "actors/contracts/discovery.hpp"
#include "actors/contracts/lifecycle.hpp"
#include "runtime/identity/discovery_plan.hpp"
#include "transports/beacon_sockets.hpp"

namespace glow::transports {

/// Whom discovery tells: `links`, or a test in its place.
using discovery_listener = caf::typed_actor<caf::reacts_to<member_seen>, caf::reacts_to<interfaces_changed>>;

struct lan_discovery_arguments {
  surroundings world;
  node_id self;
  discovery_listener listener;
  bool loopback = false;        ///< beacons on the loopback interface too: several agents without a network
  caf::strong_actor_ptr parent; ///< may be null; else discovery dies with it
};

class readable_watch; // lan_discovery.cpp: a uv_poll on one descriptor

struct lan_discovery_state : actor_lifecycle {
  static inline const char* name = "glow.discovery";
  lan_discovery_state();
  ~lan_discovery_state();
  std::optional<surroundings> world;
  discovery_listener listener;
  bool loopback = false;
  node_id self_id;
  std::optional<identity::discovery_plan> plan;
  identity::roster_ptr roster;
  std::vector<channel_uri> listening;
  std::vector<network_interface> interfaces;
  beacon_sockets sockets;
  int notices = -1;
  bool looking_soon = false;                            ///< an interfaces_tick is on its way
  std::vector<std::unique_ptr<readable_watch>> watches; ///< after what they watch: destroyed first
  std::uint64_t beacons_sent = 0;
  std::uint64_t beacons_heard_count = 0;
  std::uint64_t members_told = 0;
  std::string json() const;
};
using lan_discovery_self = caf::stateful_actor<lan_discovery_state, loop_hosted<discovery_actor::base>>*;

/// Spawn: `spawn_on_loop(system, world.loop(), lan_discovery_behavior, lan_discovery_arguments{…})`, then subscribe it to the
/// roster and send it own_addresses; it is silent until it has both, and on guests always.
discovery_actor::behavior_type lan_discovery_behavior(lan_discovery_self self, const lan_discovery_arguments& arguments);

} // namespace glow::transports
