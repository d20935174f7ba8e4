/// Files of an agent's home that more than one program looks at: the control socket, the socket of `glow stdio`, and the lock.
/// Header only and without CAF, so that small programs (glow, glow-shell) need not link the host room.
/// Refuses to create the home or to speak over the socket.
#pragma once

#include "runtime/base/result.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

namespace glow::host {

/// A file descriptor that closes itself.
class owned_fd {
public:
  owned_fd() = default;
  explicit owned_fd(int fd) : fd_{fd} {}
  owned_fd(owned_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~owned_fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

private:
  int fd_ = -1;
};

inline error os_error(const std::string& what) { return {error_code::io, what + ": " + std::strerror(errno)}; }

inline constexpr const char* control_socket_name = "control.sock";
inline constexpr const char* link_socket_name = "link.sock";
inline constexpr const char* lock_file_name = "lock";

/// Address of HOME/control.sock, or of another socket there, however deep HOME lies: sun_path holds 108 bytes, so the directory
/// goes in by descriptor. Valid while this object lives.
struct control_address {
  owned_fd directory;
  sockaddr_un address{};
};
/// Errors: `io` when HOME cannot be opened (errno tells a missing one: ENOENT).
inline result<control_address> control_address_of(const std::string& home, const char* socket_name = control_socket_name) {
  control_address out;
  out.directory.reset(::open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!out.directory.valid()) return os_error("open directory " + home);
  out.address.sun_family = AF_UNIX;
  std::snprintf(out.address.sun_path, sizeof out.address.sun_path, "/proc/self/fd/%d/%s", out.directory.get(), socket_name);
  return out;
}

/// Holds HOME/lock for as long as it lives: at most one agent per home. An open-file-description lock, since that can be
/// looked at without taking it, is not inherited by mistake and goes with a crash.
class home_lock {
public:
  /// Errors: `already_used` with the other agent's process id, `io`.
  static result<home_lock> take(const std::string& home) {
    auto path = home + "/" + lock_file_name;
    owned_fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!fd.valid()) return os_error("open " + path);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
      if (errno != EAGAIN && errno != EACCES) return os_error("lock " + path);
      char pid[24] = {};
      auto got = ::read(fd.get(), pid, sizeof pid - 1);
      return error{error_code::already_used, "another agent runs in " + home
                                               + (got > 0 ? " (process " + std::string{pid, std::strcspn(pid, "\n")} + ")" : "")
                                               + ": stop it with glow down, or use another --home"};
    }
    auto pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) return os_error("write " + path);
    return home_lock{std::move(fd)};
  }
  /// Whether an agent holds the lock now; takes nothing.
  static bool held(const std::string& home) {
    owned_fd fd{::open((home + "/" + lock_file_name).c_str(), O_RDWR | O_CLOEXEC)};
    if (!fd.valid()) return false;
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return ::fcntl(fd.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  }

private:
  explicit home_lock(owned_fd fd) : fd_{std::move(fd)} {}
  owned_fd fd_;
};

} // namespace glow::host
