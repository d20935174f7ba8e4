#include "transports/unix.hpp"

#include "runtime/host/home_files.hpp"
#include "transports/byte_stream.hpp"
#include "transports/limits.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace glow::transports {
namespace {

/// An address that stays good while this lives.
struct socket_place {
  sockaddr_un address{};
  host::owned_fd directory; ///< of a path that is too long for an address: reached by its descriptor
};

std::optional<socket_place> to_address(const std::string& path) {
  socket_place out;
  out.address.sun_family = AF_UNIX;
  constexpr auto room = sizeof out.address.sun_path - 1;
  if (path.empty()) return std::nullopt;
  auto slash = path.rfind('/');
  auto short_path = path;
  if (path.size() > room && slash != std::string::npos && slash > 0) {
    out.directory.reset(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!out.directory.valid()) return std::nullopt;
    short_path = "/proc/self/fd/" + std::to_string(out.directory.get()) + path.substr(slash);
  }
  if (short_path.size() > room) return std::nullopt;
  std::copy(short_path.begin(), short_path.end(), out.address.sun_path);
  return out;
}

error bad_path(const channel_uri& uri) {
  return {error_code::usage,
          "'" + to_string(uri)
            + "': a socket's path must have 1 to 107 bytes or be in a directory that exists, such as unix:/run/glow/link.sock"};
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
  enum class peers { on_this_machine, behind_a_command };
  unix_medium(const loop_place& place, std::optional<channel_uri> listen, peers who)
    : byte_stream_medium{who == peers::on_this_machine ? "unix" : "stdio", place}, listen_{std::move(listen)}, peers_{who} {}
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
  void connected_to(byte_stream& stream) override {
    stream.traits = {scheme_, limits::frame_bytes_max, true, peers_ == peers::on_this_machine};
  }

private:
  std::optional<channel_uri> listen_;
  peers peers_;
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
    if (is_alive(address->address))
      return error{error_code::io, where + ": another process listens there; stop it or choose another path"};
    ::unlink(listen_->path.c_str());
  }
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return uv_failure(error_code::io, where, -errno);
  ::fchmod(fd, 0600); // on Linux the file is born with the socket's mode: never open to others, not even for a moment
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address->address), sizeof address->address) != 0
      || ::listen(fd, limits::listen_backlog) != 0) {
    auto why = uv_failure(error_code::io, where, -errno);
    ::close(fd);
    return why;
  }
  if (::lstat(listen_->path.c_str(), &there) == 0) inode_ = there.st_ino;
  return accept_on(fd);
}

void unix_medium::connect(const channel_uri& remote, connected tell) {
  if (peers_ == peers::behind_a_command)
    return tell(error{error_code::usage, "cannot connect to " + to_string(remote)
                                           + ": dial the command that leads there, such as exec:ssh%20nas%20glow%20stdio"});
  auto address = to_address(remote.path);
  if (!address) return tell(bad_path(remote));
  dial(
    remote, limits::connect_timeout,
    [&](byte_stream& stream) {
      uv_pipe_connect(&stream.connecting, &stream.handle.pipe, address->address.sun_path, on_connected);
      return 0;
    },
    [this, tell = std::move(tell)](channel_id channel, result<void> outcome) {
      if (outcome) return tell(describe(channel));
      tell(error{outcome.why().code, outcome.why().message + " (is an agent listening there?)"});
    });
}

} // namespace

std::unique_ptr<medium> make_unix(const loop_place& place, std::optional<channel_uri> listen) {
  return std::make_unique<unix_medium>(place, std::move(listen), unix_medium::peers::on_this_machine);
}

std::unique_ptr<medium> make_stdio(const loop_place& place, std::optional<channel_uri> listen) {
  return std::make_unique<unix_medium>(place, std::move(listen), unix_medium::peers::behind_a_command);
}

} // namespace glow::transports
