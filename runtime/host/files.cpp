#include "runtime/host/files.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace glow::host {
namespace {

error refused(int number, const std::string& what, const std::string& path) {
  auto code = number == ENOENT                       ? error_code::not_found
              : number == ENOSPC || number == EDQUOT ? error_code::exhausted
                                                     : error_code::io;
  return {code, "cannot " + what + " " + path + ": " + std::generic_category().message(number)};
}

/// A file descriptor that closes itself.
class descriptor {
public:
  explicit descriptor(int number) : number_{number} {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  /// Closes now; false when the kernel lost data on the way (NFS, quota).
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

private:
  int number_;
};

std::string directory_of(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool write_all(int file, byte_view content) {
  while (!content.empty()) {
    auto written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

} // namespace

result<byte_string> read_file(const std::string& path, std::size_t bytes_max) {
  descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)}; // a pipe there must not hang us
  if (!file) return refused(errno, "open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return refused(errno, "read", path);
  if (!S_ISREG(status.st_mode)) return error{error_code::io, "cannot read " + path + ": it is no regular file"};
  byte_string out;
  std::uint8_t part[65536];
  for (;;) {
    auto got = ::read(file.get(), part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refused(errno, "read", path);
    if (got == 0) return out;
    if (out.size() + static_cast<std::size_t>(got) > bytes_max)
      return error{error_code::exhausted, "cannot read " + path + ": it is longer than " + std::to_string(bytes_max) + " bytes"};
    append(out, {part, static_cast<std::size_t>(got)});
  }
}

result<void> write_file_atomically(const std::string& path, byte_view content, mode_t mode) {
  auto temporary = path + ".XXXXXX";
  descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)}; // mode 0600 until its content is whole
  if (!file) return refused(errno, "create a temporary file beside", path);
  auto give_up = [&](const std::string& what) {
    auto why = refused(errno, what, path);
    ::unlink(temporary.c_str());
    return why;
  };
  if (!write_all(file.get(), content)) return give_up("write");
  if (::fchmod(file.get(), mode) != 0) return give_up("set the mode of");
  if (::fsync(file.get()) != 0) return give_up("sync");
  if (!file.close()) return give_up("write");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("replace");
  auto directory_path = directory_of(path);
  descriptor directory{::open(directory_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) return refused(errno, "open", directory_path);
  // some file systems cannot sync directories and say EINVAL: then the rename is as durable as it gets
  if (::fsync(directory.get()) != 0 && errno != EINVAL) return refused(errno, "sync", directory_path);
  return {};
}

result<void> make_private_directory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST) return refused(errno, "create directory", path);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return refused(errno, "create directory", path);
  descriptor directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) return refused(errno, "open directory", path);
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return refused(errno, "read", path);
  if (status.st_uid != ::geteuid())
    return error{error_code::io, "directory " + path + " belongs to another user: choose another one with --home"};
  if ((status.st_mode & 0777) != 0700 && ::fchmod(directory.get(), 0700) != 0) return refused(errno, "set the mode of", path);
  return {};
}

} // namespace glow::host
