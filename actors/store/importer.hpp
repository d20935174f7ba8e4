/// One import: walks a source on this machine, cuts, seals and stores its files in slices, ends with the list of entries.
/// Refuses to commit: nothing is visible until the front does.
///
///   waiting ─► listing ─► reading ─► done
///                 └──────────┴─────► failed (the front takes back what was stored)
///
/// Hears    front: import_tree      itself: import_slice
/// Tells    front: imported_tree or the error      watcher: progress
/// Watches  front (dies with it)
/// Fails    never on its own: errors are answers
#pragma once

#include "actors/store/import_record.hpp"
#include "actors/store/workers.hpp"
#include "runtime/store/chunk.hpp"
#include "runtime/store/fastcdc.hpp"

namespace glow {

struct importer_arguments {
  std::shared_ptr<recording_database> database; ///< the front takes a failed import back through it
  store::namespace_keys keys;
  std::shared_ptr<const store::gear_table> gear;
  caf::strong_actor_ptr front;
};

/// Detached: with a thread of its own, for files block.
importer_actor spawn_importer(caf::actor_system& system, bool detached, importer_arguments arguments);

} // namespace glow
