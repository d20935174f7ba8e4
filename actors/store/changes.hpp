/// What a command changes in the namespace, as entries for one commit: where a put goes, what a mirror removes, how a copy
/// is mapped. Pure: reads the store's view, writes nothing.
/// Every function may answer that objects are missing: fetch them and ask again.
#pragma once

#include "runtime/store/object_store.hpp"

#include <set>

namespace glow {

using changes = std::vector<store::tree_entry>;
struct planned_changes {
  changes what;
  std::string path;          ///< where it ends up
  std::uint64_t entries = 0; ///< removed or copied
};

template <class T>
bool is_here(const store::or_missing<T>& answer) {
  return answer.ok() && answer->index() == 0;
}
/// The same failure or lack, as the answer to another question. Requires: !is_here(answer).
template <class To, class From>
store::or_missing<To> not_here(const store::or_missing<From>& answer) {
  if (!answer.ok()) return answer.why();
  return typename std::variant<To, store::missing>{std::get<store::missing>(*answer)};
}

/// Last component of a path; empty for "/".
std::string base_name(std::string_view path);
/// `below` under `directory`: "/" joins without a second slash.
std::string join_path(const std::string& directory, std::string_view below);

/// Entries of an import (relative paths, "" first) at `typed`. A directory makes its target mirror it; a file goes inside
/// an existing directory; a trailing slash always means inside. `unread`: relative paths below which nothing is removed.
/// Missing directories above are made. Errors: `usage` when a file stands where a directory must, or the reverse.
store::or_missing<planned_changes> plan_put(store::object_store& in, std::string_view typed, const std::string& source_name,
                                            const changes& imported, const std::set<std::string>& unread, wall_time now);

/// Errors: `not_found`; `usage` for a directory with entries unless `recursive`.
store::or_missing<planned_changes> plan_remove(store::object_store& in, std::string_view typed, bool recursive);

/// `from` may carry a version. Onto itself: restores it, as a mirror. Errors: `not_found`, `usage`.
store::or_missing<planned_changes> plan_copy(store::object_store& in, const std::string& from, std::string_view to,
                                             bool remove_source, wall_time now);

/// Staged entries (relative paths) below `path`; their chunks must be here. Errors: `usage`, `malformed`.
store::or_missing<planned_changes> plan_outputs(store::object_store& in, std::string_view path, const changes& staged,
                                                wall_time now);

} // namespace glow
