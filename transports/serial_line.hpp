/// One serial line (or pseudo-terminal) on the loop: raw, exclusively ours, paced, framed by runtime/link/serial_framing.
/// Knows a device, refuses to know channels. The terminal's settings are put back when it closes.
#pragma once

#include "runtime/link/serial_queue.hpp"
#include "transports/medium.hpp"

#include <termios.h>

namespace glow::transports {

/// What `tty:/dev/ttyUSB0?baud=115200&flow=rtscts` says. Eight bits, no parity, one stop bit.
struct serial_settings {
  std::string path;
  unsigned baud = 115200;
  bool rtscts = false; ///< hardware flow control

  bool operator==(const serial_settings&) const = default;
};
/// Errors: usage.
result<serial_settings> serial_settings_of(const channel_uri& uri);

class serial_line;

/// What a line tells its medium, on the loop's thread.
class serial_events {
public:
  virtual void on_datagrams(serial_line& line, std::vector<byte_string> datagrams) = 0;
  /// The device is gone; the line's last word, after which it may be destroyed at once.
  virtual void on_hangup(serial_line& line, error why) = 0;
  virtual bool wants_more() const = 0;

protected:
  ~serial_events() = default;
};

class serial_line {
public:
  /// Errors: usage (no terminal), unreachable (the device is not there, or somebody else has it), io.
  static result<std::unique_ptr<serial_line>> open(uv_loop_t* loop, const serial_settings& settings, serial_events& events);
  ~serial_line();
  serial_line(const serial_line&) = delete;
  serial_line& operator=(const serial_line&) = delete;

  /// Queued, short ones first; the oldest are dropped where the line is too slow for them. May tell on_hangup.
  void send(const packet_batch& datagrams);
  const serial_settings& settings() const { return settings_; }

private:
  /// The libuv part outlives us until it has closed, and the descriptor with it.
  struct handles {
    uv_poll_t poll{};
    uv_timer_t pace{};
    uv_timer_t pause{};
    serial_line* home = nullptr;
    int fd = -1;
    int open_handles = 0;
  };

  serial_line(const serial_settings& settings, serial_events& events)
    : settings_{settings}, events_{events}, queue_{settings.baud / 10} {}
  result<void> take_over(int fd);
  void watch();
  void on_event(int status, int happened);
  /// False when the line has hung up, and may be no more.
  bool write_some();
  bool read_some();
  bool hang_up(const std::string& why);

  serial_settings settings_;
  serial_events& events_;
  handles* handles_ = nullptr;
  termios before_{};
  link::serial_queue queue_;
  link::serial_receiver receiver_;
  byte_string writing_; ///< a frame that the kernel took only the beginning of
  std::size_t written_ = 0;
  bool paused_ = false;
};

} // namespace glow::transports
