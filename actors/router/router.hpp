/// The router's actor: hears links and the endpoint, asks route::router_machine, does what it says.
/// Refuses to decide anything: every rule of routing is in runtime/route.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/router.hpp"
#include "runtime/route/router_machine.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace glow {

struct router_arguments {
  surroundings world;
  identity::node_keys keys;
  identity::roster_ptr roster;  ///< may be null: then nobody is believed until roster_changed
  caf::strong_actor_ptr parent; ///< may be null; else the router dies with it
  route::route_tuning tuning{};
  std::uint64_t epoch = 1; ///< higher than at any earlier start, whatever the calendar did since
};

struct router_state : actor_lifecycle {
  static inline const char* name = "glow.router";
  std::optional<surroundings> world; // before the machine, which uses its randomness
  std::optional<route::router_machine> machine;
  std::map<link_id, link_actor> links;
  std::vector<caf::strong_actor_ptr> subscribers;
  caf::strong_actor_ptr endpoint;
  std::map<std::uint64_t, caf::typed_response_promise<trace_report>> traces;
  std::uint64_t undelivered = 0; ///< payloads for this node while no endpoint was attached
  std::string json() const;
  void expose(measure::exposition& out) const;
};
using router_self = caf::stateful_actor<router_state, loop_hosted<router_actor::base>>*;

/// Spawn: `spawn_on_loop(system, loop, router_behavior, router_arguments{…})`, then attach_local once the endpoint is there.
router_actor::behavior_type router_behavior(router_self self, const router_arguments& arguments);

} // namespace glow
