/// Every actor of the node, found by asking the root of the supervision tree for its children, and those for theirs.
#pragma once

#include "actors/control/ask.hpp"

namespace glow {

inline constexpr std::string_view tree_root_name = "node";

struct found_actor {
  std::string path; ///< names on the way from the root: node/links/link-3
  child_entry entry;
};

/// An actor that does not answer in time has no children shown.
struct tree_walk : std::enable_shared_from_this<tree_walk> {
  call_ptr call;
  std::map<std::string, found_actor> found; ///< by path
  std::size_t waiting = 0;
  std::function<void(tree_walk&)> then;

  void visit(const std::string& path, const child_entry& entry);
  void arrived();
};

/// `then` gets all of them, parents first. Fails the command with `stopped` while there is no tree.
void walk_tree(const call_ptr& call, std::function<void(tree_walk&)> then);

} // namespace glow
