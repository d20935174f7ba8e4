/// Round-trip estimate of one path, RFC 9002 §5, and the probe time-out that follows from it, §6.2.1.
#pragma once

#include "runtime/base/time.hpp"

namespace glow::stream {

/// Timer resolution we count on (RFC 9002 §6.1.2, kGranularity).
inline constexpr duration timer_granularity = 1ms;
/// How long a receiver may sit on an acknowledgement.
inline constexpr duration ack_delay_max = 5ms;

class round_trip {
public:
  /// `guess`: what the route's metric suggests before anything was measured.
  explicit round_trip(duration guess = 333ms) : smoothed_{guess}, variance_{guess / 2} {}

  void on_sample(duration latest, duration ack_delay);
  bool measured() const { return measured_; }
  duration smoothed() const { return smoothed_; }
  duration minimum() const { return minimum_; }
  /// Without backoff.
  duration probe_timeout() const;
  /// How much older than an acknowledged packet a packet must be to count as lost (RFC 9002 §6.1.2).
  duration loss_delay() const;

private:
  duration smoothed_;
  duration variance_;
  duration minimum_{};
  duration latest_{};
  bool measured_ = false;
};

} // namespace glow::stream
