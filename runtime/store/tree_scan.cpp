// Lookups, scans and listings.
#include "runtime/store/tree.hpp"
#include "runtime/store/tree_cursor.hpp"

#include <map>

namespace glow::store {

or_missing<std::optional<tree_entry>> find_entry(node_source& nodes, const object_address& root, std::string_view path) {
  tree_cursor at{nodes};
  auto started = at.start(root);
  if (!started) return started.why();
  if (!*started) return std::variant<std::optional<tree_entry>, missing>{missing{{root}}};
  if (auto sought = at.seek(path); !sought) return sought.why();
  if (at.done()) return std::variant<std::optional<tree_entry>, missing>{std::nullopt};
  if (!at.at_entry()) return std::variant<std::optional<tree_entry>, missing>{missing{{at.subtree().address}}};
  if (at.entry().path != path) return std::variant<std::optional<tree_entry>, missing>{std::nullopt};
  return std::variant<std::optional<tree_entry>, missing>{std::optional{at.entry()}};
}

namespace {

using nothing_or_missing = std::variant<std::monostate, missing>;

or_missing<std::monostate> finish(missing_list& absent) {
  if (absent.empty()) return nothing_or_missing{std::monostate{}};
  return nothing_or_missing{absent.take()};
}

/// Calls `visit(cursor)` on every entry in [from, to) until it returns false; the visitor may seek further itself, and
/// returns true then without having moved past the entry that it saw.
template <class Visit>
or_missing<std::monostate> scan_with(node_source& nodes, const object_address& root, std::string_view from, std::string_view to,
                                     Visit visit) {
  missing_list absent;
  tree_cursor at{nodes};
  auto started = at.start(root);
  if (!started) return started.why();
  if (!*started) absent.add(root);
  if (auto sought = at.seek(from); !sought) return sought.why();
  while (!at.done() && !absent.full()) {
    if (at.at_entry()) {
      if (!to.empty() && at.entry().path.compare(to) >= 0) break;
      result<bool> more = visit(at);
      if (!more) return more.why();
      if (!*more) break;
      continue;
    }
    auto entered = at.enter();
    if (!entered) return entered.why();
    if (*entered) continue;
    absent.add(at.subtree().address); // and go on, to name as many as possible at once
    if (!to.empty() && at.subtree().last_key.compare(to) >= 0) break;
    at.next();
  }
  return finish(absent);
}

/// Smallest key after everything that starts with `directory` + '/': '0' follows '/'.
std::string past_directory(std::string_view directory) { return std::string{directory} + '0'; }

} // namespace

or_missing<std::monostate> scan_entries(node_source& nodes, const object_address& root, std::string_view from,
                                        std::string_view to, const entry_visitor& visit) {
  return scan_with(nodes, root, from, to, [&](tree_cursor& at) -> result<bool> {
    if (visit(at.entry()) == step::stop) return false;
    at.next();
    return true;
  });
}

or_missing<std::monostate> scan_below(node_source& nodes, const object_address& root, std::string_view path,
                                      const entry_visitor& visit) {
  auto live = [&](const tree_entry& entry) { return entry.gone() ? step::next : visit(entry); };
  if (path == "/") return scan_entries(nodes, root, "/", "", live);
  auto own = find_entry(nodes, root, path);
  if (!own) return own.why();
  if (auto absent = std::get_if<missing>(&*own)) return nothing_or_missing{std::move(*absent)};
  if (auto& entry = std::get<0>(*own); entry && live(*entry) == step::stop) return nothing_or_missing{std::monostate{}};
  return scan_entries(nodes, root, std::string{path} + '/', past_directory(path), live);
}

or_missing<std::vector<directory_item>> list_directory(node_source& nodes, const object_address& root,
                                                       std::string_view directory) {
  auto prefix = directory == "/" ? std::string{"/"} : std::string{directory} + '/';
  auto end = past_directory(directory == "/" ? "" : directory);
  std::map<std::string, std::optional<tree_entry>, std::less<>> names; // "a", "a.txt", "a/b" is the order of keys, not of names
  auto scanned = scan_with(nodes, root, prefix, end, [&](tree_cursor& at) -> result<bool> {
    auto& entry = at.entry();
    auto rest = std::string_view{entry.path}.substr(prefix.size());
    auto name = std::string{rest.substr(0, rest.find('/'))};
    if (entry.gone()) {
      at.next();
      return true;
    }
    if (name.size() == rest.size()) {
      names[name] = entry;
      at.next();
      return true;
    }
    names.try_emplace(name, std::nullopt);
    if (auto sought = at.seek(past_directory(prefix + name)); !sought) return sought.why();
    return true;
  });
  using answer = std::variant<std::vector<directory_item>, missing>;
  if (!scanned) return scanned.why();
  if (auto absent = std::get_if<missing>(&*scanned)) return answer{std::move(*absent)};
  std::vector<directory_item> items;
  for (auto& [name, entry] : names) items.push_back({name, std::move(entry)});
  return answer{std::move(items)};
}

} // namespace glow::store
