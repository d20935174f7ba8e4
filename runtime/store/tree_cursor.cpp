#include "runtime/store/tree_cursor.hpp"

#include "runtime/store/limits.hpp"

#include <algorithm>

namespace glow::store {

result<bool> tree_cursor::start(const object_address& root) {
  stack_.clear();
  if (root.is_zero()) return true;
  auto node = nodes_.load(root);
  if (!node) return node.why();
  if (!*node) return false;
  stack_.push_back({std::move(*node), 0});
  return true;
}

void tree_cursor::next() {
  while (!stack_.empty() && ++stack_.back().index == stack_.back().size()) stack_.pop_back();
}

bool tree_cursor::on_right_edge() const {
  return std::all_of(stack_.begin(), stack_.end(), [](const frame& each) { return each.index + 1 == each.size(); });
}

/// The greatest key before the item at hand; null at the very start.
const std::string* tree_cursor::key_before() const {
  for (auto each = stack_.rbegin(); each != stack_.rend(); ++each)
    if (each->index > 0)
      return each->node->level == 0 ? &each->node->entries[each->index - 1].path
                                    : &each->node->children[each->index - 1].last_key;
  return nullptr;
}

result<bool> tree_cursor::enter() {
  auto& ref = subtree();
  auto node = nodes_.load(ref.address);
  if (!node) return node.why();
  if (!*node) return false;
  auto& child = **node;
  auto& first_key = child.level == 0 ? child.entries.front().path : child.children.front().last_key;
  auto before = key_before();
  if (child.level != level() || child.last_key() != ref.last_key || (before && first_key <= *before))
    return error{error_code::malformed, "tree node does not fit its parent (near " + ref.last_key + ")"};
  stack_.push_back({std::move(*node), 0});
  return true;
}

result<void> tree_cursor::seek(std::string_view key, bool past) {
  auto before_key = [&](const std::string& candidate) { return past ? candidate <= key : candidate < key; };
  while (!done()) {
    if (before_key(last_key())) {
      next();
      continue;
    }
    if (at_entry()) return {};
    auto entered = enter();
    if (!entered) return entered.why();
    if (!*entered) return {};
  }
  return {};
}

void missing_list::add(const object_address& address) {
  if (!full() && known_.insert(address).second) found_.addresses.push_back(address);
}

bool missing_list::full() const { return found_.addresses.size() >= limits::missing_objects_max; }

} // namespace glow::store
