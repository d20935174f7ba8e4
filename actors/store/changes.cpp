#include "actors/store/changes.hpp"

#include "runtime/host/tree_files.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"

#include <unordered_set>

namespace glow {

namespace {

using host::printable;
using store::entry_kind;
using store::object_address;
using store::object_store;
using store::or_missing;
using store::tree_entry;

enum class standing { nothing, file, directory }; // symlinks count as files

or_missing<standing> what_stands(object_store& in, const object_address& root, const std::string& path) {
  if (path == "/") return std::variant<standing, store::missing>{standing::directory};
  auto found = in.find(root, path);
  if (!is_here(found)) return not_here<standing>(found);
  auto& entry = std::get<0>(*found);
  if (entry && !entry->gone())
    return std::variant<standing, store::missing>{entry->kind == entry_kind::directory ? standing::directory : standing::file};
  bool below = false;
  auto scanned = in.each_below(root, path, [&](const tree_entry&) {
    below = true;
    return store::step::stop;
  });
  if (below) return std::variant<standing, store::missing>{standing::directory};
  if (!is_here(scanned)) return not_here<standing>(scanned);
  return std::variant<standing, store::missing>{standing::nothing};
}

/// Directory entries for what is missing above `path`, outermost first.
or_missing<changes> parents_of(object_store& in, const object_address& root, const std::string& path, wall_time now) {
  changes out;
  for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    auto above = path.substr(0, slash);
    auto found = in.find(root, above);
    if (!is_here(found)) return not_here<changes>(found);
    auto& entry = std::get<0>(*found);
    if (entry && entry->kind == entry_kind::directory) continue;
    if (entry && !entry->gone())
      return error{error_code::usage,
                   printable(above) + " is a " + std::string{to_string(entry->kind)} + ", no directory; choose another path"};
    tree_entry made;
    made.path = above;
    made.kind = entry_kind::directory;
    made.mode = 0755;
    made.modified_ns = std::chrono::nanoseconds{now.time_since_epoch()}.count();
    out.push_back(std::move(made));
  }
  return std::variant<changes, store::missing>{std::move(out)};
}

or_missing<planned_changes> planned(planned_changes plan) {
  return std::variant<planned_changes, store::missing>{std::move(plan)};
}

/// Where a source called `name` goes when the user typed `typed`: the beginning of a plan.
or_missing<planned_changes> target_of(object_store& in, const object_address& root, std::string_view typed,
                                      const std::string& name, bool directory) {
  auto path = store::normalise_path(typed);
  if (!path.ok()) return path.why();
  auto target = *path;
  auto stands = what_stands(in, root, target);
  if (!is_here(stands)) return not_here<planned_changes>(stands);
  if (typed.ends_with('/') || target == "/" || (!directory && std::get<0>(*stands) == standing::directory)) {
    if (std::get<0>(*stands) == standing::file)
      return error{error_code::usage, printable(target) + " is no directory; choose another path, or remove it first"};
    target = join_path(target, name);
    stands = what_stands(in, root, target);
    if (!is_here(stands)) return not_here<planned_changes>(stands);
  }
  auto is = std::get<0>(*stands);
  if (directory && is == standing::file)
    return error{error_code::usage, printable(target) + " is a file; a directory cannot take its place, remove it first"};
  if (!directory && is == standing::directory)
    return error{error_code::usage, printable(target) + " is a directory; a file cannot take its place, remove it first"};
  return planned({{}, target, 0});
}

bool at_or_below(std::string_view path, std::string_view top) {
  return top == "/" || path == top || (path.starts_with(top) && path.size() > top.size() && path[top.size()] == '/');
}

/// Tombstones for everything at or below `path` that `kept` does not name and `spared` does not cover.
or_missing<changes> removals(object_store& in, const object_address& root, const std::string& path,
                             const std::unordered_set<std::string>& kept, const std::set<std::string>& spared) {
  changes out;
  auto scanned = in.each_below(root, path, [&](const tree_entry& each) {
    bool covered = std::any_of(spared.begin(), spared.end(), [&](auto& top) { return at_or_below(each.path, top); });
    if (!covered && !kept.contains(each.path)) out.push_back(store::make_tombstone(each.path));
    return store::step::next;
  });
  if (!is_here(scanned)) return not_here<changes>(scanned);
  return std::variant<changes, store::missing>{std::move(out)};
}

void add(changes& to, changes&& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

} // namespace

std::string base_name(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

std::string join_path(const std::string& directory, std::string_view below) {
  if (below.empty()) return directory;
  return (directory == "/" ? "/" : directory + "/") + std::string{below};
}

or_missing<planned_changes> plan_put(object_store& in, std::string_view typed, const std::string& source_name,
                                     const changes& imported, const std::set<std::string>& unread, wall_time now) {
  auto root = in.view();
  if (!is_here(root)) return not_here<planned_changes>(root);
  bool directory = imported.empty() || imported.front().kind == entry_kind::directory;
  auto target = target_of(in, std::get<0>(*root), typed, source_name, directory);
  if (!is_here(target)) return not_here<planned_changes>(target);
  auto plan = std::move(std::get<0>(*target));
  auto parents = parents_of(in, std::get<0>(*root), plan.path, now);
  if (!is_here(parents)) return not_here<planned_changes>(parents);
  plan.what = std::move(std::get<0>(*parents));
  std::unordered_set<std::string> kept;
  for (auto each : imported) {
    each.path = join_path(plan.path, each.path);
    kept.insert(each.path);
    plan.what.push_back(std::move(each));
  }
  std::set<std::string> spared;
  for (auto& each : unread) spared.insert(join_path(plan.path, each));
  auto gone = removals(in, std::get<0>(*root), plan.path, kept, spared);
  if (!is_here(gone)) return not_here<planned_changes>(gone);
  add(plan.what, std::move(std::get<0>(*gone)));
  return planned(std::move(plan));
}

or_missing<planned_changes> plan_remove(object_store& in, std::string_view typed, bool recursive) {
  auto path = store::normalise_path(typed);
  if (!path.ok()) return path.why();
  auto root = in.view();
  if (!is_here(root)) return not_here<planned_changes>(root);
  auto gone = removals(in, std::get<0>(*root), *path, {}, {});
  if (!is_here(gone)) return not_here<planned_changes>(gone);
  planned_changes plan{std::move(std::get<0>(*gone)), *path, 0};
  plan.entries = plan.what.size();
  if (plan.what.empty()) return error{error_code::not_found, printable(*path) + ": there is no such path"};
  bool only_itself = plan.what.size() == 1 && plan.what[0].path == *path;
  if (!only_itself && !recursive)
    return error{error_code::usage, printable(*path) + " is a directory with entries; remove it with -r"};
  return planned(std::move(plan));
}

or_missing<planned_changes> plan_copy(object_store& in, const std::string& from, std::string_view to, bool remove_source,
                                      wall_time now) {
  auto source = in.resolve(from);
  if (!is_here(source)) return not_here<planned_changes>(source);
  auto& resolved = std::get<0>(*source);
  auto root = in.view();
  if (!is_here(root)) return not_here<planned_changes>(root);
  auto& view = std::get<0>(*root);
  if (remove_source && resolved.root != view)
    return error{error_code::usage, printable(from) + " is an old version: copy it, it cannot be moved"};
  auto wanted = store::normalise_path(to);
  if (!wanted.ok()) return wanted.why();
  bool restores = *wanted == resolved.path;
  if (restores && remove_source) return error{error_code::usage, printable(from) + ": source and target are the same"};
  planned_changes plan;
  plan.path = *wanted;
  bool directory = !resolved.entry || resolved.entry->kind == entry_kind::directory;
  if (!restores) {
    auto stands = what_stands(in, view, *wanted);
    if (!is_here(stands)) return not_here<planned_changes>(stands);
    // like cp and mv: into an existing directory
    auto typed = std::string{to} + (std::get<0>(*stands) == standing::directory && !to.ends_with('/') ? "/" : "");
    auto target = target_of(in, view, typed, base_name(resolved.path), directory);
    if (!is_here(target)) return not_here<planned_changes>(target);
    plan.path = std::get<0>(*target).path;
    if (at_or_below(plan.path, resolved.path))
      return error{error_code::usage, printable(resolved.path) + " cannot go into itself"};
  }
  // whoever commits chunks holds them
  auto absent = in.missing_below(resolved.root, resolved.path);
  if (!absent.ok()) return absent.why();
  if (!absent->addresses.empty()) return std::variant<planned_changes, store::missing>{std::move(*absent)};
  auto parents = parents_of(in, view, plan.path, now);
  if (!is_here(parents)) return not_here<planned_changes>(parents);
  plan.what = std::move(std::get<0>(*parents));
  std::unordered_set<std::string> kept;
  changes sources;
  auto scanned = in.each_below(resolved.root, resolved.path, [&](const tree_entry& each) {
    auto copy = each;
    auto below = std::string_view{each.path}.substr(resolved.path == "/" ? 0 : resolved.path.size());
    copy.path = join_path(plan.path, below.starts_with('/') ? below.substr(1) : below);
    kept.insert(copy.path);
    plan.what.push_back(std::move(copy));
    if (remove_source) sources.push_back(store::make_tombstone(each.path));
    ++plan.entries;
    return store::step::next;
  });
  if (!is_here(scanned)) return not_here<planned_changes>(scanned);
  if (plan.entries == 0) return error{error_code::not_found, printable(from) + ": there is nothing"};
  add(plan.what, std::move(sources));
  if (!restores) return planned(std::move(plan));
  auto gone = removals(in, view, plan.path, kept, {});
  if (!is_here(gone)) return not_here<planned_changes>(gone);
  add(plan.what, std::move(std::get<0>(*gone)));
  return planned(std::move(plan));
}

or_missing<planned_changes> plan_outputs(object_store& in, std::string_view path, const changes& staged, wall_time now) {
  auto target = store::normalise_path(path);
  if (!target.ok()) return target.why();
  store::missing absent;
  std::set<object_address> named;
  for (auto& each : staged) {
    if (each.gone()) return error{error_code::malformed, "staged outputs hold a removal"};
    if (each.kind != entry_kind::file) continue;
    auto refs = store::chunks_of(in.chunks(), each);
    if (!refs.ok()) return refs.why();
    std::vector<object_address> needed;
    if (auto* lists = std::get_if<store::missing>(&*refs))
      needed = lists->addresses;
    else
      for (auto& ref : std::get<0>(*refs)) needed.push_back(ref.address);
    for (auto& address : needed) {
      auto here = in.has_object(address);
      if (!here.ok()) return here.why();
      if (!*here && named.size() < limits::missing_objects_max && named.insert(address).second)
        absent.addresses.push_back(address);
    }
  }
  if (!absent.addresses.empty()) return std::variant<planned_changes, store::missing>{std::move(absent)};
  auto root = in.view();
  if (!is_here(root)) return not_here<planned_changes>(root);
  // a name below, so that the directory itself is made as a parent
  auto parents = parents_of(in, std::get<0>(*root), join_path(*target, "x"), now);
  if (!is_here(parents)) return not_here<planned_changes>(parents);
  planned_changes plan{std::move(std::get<0>(*parents)), *target, 0};
  for (auto each : staged) {
    if (each.path.empty()) continue; // the staged directory itself
    each.path = join_path(*target, each.path);
    if (auto good = store::check_path(each.path); !good.ok()) return good.why();
    plan.what.push_back(std::move(each));
    ++plan.entries;
  }
  return planned(std::move(plan));
}

} // namespace glow
