/// A place in a tree: an entry, or a whole subtree that has not been entered. Goes forward only. What makes scans, diffs
/// and merges cheap: a subtree may be stepped over without being loaded.
#pragma once

#include "runtime/store/tree_node.hpp"

#include <unordered_set>

namespace glow::store {

class tree_cursor {
public:
  explicit tree_cursor(node_source& nodes) : nodes_{nodes} {}

  /// Stands on the first item of the root node. False: the root is not here (nothing to stand on).
  result<bool> start(const object_address& root);

  bool done() const { return stack_.empty(); }
  /// Requires (all below): !done().
  bool at_entry() const { return top().node->level == 0; }
  /// Level of the subtree at hand; -1 at an entry.
  int level() const { return top().node->level - 1; }
  const tree_entry& entry() const { return top().node->entries[top().index]; }
  const node_ref& subtree() const { return top().node->children[top().index]; }
  const std::string& last_key() const { return at_entry() ? entry().path : subtree().last_key; }
  /// Nothing of the tree comes after the item at hand.
  bool on_right_edge() const;
  /// Keeps what entry() refers to alive while the cursor moves on.
  const node_ptr& node() const { return top().node; }

  /// Past the entry or the whole subtree.
  void next();
  /// Into the subtree: to its first item. False: its node is not here, and the cursor stays.
  /// Errors: those of the source; `malformed` when the node does not fit its parent.
  result<bool> enter();
  /// Forward to the first item that may hold a key >= `key` (> `key` where `past`), stepping over whole subtrees and
  /// entering the one that straddles it. Stays on a subtree whose node is not here.
  result<void> seek(std::string_view key, bool past = false);

private:
  struct frame {
    node_ptr node;
    std::size_t index = 0;
    std::size_t size() const { return node->level == 0 ? node->entries.size() : node->children.size(); }
  };
  const frame& top() const { return stack_.back(); }
  const std::string* key_before() const;

  node_source& nodes_;
  std::vector<frame> stack_;
};

/// Addresses that were not here: bounded, without repetitions.
class missing_list {
public:
  void add(const object_address& address);
  bool full() const;
  bool empty() const { return found_.addresses.empty(); }
  missing take() { return std::move(found_); }

private:
  missing found_;
  std::unordered_set<object_address> known_;
};

} // namespace glow::store
