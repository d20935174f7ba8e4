/// Answers of the store that change nothing: listings, logs, slices of files. Each may lack objects: fetch and ask again.
#pragma once

#include "actors/contracts/store.hpp"
#include "runtime/store/object_store.hpp"

namespace glow {

/// Errors (of all): `not_found`, `usage`.
store::or_missing<path_list> list_entries(store::object_store& in, const list_path& asked, const node_id& self);
/// Files at or below a path in the newest version, with the commit that holds them.
store::or_missing<path_snapshot> list_files(store::object_store& in, const snapshot_path& asked, const node_id& self);
store::or_missing<path_log> list_versions(store::object_store& in, const log_path& asked, const identity::roster& roster);
store::or_missing<path_bytes> read_bytes(store::object_store& in, const read_path& asked);

} // namespace glow
