#include "runtime/store/tree_builder.hpp"

#include "runtime/store/limits.hpp"
#include "runtime/store/tree.hpp"
#include "runtime/store/tree_cursor.hpp"

#include <sodium/crypto_shorthash.h>

#include <span>

namespace glow::store {

namespace {

constexpr std::uint64_t entries_average = 16, children_average = 32;
constexpr std::size_t children_min = 2;
constexpr std::size_t entry_overhead_bytes = 160, child_overhead_bytes = 72; // encoded, without what varies

/// SipHash with a public key: part of the format. An author who picks names against it meets the other bounds.
bool ends_node(std::size_t level, std::string_view key) {
  const unsigned char key_of_level[crypto_shorthash_KEYBYTES] = {
    'g', 'l', 'o', 'w', ' ', 't', 'r', 'e', 'e', ' ', 'e', 'n', 'd', 's', 0, static_cast<std::uint8_t>(level)};
  unsigned char hash[crypto_shorthash_BYTES];
  crypto_shorthash(hash, as_bytes(key).data(), key.size(), key_of_level);
  return read_le<std::uint64_t>(hash) % (level == 0 ? entries_average : children_average) == 0;
}

std::size_t estimated_bytes(const tree_entry& entry) {
  return entry_overhead_bytes + entry.path.size() + entry.target.size() + entry.chunks.size() * 68
         + entry.chunk_lists.size() * 32;
}

} // namespace

tree_builder::open_node& tree_builder::at(std::size_t level) {
  while (levels_.size() <= level) {
    levels_.emplace_back();
    levels_.back().node.level = static_cast<std::uint8_t>(levels_.size() - 1);
  }
  return levels_[level];
}

bool tree_builder::stands_at_start(int level) const {
  for (std::size_t i = 0; i < levels_.size() && static_cast<int>(i) <= level; ++i)
    if (!levels_[i].empty()) return false;
  return true;
}

result<void> tree_builder::add_entry(tree_entry entry) {
  auto& leaf = at(0);
  leaf.bytes += estimated_bytes(entry);
  ++leaf.items_ever;
  bool ends = ends_node(0, entry.path);
  leaf.node.entries.push_back(std::move(entry));
  if (ends || leaf.items() >= limits::tree_node_items_max || leaf.bytes >= limits::tree_node_bytes_max) return end_node(0);
  return {};
}

result<void> tree_builder::add_subtree(int level, node_ref subtree) {
  return add_child(static_cast<std::size_t>(level) + 1, std::move(subtree), true);
}

result<void> tree_builder::add_child(std::size_t level, node_ref child, bool taken_over) {
  if (level >= limits::tree_levels_max)
    return error{error_code::exhausted, "tree too deep: it has more entries than a tree may have"};
  auto& inner = at(level);
  inner.bytes += child_overhead_bytes + child.last_key.size();
  ++inner.items_ever;
  inner.taken_over = taken_over;
  bool ends = ends_node(level, child.last_key);
  inner.node.children.push_back(std::move(child));
  if (inner.items() < children_min) return {};
  if (ends || inner.items() >= limits::tree_node_items_max || inner.bytes >= limits::tree_node_bytes_max) return end_node(level);
  return {};
}

result<void> tree_builder::end_node(std::size_t level) {
  auto& ended = levels_[level];
  auto address = sink_.save(ended.node);
  if (!address) return address.why();
  node_ref as_child{ended.node.last_key(), *address, ended.node.entry_count()};
  ended.node.entries.clear();
  ended.node.children.clear();
  ended.bytes = 0;
  return add_child(level + 1, std::move(as_child), false);
}

result<object_address> tree_builder::finish() {
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    bool nothing_above = true;
    for (std::size_t above = level + 1; above < levels_.size(); ++above) nothing_above &= levels_[above].items_ever == 0;
    auto& open = levels_[level];
    if (level > 0 && open.items_ever == 1 && nothing_above) {
      auto top = std::move(open.node.children[0]);
      return open.taken_over ? lowest_root(std::move(top)) : result<object_address>{top.address};
    }
    if (open.empty()) continue;
    if (auto ended = end_node(level); !ended) return ended.why();
  }
  return object_address{};
}

/// A subtree that was taken over and is all that remains may have a single child at its top: the root is below it.
result<object_address> tree_builder::lowest_root(node_ref top) {
  for (std::size_t bound = 0; bound < limits::tree_levels_max; ++bound) {
    auto node = nodes_.load(top.address);
    if (!node) return node.why();
    if (!*node) return error{error_code::not_found, "tree node vanished while the tree was changed"};
    if ((*node)->level == 0 || (*node)->children.size() > 1) return top.address;
    top = (*node)->children[0];
  }
  return error{error_code::malformed, "tree too deep"};
}

namespace {

/// Walks the old tree beside the changes and feeds the builder.
class tree_edit {
public:
  tree_edit(node_source& nodes, node_sink& sink) : cursor_{nodes}, builder_{nodes, sink} {}

  or_missing<object_address> run(const object_address& root, std::span<const tree_entry> changes) {
    using answer = std::variant<object_address, missing>;
    auto started = cursor_.start(root);
    if (!started) return started.why();
    if (!*started) return answer{missing{{root}}};
    changes_ = changes;
    while (!cursor_.done() && !absent_.full())
      if (auto stepped = advance(); !stepped) return stepped.why();
    if (!absent_.empty()) return answer{absent_.take()};
    for (auto& each : changes_)
      if (auto added = builder_.add_entry(each); !added) return added.why();
    auto made = builder_.finish();
    if (!made) return made.why();
    return answer{*made};
  }

private:
  result<void> advance() {
    if (cursor_.at_entry()) return merge_entry();
    bool changed = !changes_.empty() && (changes_.front().path <= cursor_.subtree().last_key || cursor_.on_right_edge());
    bool building = absent_.empty(); // else only find out what else is not here
    if (!changed && (!building || builder_.stands_at_start(cursor_.level()))) {
      if (building)
        if (auto added = builder_.add_subtree(cursor_.level(), cursor_.subtree()); !added) return added.why();
      return skip();
    }
    return enter();
  }

  result<void> skip() {
    cursor_.next();
    return {};
  }

  result<void> enter() {
    auto entered = cursor_.enter();
    if (!entered) return entered.why();
    if (*entered) return {};
    absent_.add(cursor_.subtree().address);
    while (!changes_.empty() && changes_.front().path <= cursor_.subtree().last_key) changes_ = changes_.subspan(1);
    return skip();
  }

  result<void> merge_entry() {
    auto& old = cursor_.entry();
    bool change_first = !changes_.empty() && changes_.front().path <= old.path;
    bool replaces = change_first && changes_.front().path == old.path;
    if (absent_.empty())
      if (auto added = builder_.add_entry(change_first ? changes_.front() : old); !added) return added.why();
    if (change_first) changes_ = changes_.subspan(1);
    if (!change_first || replaces) cursor_.next();
    return {};
  }

  tree_cursor cursor_;
  tree_builder builder_;
  std::span<const tree_entry> changes_;
  missing_list absent_;
};

} // namespace

or_missing<object_address> apply_changes(node_source& nodes, node_sink& sink, const object_address& root,
                                         const std::vector<tree_entry>& changes) {
  if (changes.empty()) return std::variant<object_address, missing>{root};
  return tree_edit{nodes, sink}.run(root, changes);
}

} // namespace glow::store
