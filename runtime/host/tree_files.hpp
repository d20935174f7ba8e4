/// Reading directory trees of this machine: walking without following symlinks, facts of files, bytes and holes.
/// Names are bytes. Refuses to know what the bytes become (the store decides) and to write (tree_writer.hpp does).
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace glow::host {

enum class file_kind : std::uint8_t { file, directory, symlink, other };
std::string_view to_string(file_kind kind);

/// What lstat tells of one file.
struct file_facts {
  file_kind kind = file_kind::other;
  std::uint32_t mode = 0; ///< permission bits, set-id and sticky bits (07777)
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0; ///< inode change time: moves with every write, whatever mtime says
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::string target; ///< of a symlink
  bool operator==(const file_facts&) const = default;
};

/// `text` on one line for messages: control characters and bytes that are not UTF-8 as \xNN.
std::string printable(std::string_view text);
/// The operating system's refusal of `doing` on `path`. `exhausted` where space, quota or descriptors ran out,
/// `not_found` where there is no such file, else `io`.
error file_error(std::string_view doing, const std::string& path, int number);

/// Facts of `path` itself, a symlink is not followed. Errors: not_found, io.
result<file_facts> look_at(const std::string& path);

/// Whether `path`, or what a symlink there leads to, is a directory.
bool is_directory(const std::string& path);
/// Last component of `path`; for one that ends in "." or ".." or is "/", that of the real path.
std::string source_name(const std::string& path);

/// One entry of a walk. `trouble` says that it (or, for a directory, its list of names) could not be read.
struct walked_entry {
  std::string relative; ///< to the root; empty for the root itself
  file_facts facts;
  std::optional<error> trouble;
};

/// Depth-first walk in byte order of names, a directory before its entries. Holds the names of the directories above
/// the current entry and no descriptor, so a walk may be cut into slices and left at any time.
class tree_walk {
public:
  explicit tree_walk(std::string root) : root_{std::move(root)} {}
  /// The next entry, nothing at the end. Entries that vanish during the walk are left out.
  std::optional<walked_entry> next();
  /// Absolute or caller-relative path of an entry.
  std::string path_of(const std::string& relative) const { return relative.empty() ? root_ : root_ + "/" + relative; }

private:
  struct level {
    std::string relative;
    std::vector<std::string> names; // of entries still to come, last one first
  };
  walked_entry enter(std::string relative, file_facts facts);

  std::string root_;
  bool started_ = false;
  std::vector<level> levels_;
};

/// A regular file opened for reading. Reads by offset, tells holes apart from data.
class source_file {
public:
  /// Errors: not_found, io (also when it is no regular file any more).
  static result<source_file> open(const std::string& path);
  source_file(source_file&& other) noexcept;
  source_file& operator=(source_file&& other) noexcept;
  source_file(const source_file&) = delete;
  source_file& operator=(const source_file&) = delete;
  ~source_file();

  result<file_facts> facts() const;
  /// Fills `out` from `offset`; fewer bytes only at the end of the file. Errors: io.
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;
  /// End of the hole that `offset` lies in, or `offset` itself where data is (or the file system cannot tell).
  std::uint64_t hole_end(std::uint64_t offset) const;

private:
  source_file(int descriptor, std::string path) : descriptor_{descriptor}, path_{std::move(path)} {}
  int descriptor_ = -1;
  std::string path_;
};

} // namespace glow::host
