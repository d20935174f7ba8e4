/// Makes nodes out of a sorted stream of entries and of whole subtrees that are taken over unchanged. Where a node ends
/// follows from the items in it alone, counted from its start:
///   - a hash of (level, key) says so: 1 in 16 entries, 1 in 32 children (inner nodes have at least two, so that every
///     level halves at least, whoever picks the names), which makes nodes of about 4 KiB; or
///   - it reached its bound of items or bytes.
/// So two builders that stand at a node's start and get the same items make the same nodes: the tree depends on the set
/// of entries only. Internal to the room; apply_changes (tree.hpp) is the face.
#pragma once

#include "runtime/store/tree_node.hpp"

namespace glow::store {

class tree_builder {
public:
  tree_builder(node_source& nodes, node_sink& sink) : nodes_{nodes}, sink_{sink} {}

  /// Requires: ascending paths.
  result<void> add_entry(tree_entry entry);
  /// Every node up to `level` ended with the last item, so that a subtree of that level may be taken over as it is.
  bool stands_at_start(int level) const;
  /// A subtree whose root has this level, and whose nodes at the right edge ended by the rules above or at the very end of
  /// the tree. Requires: stands_at_start(level).
  result<void> add_subtree(int level, node_ref subtree);
  /// Address of the root; zero when nothing was added. The builder is of no use afterwards.
  result<object_address> finish();

private:
  struct open_node {
    tree_node node;
    std::size_t bytes = 0; ///< estimate; the same on every device
    std::uint64_t items_ever = 0;
    bool taken_over = false; ///< the latest item is a subtree that was not built here
    bool empty() const { return node.entries.empty() && node.children.empty(); }
    std::size_t items() const { return node.entries.size() + node.children.size(); }
  };
  open_node& at(std::size_t level);
  result<void> add_child(std::size_t level, node_ref child, bool taken_over);
  result<void> end_node(std::size_t level);
  result<object_address> lowest_root(node_ref top);

  node_source& nodes_;
  node_sink& sink_;
  std::vector<open_node> levels_;
};

} // namespace glow::store
