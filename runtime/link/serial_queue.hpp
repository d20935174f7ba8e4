/// What waits for one serial line, and when the line may have the next frame. It keeps the pace of the line itself, because
/// the kernel would take far more than the line sends in a second, and a pseudo-terminal has no pace at all.
/// A value; refuses to write.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/link/serial_framing.hpp"

#include <deque>
#include <optional>

namespace glow::link {

class serial_queue {
public:
  explicit serial_queue(std::size_t bytes_per_second);

  /// Queues a datagram. The oldest ones go where it does not fit; one that fits no frame is ignored.
  void push(byte_view datagram);
  /// The next frame, if the line is free for it at `now`; its time on the wire is booked. Datagrams of a single frame come
  /// first, but a long one is not kept waiting for ever.
  std::optional<byte_string> take(steady_time now);
  /// When take() has something; nothing while nothing waits.
  std::optional<steady_time> next_take() const;
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  std::uint64_t dropped() const { return dropped_; }

private:
  struct entry {
    std::vector<byte_string> frames;
    std::size_t next = 0;  ///< index of the first frame that was not taken
    std::size_t bytes = 0; ///< of the datagram
  };
  void make_room(std::size_t bytes);
  void drop_oldest_of(std::deque<entry>& from, bool keep_begun);
  byte_string take_from(std::deque<entry>& from);

  std::size_t bytes_per_second_;
  std::size_t piece_bytes_;
  std::size_t waiting_bytes_max_;
  std::deque<entry> short_;
  std::deque<entry> long_; ///< several frames each; only the first may have begun
  std::size_t waiting_bytes_ = 0;
  std::size_t passed_ = 0; ///< short ones since the last piece of a long one
  std::uint32_t number_ = 0;
  std::uint64_t dropped_ = 0;
  steady_time line_free_{};
};

} // namespace glow::link
