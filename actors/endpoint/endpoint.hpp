/// The endpoint's actor: where this node's own actors meet those of other nodes. Hears the router and its own node, asks
/// stream::endpoint_machine, does what it says.
/// Refuses to decide anything: every rule of delivery is in runtime/stream.
#pragma once

#include "actors/contracts/endpoint.hpp"
#include "actors/contracts/lifecycle.hpp"
#include "runtime/stream/endpoint_machine.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <set>

namespace glow {

struct endpoint_arguments {
  surroundings world;
  router_actor router;
  std::shared_ptr<const identity::node_keys> keys;
  identity::roster_ptr roster;  ///< may be null: then nobody is heard until roster_changed
  caf::strong_actor_ptr parent; ///< may be null; else the endpoint dies with it
};

struct endpoint_state : actor_lifecycle {
  static inline const char* name = "glow.endpoint";
  struct waiting_ping {
    caf::typed_response_promise<ping_report> promise;
    node_id to;
    steady_time asked{};
  };
  /// What became of this node's own requests, by traffic class.
  struct request_counters {
    std::uint64_t answered = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t unreachable = 0;
    std::uint64_t failed = 0; ///< by the word of the other side, or refused here
    measure::histogram times; ///< of those answered
  };
  struct asked_request {
    caf::typed_response_promise<response> promise;
    traffic_class traffic = traffic_class::interactive;
    steady_time asked{};
  };
  using waiting = std::variant<asked_request, waiting_ping>;

  std::optional<surroundings> world; // before the machine, which uses its randomness
  std::optional<stream::endpoint_machine> machine;
  router_actor router;
  std::map<request_method, service_actor> services;
  std::unordered_map<std::uint64_t, waiting> asked; ///< by ticket
  std::map<std::string, stream_owner_actor> stream_services;
  std::unordered_map<stream_id, stream_owner_actor> stream_owners;
  std::set<caf::actor_id> watched_owners;
  std::uint64_t next_ticket = 1;
  steady_time armed = steady_time::max();
  std::uint64_t requests_served = 0;
  std::array<request_counters, stream::lane_count> requests;
  std::string json() const;
  void expose(measure::exposition& out) const;
};
using endpoint_self = caf::stateful_actor<endpoint_state, loop_hosted<endpoint_actor::base>>*;

/// The only place where this actor sends.
void perform(endpoint_self self, stream::endpoint_effects&& todo);

// Streams (endpoint_streams.cpp).
void tell_stream(endpoint_self self, stream::stream_told& told);
caf::result<stream_opened> start_stream(endpoint_self self, const open_stream& m);
caf::result<streams_served> add_stream_service(endpoint_self self, const serve_streams& m);
void end_stream(endpoint_self self, const close_stream& m);

/// Spawn: `spawn_on_loop(system, loop, endpoint_behavior, endpoint_arguments{…})`. It attaches itself to the router, for
/// payloads and for routes; when the router dies, start a new endpoint with the new router.
endpoint_actor::behavior_type endpoint_behavior(endpoint_self self, const endpoint_arguments& arguments);

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::endpoint_arguments)
