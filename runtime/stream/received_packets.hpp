/// Which packets of the peer arrived, and when to tell it (RFC 9000 §13.2).
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/stream/packet.hpp"
#include "runtime/stream/range_set.hpp"

#include <optional>

namespace glow::stream {

/// An ACK frame with one range, at its longest: type, largest, delay, count, first.
inline constexpr std::size_t ack_bytes_min = 1 + 4 + 4 + 1 + 4;

class received_packets {
public:
  /// The full number that the low 32 bits stand for (RFC 9000 appendix A.3).
  std::uint64_t full_number(std::uint32_t low) const;
  /// True for numbers seen before, and for those so old that nobody remembers.
  bool is_duplicate(std::uint64_t number) const;
  void on_packet(std::uint64_t number, bool eliciting, steady_time now);

  /// An acknowledgement is owed at this time.
  std::optional<steady_time> ack_due() const { return due_; }
  /// There is something new to tell, were a packet to leave anyway.
  bool has_news() const { return eliciting_ > 0; }
  /// The last acknowledgement may have gone astray: it is owed again.
  void say_again(steady_time now);
  /// The acknowledgement to send now, at most about `room` bytes long (older ranges are left out); clears what is owed.
  /// Requires: has_news() or ack_due(); room ≥ ack_bytes_min.
  ack_frame take_ack(steady_time now, std::size_t room);

private:
  range_set seen_;
  std::uint64_t floor_ = 0; ///< numbers below are forgotten
  std::optional<std::uint64_t> largest_;
  steady_time largest_at_{};
  std::size_t eliciting_ = 0; ///< since the last acknowledgement
  std::optional<steady_time> due_;
};

} // namespace glow::stream
