#include "transports/unix.hpp"

#include "transports/byte_stream.hpp"
#include "transports/limits.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace glow::transports {
namespace {

std::optional<sockaddr_un> to_address(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof out.sun_path) return std::nullopt;
  std::copy(path.begin(), path.end(), out.sun_path);
  return out;
}

error bad_path(const channel_uri& uri) {
  return {error_code::usage,
          "'" + to_string(uri) + "': a socket's path must have 1 to 107 bytes, such as unix:/run/glow/link.sock"};
}

/// Whether some process still accepts on the socket file at `address`.
bool is_alive(const sockaddr_un& address) {
  int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return true; // when in doubt, nothing is removed
  bool refused = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return !refused;
}

class unix_medium final : public byte_stream_medium {
public:
  unix_medium(const loop_place& place, std::optional<channel_uri> listen)
    : byte_stream_medium{"unix", place}, listen_{std::move(listen)} {}
  ~unix_medium() override;

  result<void> start(medium_listener& listener) override;
  void connect(const channel_uri& remote, connected tell) override;
  std::vector<channel_uri> listening() const override {
    return listening_fd() < 0 ? std::vector<channel_uri>{} : std::vector{*listen_};
  }

protected:
  int init_handle(byte_stream& stream) override { return uv_pipe_init(place_.loop, &stream.handle.pipe, 0); }
  int adopt(byte_stream& stream, int fd) override {
    stream.remote = *listen_; // the other end has no name of its own
    connected_to(stream);
    return uv_pipe_open(&stream.handle.pipe, fd);
  }
  void connected_to(byte_stream& stream) override { stream.traits = {"unix", limits::frame_bytes_max, true, true}; }

private:
  std::optional<channel_uri> listen_;
  ino_t inode_ = 0; ///< of our socket file, so that we never remove a successor's
};

unix_medium::~unix_medium() {
  struct stat now {};
  if (inode_ != 0 && ::lstat(listen_->path.c_str(), &now) == 0 && now.st_ino == inode_) ::unlink(listen_->path.c_str());
}

result<void> unix_medium::start(medium_listener& listener) {
  events_ = &listener;
  if (!listen_) return {};
  auto address = to_address(listen_->path);
  if (!address) return bad_path(*listen_);
  auto where = "cannot listen on " + to_string(*listen_);
  struct stat there {};
  if (::lstat(listen_->path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode))
      return error{error_code::io, where + ": the file exists and is no socket; remove it or choose another path"};
    if (is_alive(*address))
      return error{error_code::io, where + ": another process listens there; stop it or choose another path"};
    ::unlink(listen_->path.c_str());
  }
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return uv_failure(error_code::io, where, -errno);
  ::fchmod(fd, 0600); // on Linux the file is born with the socket's mode: never open to others, not even for a moment
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0
      || ::listen(fd, limits::listen_backlog) != 0) {
    auto why = uv_failure(error_code::io, where, -errno);
    ::close(fd);
    return why;
  }
  if (::lstat(listen_->path.c_str(), &there) == 0) inode_ = there.st_ino;
  return accept_on(fd);
}

void unix_medium::connect(const channel_uri& remote, connected tell) {
  if (!to_address(remote.path)) return tell(bad_path(remote));
  dial(
    remote, limits::connect_timeout,
    [&](byte_stream& stream) {
      uv_pipe_connect(&stream.connecting, &stream.handle.pipe, remote.path.c_str(), on_connected);
      return 0;
    },
    [this, tell = std::move(tell)](channel_id channel, result<void> outcome) {
      if (outcome) return tell(describe(channel));
      tell(error{outcome.why().code, outcome.why().message + " (is an agent listening there?)"});
    });
}

} // namespace

std::unique_ptr<medium> make_unix(const loop_place& place, std::optional<channel_uri> listen) {
  return std::make_unique<unix_medium>(place, std::move(listen));
}

} // namespace glow::transports
