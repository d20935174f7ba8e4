#include "runtime/host/tree_writer.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/store/limits.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace glow::host {

namespace {

/// Set-id bits of another machine's users mean nothing here, and a root agent must not hand them out.
constexpr std::uint32_t mode_bits = 01777u;

bool safe_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= limits::name_bytes_max && name.find('/') == name.npos
         && name.find('\0') == name.npos;
}

/// {directory, name} of a relative path; the directory is empty for the root. An absolute path gives a directory that
/// enter() refuses.
std::pair<std::string, std::string> split(const std::string& relative) {
  auto slash = relative.rfind('/');
  if (slash == relative.npos) return {{}, relative};
  return {relative.substr(0, std::max<std::size_t>(slash, 1)), relative.substr(slash + 1)};
}

std::string temporary_name(random_source& random) {
  std::array<std::uint8_t, 10> raw;
  random.fill(raw);
  return ".glow-" + to_base32(raw) + ".part";
}

std::array<timespec, 2> times_of(std::int64_t modified_ns) {
  auto seconds = modified_ns / 1'000'000'000;
  auto rest = modified_ns % 1'000'000'000;
  if (rest < 0) rest += 1'000'000'000, --seconds;
  return {timespec{0, UTIME_OMIT}, timespec{static_cast<time_t>(seconds), static_cast<long>(rest)}};
}

} // namespace

descriptor::~descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

result<tree_writer> tree_writer::open(std::string root) {
  descriptor fd{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return file_error("write into", root, errno);
  return tree_writer{std::move(root), std::move(fd)};
}

tree_writer::~tree_writer() {
  if (!root_fd_) return; // moved from
  if (open_file_) forget(*open_file_);
  for (auto& each : staged_) forget(each);
}

std::string tree_writer::shown(const std::string& relative) const { return relative.empty() ? root_ : root_ + "/" + relative; }

void tree_writer::forget(const staged_file& file) {
  if (auto directory = enter(file.directory, absent::fails); directory.ok()) ::unlinkat(*directory, file.temporary.c_str(), 0);
}

/// Walks down from the root one name at a time: a symlink on the way stops it.
result<int> tree_writer::enter(const std::string& directory, absent directories) {
  if (directory.empty()) return root_fd_.get();
  if (entered_fd_ && entered_ == directory) return entered_fd_.get();
  descriptor current;
  for (std::size_t from = 0; from <= directory.size();) {
    auto to = std::min(directory.find('/', from), directory.size());
    auto name = directory.substr(from, to - from);
    if (!safe_name(name))
      return error{error_code::usage, "write " + printable(shown(directory)) + ": this name is not allowed in a path"};
    int above = current ? current.get() : root_fd_.get();
    mode_t mode = directories == absent::made_private && to == directory.size() ? 0700 : 0777;
    if (directories != absent::fails && ::mkdirat(above, name.c_str(), mode) != 0 && errno != EEXIST)
      return file_error("make the directory", shown(directory.substr(0, to)), errno);
    descriptor next{::openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!next) return file_error("enter the directory", shown(directory.substr(0, to)), errno);
    current = std::move(next);
    from = to + 1;
  }
  entered_ = directory;
  entered_fd_ = std::move(current);
  return entered_fd_.get();
}

result<void> tree_writer::make_directory(const std::string& relative) {
  auto directory = enter(relative, absent::made_private);
  if (!directory.ok()) return directory.why();
  return {};
}

result<void> tree_writer::begin(const std::string& relative, random_source& random) {
  auto [directory, name] = split(relative);
  if (!safe_name(name))
    return error{error_code::usage, "write " + printable(shown(relative)) + ": this name is not allowed in a path"};
  auto fd = enter(directory, absent::made);
  if (!fd.ok()) return fd.why();
  staged_file file{directory, temporary_name(random), name};
  descriptor opened{::openat(*fd, file.temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!opened) return file_error("write", shown(relative), errno);
  open_fd_ = std::move(opened);
  open_file_ = std::move(file);
  return {};
}

result<void> tree_writer::write_at(std::uint64_t offset, byte_view bytes) {
  while (!bytes.empty()) {
    auto put = ::pwrite(open_fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return file_error("write", shown(open_file_->directory + "/" + open_file_->name), errno);
    offset += static_cast<std::uint64_t>(put);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    staged_bytes_ += static_cast<std::uint64_t>(put);
  }
  return {};
}

result<void> tree_writer::end(std::uint64_t size, std::uint32_t mode, std::int64_t modified_ns) {
  auto times = times_of(modified_ns);
  int fd = open_fd_.get();
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0 || ::fchmod(fd, mode & mode_bits) != 0 || ::futimens(fd, times.data()) != 0)
    return file_error("write", shown(open_file_->directory + "/" + open_file_->name), errno);
  open_fd_ = descriptor{};
  staged_.push_back(std::move(*open_file_));
  open_file_.reset();
  if (staged_.size() >= limits::staged_files_max || staged_bytes_ >= limits::staged_bytes_max) return publish();
  return {};
}

result<void> tree_writer::publish() {
  // one sync of the file system for the whole batch: a sync per file makes small files a hundred times slower
  if (!staged_.empty() && ::syncfs(root_fd_.get()) != 0) return file_error("sync", root_, errno);
  while (!staged_.empty()) {
    auto& file = staged_.back();
    auto directory = enter(file.directory, absent::fails);
    if (!directory.ok()) return directory.why();
    if (::renameat(*directory, file.temporary.c_str(), *directory, file.name.c_str()) != 0)
      return file_error("write", shown(file.directory.empty() ? file.name : file.directory + "/" + file.name), errno);
    // the new names are durable once the directory is: synced when the batch leaves it
    bool leaves = staged_.size() == 1 || staged_[staged_.size() - 2].directory != file.directory;
    if (leaves && ::fsync(*directory) != 0) return file_error("sync", shown(file.directory), errno);
    staged_.pop_back();
  }
  staged_bytes_ = 0;
  return {};
}

result<void> tree_writer::make_symlink(const std::string& relative, const std::string& target, std::int64_t modified_ns,
                                       random_source& random) {
  auto [directory, name] = split(relative);
  if (!safe_name(name))
    return error{error_code::usage, "write " + printable(shown(relative)) + ": this name is not allowed in a path"};
  auto fd = enter(directory, absent::made);
  if (!fd.ok()) return fd.why();
  auto temporary = temporary_name(random);
  if (::symlinkat(target.c_str(), *fd, temporary.c_str()) != 0) return file_error("make the symlink", shown(relative), errno);
  auto times = times_of(modified_ns);
  ::utimensat(*fd, temporary.c_str(), times.data(), AT_SYMLINK_NOFOLLOW); // a link's own time is a courtesy
  if (::renameat(*fd, temporary.c_str(), *fd, name.c_str()) != 0) {
    auto why = file_error("make the symlink", shown(relative), errno);
    ::unlinkat(*fd, temporary.c_str(), 0);
    return why;
  }
  return {};
}

result<void> tree_writer::set_directory_facts(const std::string& relative, std::uint32_t mode, std::int64_t modified_ns) {
  auto fd = enter(relative, absent::fails);
  if (!fd.ok()) return fd.why();
  auto times = times_of(modified_ns);
  if (::fchmod(*fd, mode & mode_bits) != 0 || ::futimens(*fd, times.data()) != 0)
    return file_error("set mode and time of", shown(relative), errno);
  if (::fsync(*fd) != 0) return file_error("sync", shown(relative), errno);
  return {};
}

} // namespace glow::host
