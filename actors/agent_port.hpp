/// The agent's own actor, above the supervision tree: starts the node, ends it, and restarts it in another namespace.
#pragma once

#include "actors/node.hpp"

namespace glow {

struct agent_port_arguments {
  std::shared_ptr<node_plan> plan;
  std::function<void(const node_parts&)> published; ///< the node's handles changed; called from any thread
  std::function<void(const error& why)> ended;      ///< the node is down for good; `none`: it was asked to
};

/// Spawns it in the pool; it starts the node at once, and ends when the node does.
agent_port_actor spawn_agent_port(caf::actor_system& system, agent_port_arguments arguments);

} // namespace glow
