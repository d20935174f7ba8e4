/// Congestion control of one path: CUBIC (RFC 9438) with slow start, and pacing (RFC 9002 §7.7).
/// Refuses to know packets: it hears what was acknowledged and lost, and says how many bytes may be under way.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>
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
  void on_lost(steady_time sent_at, steady_time now);
  /// Everything over several probe time-outs was lost (RFC 9002 §7.6).
  void on_persistent();

  std::size_t window_bytes() const { return static_cast<std::size_t>(window_); }
  bool in_slow_start() const { return window_ < threshold_; }

  /// Pacing: true when a packet may leave now as far as bursts are concerned.
  bool may_burst(steady_time now, duration smoothed_rtt);
  void on_sent(std::size_t bytes) { burst_left_ -= static_cast<double>(bytes); }
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
  double burst_left_ = 0;
  std::optional<steady_time> paced_at_;
};

} // namespace glow::stream
