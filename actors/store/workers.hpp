/// Messages between the store's front and its workers: nobody else's business.
#pragma once

#include "actors/contracts/store.hpp"
#include "runtime/store/tree_entry.hpp"

#include <set>

namespace glow {

/// front → importer: read `source`, cut, seal and store it. Answered once by imported_tree; the importer ends then.
struct import_tree {
  std::string source;
  bool skip_unreadable = false;
  caf::strong_actor_ptr watcher; ///< hears progress, or null
};
struct imported_tree {
  std::vector<store::tree_entry> entries; ///< paths relative to the source; the first, "", is the source itself
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> skipped; ///< one line each: what and why
  std::set<std::string> unread;     ///< relative paths of what could not be read: it is not gone
};
/// itself → importer: next slice of work.
struct import_slice {};
using importer_actor = caf::typed_actor<caf::replies_to<import_tree>::with<imported_tree>, caf::reacts_to<import_slice>>;

/// front → exporter: this many of the objects asked for are still missing.
struct fetch_progressed {
  std::uint64_t missing = 0;
};
using fetch_watcher_actor = caf::typed_actor<caf::reacts_to<fetch_progressed>>;

/// exporter → front: bring these objects here. Answered by objects_fetched, or why not (unreachable, timed_out).
struct fetch_objects {
  std::string what; ///< "get /docs": begins the error message
  std::vector<store::object_address> addresses;
  std::vector<std::uint32_t> sizes; ///< expected bytes, in the same order; or empty
  std::set<node_id> holders;        ///< devices that wrote what needs them
  std::uint64_t missing_total = 0;  ///< for messages: objects not here, of all that are needed; 0: not counted
  std::uint64_t objects_total = 0;
  duration timeout{};
  fetch_watcher_actor watcher; ///< or null
  bool metadata = false;       ///< nodes of trees, which travel as commits do: also where bulk may not
};
struct objects_fetched {};
using object_fetcher_actor = caf::typed_actor<caf::replies_to<fetch_objects>::with<objects_fetched>>;

/// front → exporter: write what stands at or below `path` in the tree `root` to `directory`/`name`. Answered once by
/// get_done; the exporter ends then.
struct export_tree {
  std::string what; ///< "get /docs", for messages
  std::string path;
  store::object_address root;
  std::string directory; ///< existing, of this machine
  std::string name;      ///< below it; empty: into the directory itself
  duration timeout{};
  caf::strong_actor_ptr watcher;
};
/// itself → exporter: next slice of work.
struct export_slice {};
using exporter_actor =
  caf::typed_actor<caf::replies_to<export_tree>::with<get_done>, caf::reacts_to<fetch_progressed>, caf::reacts_to<export_slice>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::import_tree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::imported_tree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::import_slice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::export_tree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::export_slice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::fetch_progressed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::fetch_objects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::objects_fetched)
