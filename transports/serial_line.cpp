#include "transports/serial_line.hpp"

#include "transports/limits.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace glow::transports {
namespace {

struct speed {
  unsigned baud;
  speed_t code;
};
constexpr std::array speeds{
  speed{1200, B1200},       speed{2400, B2400},       speed{4800, B4800},       speed{9600, B9600},
  speed{19200, B19200},     speed{38400, B38400},     speed{57600, B57600},     speed{115200, B115200},
  speed{230400, B230400},   speed{460800, B460800},   speed{500000, B500000},   speed{576000, B576000},
  speed{921600, B921600},   speed{1000000, B1000000}, speed{1152000, B1152000}, speed{1500000, B1500000},
  speed{2000000, B2000000}, speed{2500000, B2500000}, speed{3000000, B3000000}, speed{3500000, B3500000},
  speed{4000000, B4000000},
};

const speed* find_speed(unsigned baud) {
  auto found = std::find_if(speeds.begin(), speeds.end(), [&](auto& each) { return each.baud == baud; });
  return found == speeds.end() ? nullptr : &*found;
}

/// A device that may come (back), or that somebody else uses at present: worth another try.
bool is_away(int code) { return code == ENOENT || code == ENXIO || code == ENODEV || code == EIO || code == EBUSY; }

bool is_pseudo_terminal(int fd) {
  struct stat there {};
  constexpr unsigned first = 136, last = 143; // majors of Unix98 pseudo-terminals, Documentation/admin-guide/devices.txt
  return ::fstat(fd, &there) == 0 && major(there.st_rdev) >= first && major(there.st_rdev) <= last;
}

steady_time steady_now() { return std::chrono::steady_clock::now(); }

std::uint64_t to_uv_ms_up(duration d) { return d <= 0ns ? 0 : static_cast<std::uint64_t>((d + 999'999ns) / 1ms); }

} // namespace

result<serial_settings> serial_settings_of(const channel_uri& uri) {
  auto wrong = [&](const std::string& why) {
    return error{error_code::usage, "'" + to_string(uri) + "': " + why + ", such as tty:/dev/ttyUSB0?baud=115200"};
  };
  serial_settings out;
  if (!uri.host.empty() || !uri.path.starts_with('/')) return wrong("a serial line needs the path of its device");
  out.path = uri.path;
  for (auto& [key, value] : uri.parameters) {
    if (key == "baud") {
      auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), out.baud);
      if (failed != std::errc{} || end != value.data() + value.size() || find_speed(out.baud) == nullptr)
        return wrong("baud must be one of the usual rates from 1200 to 4000000");
    } else if (key == "flow") {
      if (value != "none" && value != "rtscts") return wrong("flow must be none or rtscts");
      out.rtscts = value == "rtscts";
    } else if (key != "class" && key != "bulk") { // link_policy.hpp
      return wrong("a serial line knows baud and flow, not '" + key + "'");
    }
  }
  return out;
}

result<std::unique_ptr<serial_line>> serial_line::open(uv_loop_t* loop, const serial_settings& settings, serial_events& events) {
  auto where = "cannot open " + settings.path;
  struct stat there {};
  if (::stat(settings.path.c_str(), &there) != 0)
    return uv_failure(is_away(errno) ? error_code::unreachable : error_code::io, where, -errno);
  if (!S_ISCHR(there.st_mode)) // opening some other file could already do harm
    return error{error_code::usage, where + ": it is no terminal device, such as /dev/ttyUSB0"};
  int fd = ::open(settings.path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return uv_failure(is_away(errno) ? error_code::unreachable : error_code::io, where, -errno);
  std::unique_ptr<serial_line> made{new serial_line{settings, events}};
  if (auto ours = made->take_over(fd); !ours) {
    ::close(fd);
    return error{ours.why().code, where + ": " + ours.why().message};
  }
  auto parts = std::make_unique<handles>();
  if (auto status = uv_poll_init(loop, &parts->poll, fd); status != 0) {
    ::tcsetattr(fd, TCSANOW, &made->before_);
    ::close(fd);
    return uv_failure(error_code::io, where, status);
  }
  uv_timer_init(loop, &parts->pace);
  uv_timer_init(loop, &parts->pause);
  parts->poll.data = parts->pace.data = parts->pause.data = parts.get();
  parts->home = made.get();
  parts->fd = fd;
  parts->open_handles = 3;
  made->handles_ = parts.release();
  made->watch();
  return made;
}

/// Lock, then raw mode. On failure nothing has changed.
result<void> serial_line::take_over(int fd) {
  if (::isatty(fd) == 0) return error{error_code::usage, "it is no terminal device, such as /dev/ttyUSB0"};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return error{error_code::unreachable, "another program uses it"};
  if (::tcgetattr(fd, &before_) != 0) return uv_failure(error_code::unreachable, "its settings cannot be read", -errno);
  auto raw = before_;
  ::cfmakeraw(&raw);
  raw.c_cflag |= CLOCAL | CREAD; // no modem control: the other end may be off
  raw.c_cflag &= static_cast<tcflag_t>(~(CSTOPB | CRTSCTS));
  if (settings_.rtscts) raw.c_cflag |= CRTSCTS;
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  auto code = find_speed(settings_.baud)->code;
  ::cfsetispeed(&raw, code);
  ::cfsetospeed(&raw, code);
  if (::tcsetattr(fd, TCSANOW, &raw) != 0) return uv_failure(error_code::unreachable, "it cannot be set up", -errno);
  // keeps programs out that do not look for locks; a pseudo-terminal would keep us out, too, after a crash: the mark stays on
  // it for as long as its other end lives
  if (!is_pseudo_terminal(fd)) ::ioctl(fd, TIOCEXCL);
  return {};
}

serial_line::~serial_line() {
  if (handles_ == nullptr) return;
  handles_->home = nullptr;
  uv_poll_stop(&handles_->poll);
  // closing a line waits for its output, up to half a minute, and the loop with it
  ::tcflush(handles_->fd, TCOFLUSH);
  ::tcsetattr(handles_->fd, TCSANOW, &before_);
  ::ioctl(handles_->fd, TIOCNXCL);
  ::flock(handles_->fd, LOCK_UN); // at once: the descriptor itself closes a turn later
  auto closed = [](uv_handle_t* handle) {
    auto* parts = static_cast<handles*>(handle->data);
    if (--parts->open_handles > 0) return;
    ::close(parts->fd);
    delete parts;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->poll), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->pace), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->pause), closed);
}

void serial_line::watch() {
  // without anything to read for, a hangup still counts
  int wanted = (paused_ ? UV_DISCONNECT : UV_READABLE) | (writing_.empty() ? 0 : UV_WRITABLE);
  uv_poll_start(&handles_->poll, wanted, [](uv_poll_t* poll, int status, int happened) {
    auto* home = static_cast<handles*>(poll->data)->home;
    if (home != nullptr) home->on_event(status, happened);
  });
}

void serial_line::on_event(int status, int happened) {
  if (status != 0) { // an error condition of the device, whose number libuv does not tell
    hang_up("it hung up");
    return;
  }
  if ((happened & UV_WRITABLE) != 0 && !write_some()) return;
  if ((happened & (UV_READABLE | UV_DISCONNECT)) != 0 && !paused_)
    read_some();
  else if ((happened & UV_DISCONNECT) != 0)
    hang_up("it hung up");
}

bool serial_line::hang_up(const std::string& why) {
  events_.on_hangup(*this, {error_code::unreachable, "serial line " + settings_.path + ": " + why});
  return false;
}

bool serial_line::read_some() {
  std::array<std::uint8_t, limits::serial_read_bytes> bytes;
  std::vector<byte_string> datagrams;
  std::string gone;
  for (std::size_t round = 0; round < limits::serial_read_rounds_max && gone.empty(); ++round) {
    if (!events_.wants_more()) {
      paused_ = true;
      uv_timer_start(
        &handles_->pause,
        [](uv_timer_t* timer) {
          auto* home = static_cast<handles*>(timer->data)->home;
          if (home == nullptr || !home->events_.wants_more()) return;
          uv_timer_stop(timer);
          home->paused_ = false;
          home->watch();
        },
        static_cast<std::uint64_t>(limits::read_pause / 1ms), static_cast<std::uint64_t>(limits::read_pause / 1ms));
      watch();
      break;
    }
    auto count = ::read(handles_->fd, bytes.data(), bytes.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count <= 0) {
      gone = count == 0 ? "it hung up" : std::string{uv_strerror(-errno)};
      break;
    }
    receiver_.feed({bytes.data(), static_cast<std::size_t>(count)}, datagrams);
    if (static_cast<std::size_t>(count) < bytes.size()) break;
  }
  if (!datagrams.empty()) events_.on_datagrams(*this, std::move(datagrams));
  return gone.empty() || hang_up(gone);
}

void serial_line::send(const packet_batch& datagrams) {
  for (auto& each : datagrams.packets()) queue_.push(each);
  write_some();
}

bool serial_line::write_some() {
  bool was_blocked = !writing_.empty();
  while (true) {
    if (writing_.empty()) {
      auto frame = queue_.take(steady_now());
      if (!frame) break;
      writing_ = std::move(*frame);
      written_ = 0;
    }
    auto count = ::write(handles_->fd, writing_.data() + written_, writing_.size() - written_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return hang_up(uv_strerror(-errno));
    written_ += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    if (written_ < writing_.size()) break; // the other end holds its hand up, or nobody reads
    writing_.clear();
  }
  if (was_blocked != !writing_.empty()) watch();
  auto next = writing_.empty() ? queue_.next_take() : std::nullopt;
  if (!next) {
    uv_timer_stop(&handles_->pace);
    return true;
  }
  uv_update_time(handles_->pace.loop); // the loop's idea of now may be as old as its turn
  uv_timer_start(
    &handles_->pace,
    [](uv_timer_t* timer) {
      auto* home = static_cast<handles*>(timer->data)->home;
      if (home != nullptr) home->write_some();
    },
    to_uv_ms_up(*next - steady_now()), 0);
  return true;
}

} // namespace glow::transports
