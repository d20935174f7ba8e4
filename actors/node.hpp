/// One node's supervision tree: which actors it has, in which order they start, who hears of whom.
/// Refuses to own threads or files: agent.cpp does.
#pragma once

#include "actors/agent.hpp"
#include "runtime/identity/keys.hpp"

namespace glow {

/// What the factories of the tree share. The handles in `parts` are filled in by the factories, which run one at a time
/// in the root supervisor; others read them through a copy that they ask for.
struct node_plan {
  agent_options options;
  std::shared_ptr<const identity::node_keys> keys;
  identity::roster_ptr roster; ///< as read at the start; actors hear newer ones from the namespace
  surroundings world;
  node_parts parts;
  std::uint64_t last_epoch = 0; ///< of the router, see next_epoch
};

/// Files of a node in its home.
std::string key_path(const std::string& home);
std::string namespace_path(const std::string& home);
std::string database_path(const std::string& home);
std::string work_path(const std::string& home);
std::string epoch_path(const std::string& home);
std::string services_path(const std::string& home);

/// Starts the root supervisor with all actors of the node. `published` is called with the handles whenever they changed.
caf::actor start_node(caf::actor_system& system, std::shared_ptr<node_plan> plan,
                      std::function<void(const node_parts&)> published);

} // namespace glow
