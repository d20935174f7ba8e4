#include "runtime/stream/congestion.hpp"

#include "runtime/stream/limits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace glow::stream {
namespace {

constexpr double cubic_c = 0.4;    // RFC 9438 §5, segments per second cubed
constexpr double cubic_beta = 0.7; // RFC 9438 §4.6
constexpr double reno_alpha = 3 * (1 - cubic_beta) / (1 + cubic_beta);
constexpr double window_packets_min = 2;
constexpr double window_packets_start = 10; // RFC 6928
constexpr unsigned early_losses_max = 3;
// HyStart++, RFC 9406 §4.3
constexpr duration hystart_rise_min = 4ms;
constexpr duration hystart_rise_max = 16ms;
constexpr int hystart_rise_divisor = 8;
constexpr unsigned hystart_samples = 8;
constexpr double hystart_slower = 4;
constexpr unsigned hystart_slower_rounds = 5;
constexpr duration burst_time = 2ms; // timers are no finer than a millisecond

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

} // namespace

congestion::congestion(std::size_t packet_bytes, bool quick) : packet_{static_cast<double>(packet_bytes)} {
  window_minimum_ = window_packets_min * packet_;
  window_ = window_packets_start * packet_;
  window_maximum_ = static_cast<double>(quick ? limits::stream_window_bytes_quick_max : limits::stream_window_bytes_max);
  if (quick) window_ = std::max(window_, static_cast<double>(limits::stream_window_bytes_quick_start));
  threshold_ = std::numeric_limits<double>::infinity();
  burst_left_ = window_;
}

void congestion::on_acknowledged(std::size_t bytes, steady_time sent_at, steady_time now, duration smoothed_rtt, bool limited) {
  if (recovery_since_ && sent_at <= *recovery_since_) return;
  if (!limited) {
    epoch_.reset(); // time that the application idled away must not count as growth (RFC 9438 §5.8)
    return;
  }
  if (in_slow_start())
    window_ += static_cast<double>(bytes) / (slower_since_rtt_ ? hystart_slower : 1);
  else
    grow_cubic(static_cast<double>(bytes), now, smoothed_rtt);
  window_ = std::min(window_, window_maximum_);
}

void congestion::on_round_trip(duration sample, std::uint64_t number, std::uint64_t next_number) {
  if (!in_slow_start()) return;
  if (number >= round_end_) {
    round_end_ = next_number;
    last_round_rtt_ = std::exchange(round_rtt_, duration::max());
    round_samples_ = 0;
    if (slower_since_rtt_ && ++slower_rounds_ >= hystart_slower_rounds) {
      threshold_ = window_; // the queue grows with the window: congestion avoidance from here
      slower_since_rtt_.reset();
      return;
    }
  }
  round_rtt_ = std::min(round_rtt_, sample);
  if (++round_samples_ < hystart_samples) return;
  if (slower_since_rtt_) {
    if (round_rtt_ < *slower_since_rtt_) slower_since_rtt_.reset(); // it was jitter
  } else if (last_round_rtt_ != duration::max()
             && round_rtt_
                  >= last_round_rtt_ + std::clamp(last_round_rtt_ / hystart_rise_divisor, hystart_rise_min, hystart_rise_max)) {
    slower_since_rtt_ = round_rtt_;
    slower_rounds_ = 0;
  }
}

void congestion::grow_cubic(double bytes, steady_time now, duration smoothed_rtt) {
  if (!epoch_) {
    epoch_ = now;
    reno_window_ = window_;
    if (window_ < window_before_) {
      k_seconds_ = std::cbrt((window_before_ - window_) / packet_ / cubic_c);
    } else {
      k_seconds_ = 0;
      window_before_ = window_;
    }
  }
  auto since = seconds(now - *epoch_);
  reno_window_ += (reno_window_ >= window_before_ ? 1.0 : reno_alpha) * packet_ * bytes / window_;
  if (cubic_window(since) < reno_window_) {
    window_ = std::max(window_, reno_window_);
    return;
  }
  auto target = std::clamp(cubic_window(since + seconds(smoothed_rtt)), window_, 1.5 * window_);
  window_ += (target - window_) * bytes / window_;
}

double congestion::cubic_window(double since) const {
  auto t = since - k_seconds_;
  return cubic_c * t * t * t * packet_ + window_before_;
}

void congestion::on_packet_size(std::size_t packet_bytes) {
  packet_ = static_cast<double>(packet_bytes);
  window_minimum_ = window_packets_min * packet_;
  window_ = std::max(window_, window_minimum_);
}

bool congestion::on_lost(steady_time sent_at, steady_time now, std::size_t flight_bytes) {
  if (recovery_since_ && sent_at <= *recovery_since_) return false;
  before_loss_ = reduced{window_, threshold_, window_before_};
  recovery_since_ = now;
  // fast convergence, RFC 9438 §4.7: a flow that shrinks leaves room for others
  window_before_ = window_ < window_before_ ? window_ * (1 + cubic_beta) / 2 : window_;
  window_ = std::max(window_ * cubic_beta, window_minimum_);
  epoch_.reset();
  // a flight that is shorter than the first window says nothing of what the path carries: most likely the link was just
  // coming up at the other end. A few of those leave slow start alone, where the window recovers at once
  const bool early = threshold_ == std::numeric_limits<double>::infinity()
                     && static_cast<double>(flight_bytes) < window_packets_start * packet_ && early_losses_ < early_losses_max;
  if (early)
    ++early_losses_;
  else
    threshold_ = window_;
  return true;
}

void congestion::undo_loss() {
  if (!before_loss_) return;
  window_ = std::max(window_, before_loss_->window);
  threshold_ = before_loss_->threshold;
  window_before_ = before_loss_->window_before;
  before_loss_.reset();
  recovery_since_.reset();
  epoch_.reset();
}

void congestion::on_persistent() {
  before_loss_.reset();
  window_ = window_minimum_;
  recovery_since_.reset();
  epoch_.reset();
}

double congestion::pace_bytes_per_second(duration smoothed_rtt) const {
  auto rtt = std::max(seconds(smoothed_rtt), 1e-6);
  return (in_slow_start() ? 2.0 : 1.25) * window_ / rtt;
}

double congestion::burst_bytes(duration smoothed_rtt) const {
  const auto time = burst_time + std::min(late_, smoothed_rtt / 2);
  return std::max(window_packets_start * packet_, pace_bytes_per_second(smoothed_rtt) * seconds(time));
}

void congestion::on_woken(duration late) { late_ = std::max<duration>(late, late_ - late_ / 64); }

bool congestion::may_burst(steady_time now, duration smoothed_rtt) {
  auto most = burst_bytes(smoothed_rtt);
  if (!paced_at_) burst_left_ = std::max(most, window_);
  if (paced_at_ && now > *paced_at_)
    burst_left_ = std::min(most, burst_left_ + pace_bytes_per_second(smoothed_rtt) * seconds(now - *paced_at_));
  paced_at_ = now;
  return burst_left_ > 0;
}

steady_time congestion::next_burst(duration smoothed_rtt) const {
  auto missing = std::max(0.0, burst_bytes(smoothed_rtt) / 4 - burst_left_); // a quarter at a time, not packet by packet
  auto wait = std::chrono::duration_cast<duration>(std::chrono::duration<double>(missing / pace_bytes_per_second(smoothed_rtt)));
  return paced_at_.value_or(steady_time{}) + std::max<duration>(wait, 1us);
}

} // namespace glow::stream
