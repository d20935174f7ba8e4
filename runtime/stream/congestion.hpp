/// Congestion control of one path: CUBIC (RFC 9438) with HyStart++ (RFC 9406), and pacing (RFC 9002 §7.7).
/// Refuses to know packets: it hears what was acknowledged and lost, and says how many bytes may be under way.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace glow::stream {

class congestion {
public:
  /// `packet_bytes`: longest packet of the path. `quick`: measured or known to be a local path, which may start fast.
  congestion(std::size_t packet_bytes, bool quick);

  /// `limited`: the window, not the application, held the sender back.
  void on_acknowledged(std::size_t bytes, steady_time sent_at, steady_time now, duration smoothed_rtt, bool limited);
  /// The path takes longer packets than before.
  void on_packet_size(std::size_t packet_bytes);
  /// One or more packets were lost, the newest of them sent at `sent_at`: at most one reduction per round trip.
  /// `flight_bytes` were under way. Returns whether there was one now.
  bool on_lost(steady_time sent_at, steady_time now, std::size_t flight_bytes);
  /// What the last reduction was for had not been lost, only overtaken: takes it back (RFC 4015).
  void undo_loss();
  /// A round trip, by the acknowledgement of the packet with that number; `next_number`: of the next packet to leave.
  /// Slow start ends when round trips grow: before the queue overflows.
  void on_round_trip(duration sample, std::uint64_t number, std::uint64_t next_number);
  /// Everything over several probe time-outs was lost (RFC 9002 §7.6).
  void on_persistent();

  std::size_t window_bytes() const { return static_cast<std::size_t>(window_); }
  bool in_slow_start() const { return window_ < threshold_; }

  /// Pacing: true when a packet may leave now as far as bursts are concerned.
  bool may_burst(steady_time now, duration smoothed_rtt);
  void on_sent(std::size_t bytes) { burst_left_ -= static_cast<double>(bytes); }
  /// The timer for next_burst() rang that late: on a busy machine bursts grow, lest every wait cost what it is late.
  void on_woken(duration late);
  /// When may_burst() becomes true again after it was false.
  steady_time next_burst(duration smoothed_rtt) const;

private:
  void grow_cubic(double bytes, steady_time now, duration smoothed_rtt);
  double cubic_window(double seconds) const;
  double pace_bytes_per_second(duration smoothed_rtt) const;
  double burst_bytes(duration smoothed_rtt) const;

  double packet_;
  double window_minimum_;
  double window_maximum_;
  double window_;
  double threshold_;
  double window_before_ = 0; ///< W_max
  double reno_window_ = 0;   ///< W_est
  double k_seconds_ = 0;     ///< K
  std::optional<steady_time> epoch_;
  std::optional<steady_time> recovery_since_;
  struct reduced {
    double window = 0;
    double threshold = 0;
    double window_before = 0;
  };
  std::optional<reduced> before_loss_; ///< the last one
  unsigned early_losses_ = 0;          ///< that did not end slow start
  // HyStart++
  std::uint64_t round_end_ = 0;
  duration round_rtt_ = duration::max(); ///< least of this round, and of the one before
  duration last_round_rtt_ = duration::max();
  unsigned round_samples_ = 0;
  std::optional<duration> slower_since_rtt_; ///< in conservative slow start: the round trip that began it
  unsigned slower_rounds_ = 0;
  double burst_left_ = 0;
  std::optional<steady_time> paced_at_;
  duration late_{}; ///< how late timers were of late
};

} // namespace glow::stream
