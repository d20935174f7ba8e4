/// Writing a tree of files below one directory of this machine so that nothing is ever half there: files are staged under
/// temporary names, synced together and renamed. Refuses every name that would leave the directory ("..", absolute,
/// through a symlink), whoever made it up.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace glow::host {

/// An open descriptor that closes itself.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

private:
  int fd_ = -1;
};

/// Order of calls: make_directory and begin … write … end for every file, publish, then make_symlink, then
/// set_directory_facts, deepest first. Symlinks come last so that no file can be written through one of them.
/// Unpublished temporary files are removed by the destructor.
class tree_writer {
public:
  /// `root` must be an existing directory. Errors: not_found, io.
  static result<tree_writer> open(std::string root);
  tree_writer(tree_writer&&) noexcept = default;
  tree_writer& operator=(tree_writer&&) = delete;
  ~tree_writer();

  /// Makes `relative`, private to the owner until set_directory_facts, and what is missing above it as the umask allows.
  /// Existing ones are taken. Errors: usage for names that are refused, io, exhausted.
  result<void> make_directory(const std::string& relative);
  /// Opens the temporary file that will become `relative`. One at a time.
  result<void> begin(const std::string& relative, random_source& random);
  /// Ranges never written stay holes. Requires: begin.
  result<void> write_at(std::uint64_t offset, byte_view bytes);
  /// Sets size, mode and times; publishes what is staged when it has become much. Requires: begin.
  result<void> end(std::uint64_t size, std::uint32_t mode, std::int64_t modified_ns);
  /// Syncs what is staged and gives it its final names. Errors: io when a directory holds the name, exhausted.
  result<void> publish();
  /// Replaces a file or symlink of that name, never a directory.
  result<void> make_symlink(const std::string& relative, const std::string& target, std::int64_t modified_ns,
                            random_source& random);
  /// Empty `relative`: the root itself.
  result<void> set_directory_facts(const std::string& relative, std::uint32_t mode, std::int64_t modified_ns);

private:
  struct staged_file {
    std::string directory, temporary, name;
  };
  explicit tree_writer(std::string root, descriptor fd) : root_{std::move(root)}, root_fd_{std::move(fd)} {}
  enum class absent { fails, made, made_private };
  result<int> enter(const std::string& directory, absent directories);
  std::string shown(const std::string& relative) const;
  void forget(const staged_file& file);

  std::string root_;
  descriptor root_fd_;
  std::string entered_; // directory that entered_fd_ is open on
  descriptor entered_fd_;
  std::optional<staged_file> open_file_;
  descriptor open_fd_;
  std::vector<staged_file> staged_;
  std::uint64_t staged_bytes_ = 0;
};

} // namespace glow::host
