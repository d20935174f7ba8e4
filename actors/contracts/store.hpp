/// What the store hears. Paths are bytes, absolute in the namespace ("/docs/a.txt"), and may carry a version suffix
/// where a read is meant ("/docs/a.txt@3", "@2026-11-20", "@commit-id").
#pragma once

#include "actors/contracts/endpoint.hpp"

namespace glow {

/// Progress of a long command, told to `watcher` at most ten times a second.
struct progress {
  std::string what; ///< the file or step at hand
  std::uint64_t done = 0;
  std::uint64_t total = 0; ///< 0 while unknown
  std::string unit = "B";  ///< "B" bytes, "steps" …
};
using progress_actor = caf::typed_actor<caf::reacts_to<progress>>;

/// control, jobs → store: import a file or directory of this machine under `path`, as one commit.
/// Answered by put_done once it is durable; an error leaves the namespace as it was. Unreadable files fail the whole
/// put unless `skip_unreadable`.
struct put_path {
  std::string source;
  std::string path;
  bool skip_unreadable = false;
  caf::strong_actor_ptr watcher;
};
struct put_done {
  std::string commit;
  std::string path;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> skipped;
};
/// control, jobs → store: bring `path` (file or directory, any version) to `destination` on this machine: written under
/// temporary names, synced, renamed. Missing chunks are fetched from whichever member has them.
/// Errors: not_found; unreachable when nobody reachable has the bytes; timed_out; io.
struct get_path {
  std::string path;
  std::string destination;
  duration timeout = 30s;
  caf::strong_actor_ptr watcher;
};
struct get_done {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> reported;
};
/// control → store: one slice of a file's bytes, for `cat` and `get PATH -`. Answered by path_bytes.
struct read_path {
  std::string path;
  std::uint64_t offset = 0;
  std::size_t bytes_max = 256u << 10;
  duration timeout = 30s;
};
struct path_bytes {
  byte_string bytes;
  std::uint64_t size = 0;
  bool end = false;
};
/// control → store: bytes from stdin become a file: open, write in order, close (commits). One upload at a time per id.
struct open_upload {
  std::string path;
};
struct upload_opened {
  std::uint64_t upload = 0;
};
struct write_upload {
  std::uint64_t upload = 0;
  byte_string bytes;
};
struct upload_written {};
struct close_upload {
  std::uint64_t upload = 0;
  bool commit = true;
};
/// control → store: answered by path_list: the entries of a directory, or the one file. `where`: count copies.
struct list_path {
  std::string path;
  bool recursive = false;
};
struct listed_entry {
  std::string name; ///< relative to the listed directory
  std::string kind; ///< "file", "directory", "symlink"
  std::uint64_t size = 0;
  wall_time modified{};
  std::uint32_t version = 0; ///< of a file: 1, 2, …
  std::uint32_t copies = 0;  ///< nodes known to hold all of it
  std::string target;        ///< of a symlink
  std::uint32_t mode = 0;
};
struct path_list {
  std::vector<listed_entry> entries;
};
/// control → store: versions of a path, newest first. Answered by path_log.
struct log_path {
  std::string path;
};
struct path_version {
  std::uint32_t version = 0;
  std::string commit;
  wall_time time{};
  std::string device;
  std::uint64_t size = 0;
  std::string change;
};
struct path_log {
  std::vector<path_version> versions;
};
/// control → store: a new commit without this path; older versions stay. Answered by path_removed.
struct remove_path {
  std::string path;
  bool recursive = false;
};
struct path_removed {
  std::string commit;
  std::uint64_t entries = 0;
};
/// control → store: copy or move within the namespace (`glow mv`, `glow restore PATH@V` = copy onto itself).
struct copy_path {
  std::string from;
  std::string to;
  bool remove_source = false;
};

/// jobs → store: import outputs of a step without committing them; answered by staged_outputs.
struct stage_outputs {
  std::string source;
};
/// An opaque, encoded list of tree entries (paths relative to the source), whose chunks this node's store holds.
struct staged_outputs {
  byte_string entries;
  std::uint64_t bytes = 0;
};
/// jobs → store: fetch every chunk of these staged entries from `holder`, then commit them under `path`, durably.
/// Doing it again with the same entries changes nothing. `ledger` is written with the commit: both or neither. Errors:
/// `replaced` when the ledger's record no longer is what `fence` says: somebody has taken over from the asker.
struct commit_outputs {
  byte_string entries;
  node_id holder;
  std::string path;
  duration timeout = 60s;
  std::vector<std::pair<byte_string, byte_string>> ledger{};  ///< records as in write_ledger
  std::optional<std::pair<byte_string, byte_string>> fence{}; ///< key and value of a record
};
/// jobs → store: the files at or under a path in the newest version: what `--each PATH` runs over. Answered by path_list
/// (recursive, files only) with the commit they were taken from.
struct snapshot_path {
  std::string path;
};
struct path_snapshot {
  std::string commit;
  std::vector<listed_entry> files;
  bool is_file = false; ///< the path is one file, `files` names it alone
};
/// jobs → store: small durable records of the job ledger (column family `log`). Answered by records_written.
struct write_ledger {
  std::vector<std::pair<byte_string, byte_string>> put;
  std::vector<byte_string> remove;
};
struct ledger_written {};
struct read_ledger {
  byte_string prefix;
};
struct ledger_records {
  std::vector<std::pair<byte_string, byte_string>> records;
};
/// itself → store.
struct store_tick {
  std::uint64_t generation = 0;
};

using store_actor =
  service_actor::extend<caf::replies_to<put_path>::with<put_done>, caf::replies_to<get_path>::with<get_done>,
                        caf::replies_to<read_path>::with<path_bytes>, caf::replies_to<open_upload>::with<upload_opened>,
                        caf::replies_to<write_upload>::with<upload_written>, caf::replies_to<close_upload>::with<put_done>,
                        caf::replies_to<list_path>::with<path_list>, caf::replies_to<log_path>::with<path_log>,
                        caf::replies_to<remove_path>::with<path_removed>, caf::replies_to<copy_path>::with<put_done>,
                        caf::replies_to<stage_outputs>::with<staged_outputs>, caf::replies_to<commit_outputs>::with<put_done>,
                        caf::replies_to<snapshot_path>::with<path_snapshot>, caf::replies_to<write_ledger>::with<ledger_written>,
                        caf::replies_to<read_ledger>::with<ledger_records>, caf::reacts_to<routes_changed>,
                        caf::reacts_to<roster_changed>, caf::reacts_to<store_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::put_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::put_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::read_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::path_bytes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::open_upload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::upload_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::write_upload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::upload_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::close_upload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::list_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::path_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::log_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::path_log)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::remove_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::path_removed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::copy_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stage_outputs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::staged_outputs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::commit_outputs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::snapshot_path)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::path_snapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::write_ledger)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ledger_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::read_ledger)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ledger_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::store_tick)
