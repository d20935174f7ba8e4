// Comparing two trees, and finding out what one of them lacks.
#include "runtime/store/tree.hpp"
#include "runtime/store/tree_cursor.hpp"

namespace glow::store {

namespace {

using nothing_or_missing = std::variant<std::monostate, missing>;

/// Two cursors side by side. Everything before both has been compared.
class tree_comparison {
public:
  tree_comparison(node_source& nodes, const difference_visitor& visit) : from_{nodes}, to_{nodes}, visit_{visit} {}

  or_missing<std::monostate> run(const object_address& from, const object_address& to) {
    if (from == to) return nothing_or_missing{std::monostate{}};
    if (auto started = start(from_, from); !started) return started.why();
    if (auto started = start(to_, to); !started) return started.why();
    if (!absent_.empty()) return nothing_or_missing{absent_.take()}; // without a root there is nothing to compare
    while (!(from_.done() && to_.done()) && !stopped_ && !absent_.full())
      if (auto stepped = advance(); !stepped) return stepped.why();
    if (!absent_.empty()) return nothing_or_missing{absent_.take()};
    return nothing_or_missing{std::monostate{}};
  }

private:
  result<void> start(tree_cursor& cursor, const object_address& root) {
    auto started = cursor.start(root);
    if (!started) return started.why();
    if (!*started) absent_.add(root);
    return {};
  }

  result<void> advance() {
    auto level_from = from_.done() ? -1 : from_.level();
    auto level_to = to_.done() ? -1 : to_.level();
    if (level_from >= 0 && level_from == level_to && from_.subtree().address == to_.subtree().address) {
      from_.next();
      to_.next();
      return {};
    }
    if (level_from >= 0 && level_from >= level_to) {
      auto entered = enter(from_, to_);
      if (!entered || level_from != level_to || !*entered) return entered ? result<void>{} : result<void>{entered.why()};
    }
    if (level_to >= 0 && level_to >= level_from) {
      auto entered = enter(to_, from_);
      return entered ? result<void>{} : result<void>{entered.why()};
    }
    if (level_from < 0 && level_to < 0) compare_entries();
    return {};
  }

  /// Where a node is absent, both cursors go past it, so that what follows is still compared like with like.
  result<bool> enter(tree_cursor& into, tree_cursor& other) {
    auto entered = into.enter();
    if (!entered || *entered) return entered;
    absent_.add(into.subtree().address);
    auto passed = other.seek(into.subtree().last_key, true);
    if (!passed) return passed.why();
    into.next();
    return false;
  }

  void compare_entries() {
    auto before = from_.done() ? nullptr : &from_.entry();
    auto after = to_.done() ? nullptr : &to_.entry();
    if (before && after && before->path != after->path) (before->path < after->path ? after : before) = nullptr;
    if (!(before && after && *before == *after)) stopped_ = visit_({before, after}) == step::stop;
    if (before) from_.next();
    if (after) to_.next();
  }

  tree_cursor from_, to_;
  const difference_visitor& visit_;
  missing_list absent_;
  bool stopped_ = false;
};

} // namespace

or_missing<std::monostate> diff_trees(node_source& nodes, const object_address& from, const object_address& to,
                                      const difference_visitor& visit) {
  return tree_comparison{nodes, visit}.run(from, to);
}

result<missing> missing_objects(node_source& nodes, const object_address& known, const object_address& root,
                                const object_presence& have, const chunk_list_loader& lists, bool with_chunks) {
  missing_list absent;
  error failed{error_code::none, {}};
  auto require = [&](const object_address& address) {
    auto here = have(address);
    if (!here)
      failed = here.why();
    else if (!*here)
      absent.add(address);
    return here && *here;
  };
  auto compared = diff_trees(nodes, known, root, [&](const entry_difference& each) {
    if (!with_chunks || !each.after) return step::next;
    for (auto& chunk : each.after->chunks) require(chunk.address);
    for (auto& list : each.after->chunk_lists) {
      if (!require(list)) continue;
      auto chunks = lists(list);
      if (!chunks) {
        failed = chunks.why();
      } else if (*chunks) {
        for (auto& chunk : **chunks) require(chunk.address);
      }
    }
    return failed.code == error_code::none && !absent.full() ? step::next : step::stop;
  });
  if (!compared) return compared.why();
  if (failed.code != error_code::none) return failed;
  if (auto nodes_absent = std::get_if<missing>(&*compared))
    for (auto& each : nodes_absent->addresses) absent.add(each);
  return absent.take();
}

} // namespace glow::store
