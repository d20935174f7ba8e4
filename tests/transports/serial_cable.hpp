/// A null-modem cable between two pseudo-terminals: what one end writes the other one reads, until it is pulled out.
/// Each end is a symbolic link that stays when the cable is plugged in again, as /dev/serial/by-id has them.
#pragma once

#include "runtime/base/bytes.hpp"
#include "tests/transports/transport_probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace glow::test {

class serial_cable {
public:
  explicit serial_cable(std::string parameters = "baud=4000000") : parameters_{std::move(parameters)} { plug_in(); }
  ~serial_cable() { pull_out(); }
  serial_cable(const serial_cable&) = delete;
  serial_cable& operator=(const serial_cable&) = delete;

  /// `end`: 0 or 1.
  std::string device(int end) const { return directory_.path + "/end" + std::to_string(end); }
  channel_uri place(int end) const { return uri("tty:" + device(end) + "?" + parameters_); }

  void plug_in() {
    for (int end : {0, 1}) {
      masters_[end] = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
      REQUIRE(masters_[end] >= 0);
      char name[64];
      REQUIRE((::grantpt(masters_[end]) == 0 && ::unlockpt(masters_[end]) == 0));
      REQUIRE(::ptsname_r(masters_[end], name, sizeof name) == 0);
      // held open, so that the master's side does not see a hangup whenever nobody has the line; no echo meanwhile
      slaves_[end] = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
      REQUIRE(slaves_[end] >= 0);
      termios quiet{};
      ::tcgetattr(slaves_[end], &quiet);
      ::cfmakeraw(&quiet);
      quiet.c_cflag |= CSTOPB; // something of its own to find again
      ::tcsetattr(slaves_[end], TCSANOW, &quiet);
      ::unlink(device(end).c_str());
      REQUIRE(::symlink(name, device(end).c_str()) == 0);
    }
    ends_ = false;
    pump_ = std::thread{[this] { run(); }};
  }
  void pull_out() {
    if (!pump_.joinable()) return;
    ends_ = true;
    pump_.join();
    for (int end : {0, 1}) {
      ::close(slaves_[end]);
      ::close(masters_[end]);
      ::unlink(device(end).c_str());
    }
  }
  /// Bytes that `end` reads now, as if its other end had sent them.
  void inject(int end, const byte_string& noise) {
    byte_view rest = noise;
    for (int tries = 0; !rest.empty() && tries < 5000; ++tries) {
      auto count = ::write(masters_[end], rest.data(), rest.size());
      if (count > 0) rest = rest.subspan(static_cast<std::size_t>(count));
      if (count <= 0) ::usleep(1000);
    }
    REQUIRE(rest.empty());
  }
  /// Bytes that `end` wrote so far.
  std::uint64_t bytes_from(int end) const { return bytes_[end]; }
  /// While held, what `end` writes is left where it is.
  void hold(int end, bool on) { held_[end] = on; }
  termios settings(int end) const {
    termios out{};
    REQUIRE(::tcgetattr(slaves_[end], &out) == 0);
    return out;
  }

private:
  void run() {
    std::array<std::uint8_t, 4096> bytes;
    while (!ends_) {
      pollfd both[2] = {{held_[0] ? -1 : masters_[0], POLLIN, 0}, {held_[1] ? -1 : masters_[1], POLLIN, 0}};
      ::poll(both, 2, 5);
      for (int end : {0, 1}) {
        if ((both[end].revents & POLLIN) == 0) continue;
        auto count = ::read(masters_[end], bytes.data(), bytes.size());
        if (count <= 0) continue;
        bytes_[end] += static_cast<std::uint64_t>(count);
        for (byte_view rest{bytes.data(), static_cast<std::size_t>(count)}; !rest.empty() && !ends_;) {
          auto taken = ::write(masters_[1 - end], rest.data(), rest.size());
          if (taken > 0) rest = rest.subspan(static_cast<std::size_t>(taken));
          if (taken <= 0) ::usleep(500);
        }
      }
    }
  }

  scratch_directory directory_;
  std::string parameters_;
  int masters_[2] = {-1, -1};
  int slaves_[2] = {-1, -1};
  std::atomic<bool> ends_ = false;
  std::atomic<bool> held_[2] = {false, false};
  std::atomic<std::uint64_t> bytes_[2] = {0, 0};
  std::thread pump_;
};

} // namespace glow::test
