/// One entry of a namespace's tree: what stands at a path, and which write put it there.
/// Paths are bytes, absolute, '/'-separated, without trailing slash ("/docs/a.txt"); "/" itself is never an entry.
/// They are compared as bytes and kept as they were given, not normalised: two spellings of a name in Unicode are two
/// names here, and whoever writes them to a file system that disagrees reports the clash instead of mangling one.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/store/address.hpp"
#include "runtime/store/limits.hpp"

#include <string>
#include <string_view>

namespace glow::store {

enum class entry_kind : std::uint8_t { file = 0, directory = 1, symlink = 2, tombstone = 3 }; // on disk: never renumber
std::string_view to_string(entry_kind kind);                                                  ///< "file", "directory", …

/// Which write put an entry there, and the total order of writes to one path: the greatest wins.
/// `time` is never before the stamp that it replaces, so that a slow clock cannot lose an edit made with knowledge of
/// another.
struct version_stamp {
  wall_time time{};
  node_id device;
  std::uint64_t sequence = 0; ///< of the device's commit
  auto operator<=>(const version_stamp&) const = default;
};

/// One chunk of a file.
struct chunk_ref {
  chunk_id id;
  object_address address;
  std::uint32_t plain_bytes = 0;
  auto operator<=>(const chunk_ref&) const = default;
};

struct tree_entry {
  std::string path;
  entry_kind kind = entry_kind::file;
  std::uint32_t mode = 0644;               ///< POSIX permission bits
  std::int64_t modified_ns = 0;            ///< of the file, since 1970 UTC
  std::uint64_t size = 0;                  ///< of a file, bytes
  std::string target;                      ///< of a symlink
  digest content;                          ///< of a file: over its chunk ids and sizes; equal contents, equal digests
  std::vector<chunk_ref> chunks;           ///< of a file, in order; empty when `chunk_lists` is not
  std::vector<object_address> chunk_lists; ///< of a file with many chunks: objects that hold them, in order
  version_stamp stamp;                     ///< set by object_store::commit_changes
  std::uint32_t revision = 1;              ///< 1 + that of the entry it replaced; equals its number in the log unless edits were
                                           ///< concurrent

  bool operator==(const tree_entry&) const = default;
  bool gone() const { return kind == entry_kind::tombstone; }
};

/// Same content and metadata, whatever the stamp and revision: writing `b` over `a` would change nothing.
bool same_but_for_stamp(const tree_entry& a, const tree_entry& b);

/// Digest over chunk ids and sizes.
digest content_of(const std::vector<chunk_ref>& chunks);

/// An entry that removes `path`.
tree_entry make_tombstone(std::string path);

/// Errors: `usage`, when the path is not absolute, has empty, "." or ".." components, NUL, a trailing slash, or is
/// longer than limits::path_bytes_max or a component than limits::name_bytes_max. "/" is an error too (no entry).
result<void> check_path(std::string_view path);
/// "/" + components without empty and "." ones and trailing slashes; ".." is an error. "/" for the root. Errors: `usage`.
result<std::string> normalise_path(std::string_view typed);

/// Encoded list of entries, as `staged_outputs.entries` carries it. At most limits::entries_message_max of them.
byte_string encode_entries(const std::vector<tree_entry>& entries);
/// Paths are not checked by check_path (staged ones are relative). Errors: `malformed`.
result<std::vector<tree_entry>> decode_entries(byte_view bytes);

} // namespace glow::store
