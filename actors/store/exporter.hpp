/// One export: brings missing objects here, then writes a tree of the namespace to this machine, in slices.
/// Nothing is written before everything is here, so that an unreachable peer leaves no half tree.
///
///   waiting ─► listing ─► counting ─► fetching ─► writing ─► done
///                 └──────────┴───────────┴───────────┴─────► failed
///
/// Hears    front: export_tree, fetch_progressed      itself: export_slice
/// Tells    front: fetch_objects, get_done or the error      watcher: progress
/// Watches  front (dies with it)
/// Fails    never on its own: errors are answers
#pragma once

#include "actors/store/workers.hpp"
#include "runtime/base/random.hpp"
#include "runtime/store/chunk.hpp"
#include "runtime/store/database.hpp"

namespace glow {

struct exporter_arguments {
  std::shared_ptr<store::database> database;
  store::namespace_keys keys;
  object_fetcher_actor front;
  std::shared_ptr<random_source> random; ///< of its own: names of temporary files
};

/// Detached: with a thread of its own, for files block.
exporter_actor spawn_exporter(caf::actor_system& system, bool detached, exporter_arguments arguments);

} // namespace glow
