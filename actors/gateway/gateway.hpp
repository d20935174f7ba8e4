/// The gateway of a node: plain sockets in, streams of the mesh out, and back (`glow expose`, `glow forward`).
#pragma once

#include "actors/contracts/gateway.hpp"
#include "actors/contracts/lifecycle.hpp"
#include "actors/gateway/pipe.hpp"

#include <map>
#include <unordered_map>

namespace glow {

struct gateway_arguments {
  surroundings world;
  std::string file; ///< where services and forwards are kept
  endpoint_actor endpoint;
  caf::strong_actor_ptr parent;
};

struct gateway_state : actor_lifecycle {
  static inline const char* name = "glow.gateway";
  struct exposed_entry {
    gateway::exposed_service service;
    std::uint64_t connections = 0;
    std::uint64_t served = 0;
  };
  struct forward_entry {
    gateway::forward forward;
    std::unique_ptr<plain_listener> listener; ///< null while the address cannot be had
    std::string trouble;
    std::uint64_t connections = 0;
    std::uint64_t served = 0;
  };

  std::optional<surroundings> world;
  endpoint_actor endpoint;
  std::string file;
  std::map<std::string, exposed_entry> exposed;
  std::map<std::uint64_t, forward_entry> forwards; ///< by a number of their own
  std::uint64_t last_forward = 0;
  std::unordered_map<stream_id, std::unique_ptr<pipe>> pipes;
  std::unordered_map<std::uint64_t, std::unique_ptr<plain_socket>> waiting; ///< accepted, their stream is being opened
  std::uint64_t last_waiting = 0;
  bool ticking = false;
  std::string json() const;
};
using gateway_self = caf::stateful_actor<gateway_state, loop_hosted<gateway_actor::base>>*;

/// Spawn on the node's loop, after the endpoint.
gateway_actor::behavior_type gateway_behavior(gateway_self self, const gateway_arguments& arguments);

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::gateway_arguments)
