/// The prolly tree: a sorted map from path to entry whose shape depends on the set of entries only, never on the order of
/// edits: node ends are drawn from a hash of the keys. Equal sets have equal roots, so that two trees are compared in
/// O(differences). A root is an address; all zero is the empty tree.
///
/// Every function reports nodes that are not here as `missing`, as many as it can tell in one go, and may be called again
/// once they are. Refuses to merge (object_store decides who wins) and to interpret tombstones: they are entries.
#pragma once

#include "runtime/store/limits.hpp"
#include "runtime/store/tree_node.hpp"

#include <functional>
#include <optional>

namespace glow::store {

/// The entry at exactly `path`, tombstone or not.
or_missing<std::optional<tree_entry>> find_entry(node_source& nodes, const object_address& root, std::string_view path);

/// What a visitor wants next.
enum class step : std::uint8_t { next, stop };

/// Entries with key in [from, to), in order; an empty `to` means no end. Skipped and reported when missing.
using entry_visitor = std::function<step(const tree_entry&)>;
or_missing<std::monostate> scan_entries(node_source& nodes, const object_address& root, std::string_view from,
                                        std::string_view to, const entry_visitor& visit);

/// A name in a directory. `entry` is empty for a directory that exists only because something stands below it.
struct directory_item {
  std::string name; ///< one component
  std::optional<tree_entry> entry;
};
/// What stands directly in `directory` ("/" or a path), tombstones left out, in order of names; O(names), not O(entries
/// below). A directory with nothing but tombstones below is not there.
or_missing<std::vector<directory_item>> list_directory(node_source& nodes, const object_address& root,
                                                       std::string_view directory);

/// Every live entry at or below `path` ("/": all), in order.
or_missing<std::monostate> scan_below(node_source& nodes, const object_address& root, std::string_view path,
                                      const entry_visitor& visit);

/// The tree `root` with `changes` put in (replacing entries of the same path). Writes only the nodes that are new.
/// Requires: changes sorted by path, no path twice. `root` may be the empty tree (bulk build).
or_missing<object_address> apply_changes(node_source& nodes, node_sink& sink, const object_address& root,
                                         const std::vector<tree_entry>& changes);

/// One path that differs.
struct entry_difference {
  const tree_entry* before = nullptr; ///< null: not in `from`
  const tree_entry* after = nullptr;  ///< null: not in `to`
};
/// Walks both trees and skips what is equal.
using difference_visitor = std::function<step(const entry_difference&)>;
or_missing<std::monostate> diff_trees(node_source& nodes, const object_address& from, const object_address& to,
                                      const difference_visitor& visit);

/// All objects that a tree needs and `have` does not: nodes of `root` outside of the tree `known` (whose nodes are all
/// here) that `have` denies; and where `with_chunks`, chunk lists and chunks as well. At most limits::missing_objects_max.
/// An empty answer means: complete.
using object_presence = std::function<result<bool>(const object_address&)>;
using chunk_list_loader = std::function<result<std::optional<std::vector<chunk_ref>>>(const object_address&)>;
result<missing> missing_objects(node_source& nodes, const object_address& known, const object_address& root,
                                const object_presence& have, const chunk_list_loader& lists, bool with_chunks);

} // namespace glow::store
