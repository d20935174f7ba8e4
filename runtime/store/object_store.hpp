/// One namespace's data over a database: objects, history, the merged view. Pure: no clock, no thread, no disk of its own.
///
/// History is a graph of commits. A *tip* is a commit that no known commit has as a parent. Every commit's root is the
/// whole tree: the merged view that its author saw, with the changes. The *view* is the union of the tips' trees in which,
/// path by path, the greatest version_stamp wins, tombstones like any other entry; a join of a semilattice, so that all
/// replicas agree whatever the order in which commits reach them. The losing edit stays in the log.
///
/// Durability: objects are written first, then nodes, then commit, device head and tips in one atomic durable batch.
/// A crash before it leaves unreferenced objects (harmless, found again by their id); after it, everything is there.
///
/// What must be fetched from peers first comes back as `missing`: fetch, put_object, ask again.
///
/// One thread at a time. Workers use their own chunk_store over the same database.
///
/// Keys:  meta  'c' commit id                          → signed commit
///        meta  'd' device sequence(be64) commit id    → sum of the version vector, le64: ancestors have smaller sums
///        refs  't' commit id                          → nothing: tips
///        refs  'h' device                             → sequence(le64) commit id: newest of each device
///        refs  'n'                                    → namespace id
#pragma once

#include "runtime/store/chunk_store.hpp"
#include "runtime/store/commit.hpp"
#include "runtime/store/fastcdc.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/tree.hpp"

#include <memory>

namespace glow::store {

struct committed {
  commit_id id; ///< of the new commit; when nothing changed, of the newest tip (zero in an empty store)
  object_address root;
  std::uint64_t entries = 0; ///< entries that really changed; 0: no commit was made
};

/// What became of a commit from a peer.
struct remote_commit_outcome {
  enum class status : std::uint8_t {
    applied,       ///< stored; the tips moved
    already_known, ///< nothing to do
    waits_for,     ///< not stored: hand over `absent_parents` first, then this one again
  };
  status what = status::applied;
  commit_id id;
  std::vector<commit_id> absent_parents;
  /// The same device made another commit of this sequence (its database was copied or restored): both are kept, and
  /// somebody should be told.
  std::optional<commit_id> forked_from;
};

struct head {
  node_id device;
  std::uint64_t sequence = 0;
  commit_id id;
};

/// One version of a path.
struct logged_version {
  std::uint32_t number = 0; ///< 1 is the oldest
  tree_entry entry;         ///< a tombstone where it was removed
  commit_id in;             ///< the commit that wrote it
  object_address root;      ///< of that commit
  std::string message;
};

/// What a path with or without a version suffix means.
struct resolved_path {
  std::string path;                ///< without the suffix
  object_address root;             ///< tree in which to look: of the view or of that version
  std::optional<tree_entry> entry; ///< none for "/" and for directories that only have things below
};

class object_store final : private node_source, private node_sink {
public:
  /// Opens what the database holds. `in` guards against a database of another namespace (`replaced`).
  static result<std::unique_ptr<object_store>> open(database& db, const namespace_id& in,
                                                    const identity::namespace_secret& secret);
  ~object_store() override;

  // ---- objects ----
  /// For writers and readers on this thread. Workers: `chunk_store{store.db(), store.keys()}`.
  chunk_store& chunks() { return chunks_; }
  database& db() { return chunks_.db(); }
  const namespace_keys& keys() const { return chunks_.keys(); }
  const std::shared_ptr<const gear_table>& gear() const { return gear_; }
  /// Sealed bytes from a peer; checked against the address. Errors: `tampered`, `malformed`, database.
  result<void> put_object(const object_address& expected, byte_view sealed) { return chunks_.put_sealed(expected, sealed); }
  result<std::optional<byte_string>> get_object(const object_address& address) { return chunks_.get_sealed(address); }
  result<bool> has_object(const object_address& address) { return chunks_.has(address); }

  // ---- writing ----
  /// Makes one commit on top of the view: each change replaces what stands at its path (a tombstone removes; removing
  /// what is not there is no change). Stamps and revisions are set here. Order does not matter; of two changes of one path
  /// the later wins. Chunks that the changes name must be in the database. Durable when it returns, and `with` it: both or
  /// neither, even when nothing changed.
  /// Errors: `usage` (bad path), `not_found` (a named chunk is not here), those of the database: nothing changed then.
  or_missing<committed> commit_changes(std::vector<tree_entry> changes, std::string message, wall_time now, const author& by,
                                       const write_batch& with = {});

  /// A commit from a peer: verified, its author asked for by `is_member`. Errors: `malformed`, `tampered`,
  /// `not_a_member`, those of the database. Of many commits in a row only the last need be durable.
  result<remote_commit_outcome> apply_remote_commit(byte_view bytes, const std::function<bool(const node_id&)>& is_member,
                                                    durable when = durable::yes);

  // ---- reading ----
  /// Root of the merged view. Cheap while the tips stay. Of a single tip it is that commit's root, whether its nodes are
  /// here or not; to join several, nodes that differ must be here, and `missing` names those that are not.
  or_missing<object_address> view();
  /// The live or dead entry at `path` under `root`.
  or_missing<std::optional<tree_entry>> find(const object_address& root, std::string_view path);
  or_missing<std::vector<directory_item>> list(const object_address& root, std::string_view directory);
  or_missing<std::monostate> each_below(const object_address& root, std::string_view path, const entry_visitor& visit);
  or_missing<std::monostate> diff(const object_address& from, const object_address& to, const difference_visitor& visit);

  /// All versions of a path, newest first. At most limits::log_versions_max.
  or_missing<std::vector<logged_version>> log(std::string_view path);
  /// `PATH`, `PATH@N` (version N of the log), `PATH@YYYY-MM-DD` (as the namespace stood at the end of that day, UTC),
  /// `PATH@commit` (≥ 8 characters of base32). The last '@' starts a version only if what follows it is one of these and
  /// nothing of the literal name exists.
  /// Errors: `not_found` (no such path, version or commit; a removed version too), `usage` (ambiguous commit, bad path).
  or_missing<resolved_path> resolve(std::string_view typed);
  /// The view as of `time`: all commits up to it.
  or_missing<object_address> view_at(wall_time time);

  // ---- exchange with peers ----
  /// Newest commit of each device.
  result<std::vector<head>> list_heads();
  /// Commits that no other commit builds on.
  const std::vector<commit_id>& tips() const { return tips_; }
  /// What this store holds of each device.
  const version_vector& vector() const { return vector_; }
  result<std::optional<signed_commit>> get_commit(const commit_id& id);
  /// Which of the peer's tips and heads are not here: ask for them by id, or for everything beyond vector().
  result<std::vector<commit_id>> list_missing_commits(const std::vector<commit_id>& of_peer);
  /// Encoded commits that a peer with this vector does not have, parents first; within the bounds of one answer
  /// (limits::commits_per_answer_max, `bytes_max`), so that the peer asks again with a larger vector until none come.
  result<std::vector<byte_string>> commits_beyond(const version_vector& peer_has, std::size_t bytes_max);
  /// Objects still to be fetched so that the view (nodes; with chunks: everything) is whole. Empty: complete.
  result<missing> missing_of_tips(bool with_chunks);
  /// Chunks and chunk lists of one file, or of everything at or below `path`, that are not here.
  result<missing> missing_below(const object_address& root, std::string_view path);

private:
  object_store(database& db, const namespace_id& in, const identity::namespace_secret& secret);
  result<node_ptr> load(const object_address& address) override;
  result<object_address> save(const tree_node& node) override;
  result<void> flush_nodes();
  void forget_unwritten();
  result<void> read_refs();
  or_missing<object_address> join(const object_address& into, const object_address& more);
  or_missing<object_address> join_all(const std::vector<commit_id>& tips);

  or_missing<committed> try_commit(std::vector<tree_entry> changes, std::string message, wall_time now, const author& by,
                                   const write_batch& with);
  or_missing<std::vector<tree_entry>> prepare_changes(std::vector<tree_entry> changes, const object_address& base, wall_time now,
                                                      const node_id& device, std::uint64_t sequence);
  result<void> check_chunks(tree_entry& entry);
  result<std::vector<commit_id>> parents_for(const node_id& device);
  result<signed_commit> make_commit(const object_address& root, const std::vector<commit_id>& parents, std::string message,
                                    wall_time now, const author& by);
  result<void> store_commit(const signed_commit& made, durable when, const write_batch& with = {});
  result<std::optional<commit_id>> twin_of(const signed_commit& arrived);

  /// Decodes every commit; stops where the visitor does.
  result<void> each_commit(const std::function<step(const signed_commit&)>& visit);
  result<commit_id> commit_by_prefix(std::string_view typed);
  /// The live entry at `path`, or the directory that only has things below it. Errors: `not_found`.
  or_missing<resolved_path> look_up(std::string path, const object_address& root);
  or_missing<resolved_path> resolve_version(const std::string& path, std::string_view version);

  namespace_id in_;
  chunk_store chunks_;
  std::shared_ptr<const gear_table> gear_;
  std::vector<commit_id> tips_; ///< ascending
  version_vector vector_;
  object_address view_; ///< of view_tips_
  std::vector<commit_id> view_tips_;
  object_address whole_;   ///< a root whose nodes are all here (zero is one, too)
  write_batch node_batch_; ///< new nodes on their way to the database
  struct node_cache;
  std::unique_ptr<node_cache> cache_;
};

} // namespace glow::store
