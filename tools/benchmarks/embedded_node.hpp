/// A node inside the measuring program, joined to a running mesh: what an application that embeds the runtime has.
#pragma once

#include "actors/agent.hpp"

namespace glow::benchmarks {

struct embedded_node {
  std::string home;   ///< a fresh directory
  std::string name;   ///< in the namespace
  std::string ticket; ///< admits it
  std::string listen; ///< URI of its only transport
};
/// Errors: what starting or joining failed with.
result<std::unique_ptr<agent>> start_embedded(const embedded_node& how);

/// A node of the mesh that can be reached now.
struct place {
  node_id node;
  std::size_t hops = 0; ///< of the shortest way
};
/// Waits until it is at most `hops_max` links away. Errors: `not_found`, `unreachable` when it does not come in sight.
result<place> wait_for_node(const agent& node, const std::string& name, std::size_t hops_max = SIZE_MAX);

caf::actor_system& system_of(const node_parts& parts);

} // namespace glow::benchmarks
