#include "runtime/host/tree_files.hpp"

#include "runtime/store/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace glow::host {

namespace {

/// Length of the UTF-8 sequence that starts `text`, 0 when it is none (RFC 3629: no overlong forms, no surrogates).
std::size_t utf8_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto follows = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  auto first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0)) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90)) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

std::int64_t to_ns(const timespec& t) { return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec; }

file_facts facts_from(const struct stat& raw) {
  file_facts out;
  if (S_ISREG(raw.st_mode)) out.kind = file_kind::file;
  if (S_ISDIR(raw.st_mode)) out.kind = file_kind::directory;
  if (S_ISLNK(raw.st_mode)) out.kind = file_kind::symlink;
  out.mode = raw.st_mode & 07777u;
  out.modified_ns = to_ns(raw.st_mtim);
  out.changed_ns = to_ns(raw.st_ctim);
  out.size = out.kind == file_kind::file ? static_cast<std::uint64_t>(raw.st_size) : 0;
  out.inode = raw.st_ino;
  return out;
}

/// Names in `path` without "." and "..", last one first. Errors: io, exhausted.
result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> listing{::opendir(path.c_str()), ::closedir};
  if (!listing) return file_error("list", path, errno);
  for (;;) {
    errno = 0;
    auto* each = ::readdir(listing.get());
    if (!each) break;
    std::string_view name{each->d_name};
    if (name == "." || name == "..") continue;
    if (names.size() == limits::directory_entries_max)
      return error{error_code::exhausted, "list " + printable(path) + ": more than "
                                            + std::to_string(limits::directory_entries_max) + " entries in one directory"};
    names.emplace_back(name);
  }
  if (errno != 0) return file_error("list", path, errno);
  std::sort(names.begin(), names.end(), std::greater<>{});
  return names;
}

} // namespace

std::string_view to_string(file_kind kind) {
  switch (kind) {
  case file_kind::file: return "file";
  case file_kind::directory: return "directory";
  case file_kind::symlink: return "symlink";
  case file_kind::other: return "other";
  }
  return "other";
}

std::string printable(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    auto length = utf8_length(text);
    auto byte = static_cast<unsigned char>(text.front());
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
      length = 1;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

error file_error(std::string_view doing, const std::string& path, int number) {
  auto code = error_code::io;
  if (number == ENOENT || number == ENOTDIR) code = error_code::not_found;
  if (number == ENOSPC || number == EDQUOT || number == EMFILE || number == ENFILE) code = error_code::exhausted;
  return {code, std::string{doing} + " " + printable(path) + ": " + std::strerror(number)};
}

result<file_facts> look_at(const std::string& path) {
  struct stat raw {};
  if (::lstat(path.c_str(), &raw) != 0) return file_error("look at", path, errno);
  auto facts = facts_from(raw);
  if (facts.kind == file_kind::symlink) {
    std::string target(limits::path_bytes_max, '\0');
    auto length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0) return file_error("read the symlink", path, errno);
    target.resize(static_cast<std::size_t>(length));
    facts.target = std::move(target);
  }
  return facts;
}

bool is_directory(const std::string& path) {
  struct stat raw {};
  return ::stat(path.c_str(), &raw) == 0 && S_ISDIR(raw.st_mode);
}

std::string source_name(const std::string& path) {
  auto end = path.find_last_not_of('/');
  auto trimmed = end == path.npos ? std::string{} : path.substr(0, end + 1);
  auto name = trimmed.substr(trimmed.rfind('/') + 1);
  if (!name.empty() && name != "." && name != "..") return name;
  std::unique_ptr<char, void (*)(void*)> real{::realpath(path.c_str(), nullptr), std::free};
  if (!real) return name;
  auto text = std::string{real.get()};
  return text.substr(text.rfind('/') + 1);
}

walked_entry tree_walk::enter(std::string relative, file_facts facts) {
  walked_entry entry{std::move(relative), std::move(facts), std::nullopt};
  if (entry.facts.kind != file_kind::directory) return entry;
  auto names = names_in(path_of(entry.relative));
  if (names.ok())
    levels_.push_back({entry.relative, std::move(*names)});
  else
    entry.trouble = names.why();
  return entry;
}

std::optional<walked_entry> tree_walk::next() {
  if (!started_) {
    started_ = true;
    auto facts = look_at(root_);
    if (!facts.ok()) return walked_entry{{}, {}, facts.why()};
    return enter({}, std::move(*facts));
  }
  while (!levels_.empty()) {
    auto& top = levels_.back();
    if (top.names.empty()) {
      levels_.pop_back();
      continue;
    }
    auto relative = top.relative.empty() ? top.names.back() : top.relative + "/" + top.names.back();
    top.names.pop_back();
    auto facts = look_at(path_of(relative));
    if (facts.ok()) return enter(std::move(relative), std::move(*facts));
    if (facts.why().code != error_code::not_found) return walked_entry{std::move(relative), {}, facts.why()};
  }
  return std::nullopt;
}

result<source_file> source_file::open(const std::string& path) {
  // O_NONBLOCK: a fifo put in the place of the file must not hang the walk
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return file_error("read", path, errno);
  source_file file{descriptor, path};
  struct stat raw {};
  if (::fstat(descriptor, &raw) != 0) return file_error("read", path, errno);
  if (!S_ISREG(raw.st_mode)) return error{error_code::io, "read " + printable(path) + ": it is no regular file any more"};
  return file;
}

source_file::source_file(source_file&& other) noexcept
  : descriptor_{std::exchange(other.descriptor_, -1)}, path_{std::move(other.path_)} {}

source_file& source_file::operator=(source_file&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

source_file::~source_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

result<file_facts> source_file::facts() const {
  struct stat raw {};
  if (::fstat(descriptor_, &raw) != 0) return file_error("look at", path_, errno);
  return facts_from(raw);
}

result<std::size_t> source_file::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::size_t filled = 0;
  while (filled < out.size()) {
    auto got = ::pread(descriptor_, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path_, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

std::uint64_t source_file::hole_end(std::uint64_t offset) const {
  auto data = ::lseek(descriptor_, static_cast<off_t>(offset), SEEK_DATA);
  if (data >= 0) return static_cast<std::uint64_t>(data);
  if (errno != ENXIO) return offset; // the file system cannot tell
  // nothing but hole up to the end of the file
  struct stat raw {};
  if (::fstat(descriptor_, &raw) != 0) return offset;
  return std::max(offset, static_cast<std::uint64_t>(raw.st_size));
}

} // namespace glow::host
