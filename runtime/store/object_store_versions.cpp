// The log of a path, and what a path with a version suffix means.
#include "runtime/base/base32.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/object_keys.hpp"
#include "runtime/store/object_store.hpp"
#include "runtime/store/tree_cursor.hpp"
#include "runtime/store/version_suffix.hpp"

#include <algorithm>
#include <set>

namespace glow::store {

result<void> object_store::each_commit(const std::function<step(const signed_commit&)>& visit) {
  std::optional<error> failed;
  auto scanned = db().scan(family::meta, commit_prefix(), {}, [&](byte_view, byte_view bytes) {
    auto commit = decode_commit(bytes);
    if (!commit) {
      failed = commit.why();
      return false;
    }
    return visit(*commit) == step::next;
  });
  if (!scanned) return scanned;
  if (failed) return *failed;
  return {};
}

/// Looks into every commit's tree, because a version that lost against a concurrent one stands in its own commit only.
/// Neighbouring commits share most nodes, so that the cache answers nearly all of it.
or_missing<std::vector<logged_version>> object_store::log(std::string_view path) {
  using answer = std::variant<std::vector<logged_version>, missing>;
  struct candidate {
    commit_id id;
    object_address root;
    node_id device;
    std::uint64_t sequence;
    std::string message;
  };
  std::vector<candidate> commits; // first all commits, then their trees: a scan's visitor may not touch the database
  auto scanned = each_commit([&](const signed_commit& each) {
    commits.push_back({each.id, each.what.root, each.what.device, each.what.sequence, each.what.message});
    return step::next;
  });
  if (!scanned) return scanned.why();
  std::vector<logged_version> versions;
  missing_list absent;
  for (auto& commit : commits) {
    auto found = find_entry(*this, commit.root, path);
    if (!found) return found.why();
    if (auto more = std::get_if<missing>(&*found)) {
      for (auto& each : more->addresses) absent.add(each);
      continue;
    }
    auto& entry = std::get<0>(*found);
    if (entry && entry->stamp.device == commit.device && entry->stamp.sequence == commit.sequence)
      versions.push_back({0, std::move(*entry), commit.id, commit.root, std::move(commit.message)});
  }
  if (!absent.empty()) return answer{absent.take()};
  std::sort(versions.begin(), versions.end(),
            [](auto& a, auto& b) { return std::tie(a.entry.stamp, a.in) > std::tie(b.entry.stamp, b.in); });
  auto number = static_cast<std::uint32_t>(versions.size());
  for (auto& each : versions) each.number = number--;
  if (versions.size() > limits::log_versions_max) versions.erase(versions.begin() + limits::log_versions_max, versions.end());
  return answer{std::move(versions)};
}

or_missing<object_address> object_store::view_at(wall_time time) {
  std::set<commit_id> newest;
  std::set<commit_id> covered; // by a commit up to that time
  auto scanned = each_commit([&](const signed_commit& each) {
    if (each.what.time > time) return step::next;
    newest.insert(each.id);
    covered.insert(each.what.parents.begin(), each.what.parents.end());
    return step::next;
  });
  if (!scanned) return scanned.why();
  std::vector<commit_id> tips;
  std::set_difference(newest.begin(), newest.end(), covered.begin(), covered.end(), std::back_inserter(tips));
  return join_all(tips);
}

result<commit_id> object_store::commit_by_prefix(std::string_view typed) {
  auto leading = from_base32(typed.substr(0, version_suffix::commit_characters_min)); // whole bytes
  if (!leading) return leading.why();
  std::vector<commit_id> found;
  auto scanned = db().scan(family::meta, key_of('c', *leading), {}, [&](byte_view key, byte_view) {
    auto id = commit_id::from(key.subspan(1));
    if (to_string(id).starts_with(typed)) found.push_back(id);
    return found.size() < 2;
  });
  if (!scanned) return scanned.why();
  if (found.empty()) return error{error_code::not_found, "no commit " + std::string{typed} + " is known here"};
  if (found.size() > 1)
    return error{error_code::usage, "several commits start with " + std::string{typed} + ": give more characters"};
  return found[0];
}

or_missing<resolved_path> object_store::look_up(std::string path, const object_address& root) {
  using answer = std::variant<resolved_path, missing>;
  if (path == "/") return answer{resolved_path{std::move(path), root, std::nullopt}};
  auto found = find_entry(*this, root, path);
  if (!found) return found.why();
  if (auto absent = std::get_if<missing>(&*found)) return answer{std::move(*absent)};
  auto& entry = std::get<0>(*found);
  if (entry && !entry->gone()) return answer{resolved_path{std::move(path), root, std::move(entry)}};
  bool something_below = false;
  auto scanned = scan_below(*this, root, path, [&](const tree_entry&) {
    something_below = true;
    return step::stop;
  });
  if (!scanned) return scanned.why();
  if (something_below) return answer{resolved_path{std::move(path), root, std::nullopt}};
  if (auto absent = std::get_if<missing>(&*scanned)) return answer{std::move(*absent)};
  return error{error_code::not_found, path + (entry ? " was removed" : " does not exist")};
}

or_missing<resolved_path> object_store::resolve_version(const std::string& path, std::string_view typed) {
  using answer = std::variant<resolved_path, missing>;
  auto version = version_suffix::parse(typed);
  if (!version) return version.why();
  if (auto end_of_day = std::get_if<wall_time>(&*version)) {
    auto root = view_at(*end_of_day);
    if (!root) return root.why();
    if (auto absent = std::get_if<missing>(&*root)) return answer{std::move(*absent)};
    return look_up(path, std::get<0>(*root));
  }
  if (auto prefix = std::get_if<std::string>(&*version)) {
    auto id = commit_by_prefix(*prefix);
    if (!id) return id.why();
    auto commit = get_commit(*id);
    if (!commit) return commit.why();
    return look_up(path, (*commit)->what.root);
  }
  auto number = std::get<std::uint32_t>(*version);
  auto versions = log(path);
  if (!versions) return versions.why();
  if (auto absent = std::get_if<missing>(&*versions)) return answer{std::move(*absent)};
  for (auto& each : std::get<0>(*versions)) {
    if (each.number != number) continue;
    if (each.entry.gone())
      return error{error_code::not_found,
                   "version " + std::to_string(number) + " of " + path + " is its removal: try an older one"};
    return answer{resolved_path{path, each.root, std::move(each.entry)}};
  }
  return error{error_code::not_found, path + " has no version " + std::to_string(number) + " (it has "
                                        + std::to_string(std::get<0>(*versions).size()) + "; see `glow log`)"};
}

or_missing<resolved_path> object_store::resolve(std::string_view typed) {
  using answer = std::variant<resolved_path, missing>;
  auto path = normalise_path(typed);
  if (!path) return path.why();
  auto now = view();
  if (!now) return now.why();
  if (auto absent = std::get_if<missing>(&*now)) return answer{std::move(*absent)};
  auto literal = look_up(*path, std::get<0>(*now));
  if (literal || literal.why().code != error_code::not_found) return literal;
  auto parts = version_suffix::split(*path);
  if (!parts) return literal;
  return resolve_version(parts->path, parts->version);
}

} // namespace glow::store
