#include "runtime/stream/round_trip.hpp"

#include <algorithm>

namespace glow::stream {

void round_trip::on_sample(duration latest, duration ack_delay) {
  latest = std::max<duration>(latest, 1us);
  latest_ = latest;
  if (!measured_) {
    measured_ = true;
    minimum_ = smoothed_ = latest;
    variance_ = latest / 2;
    return;
  }
  minimum_ = std::min(minimum_, latest);
  ack_delay = std::min(ack_delay, ack_delay_max);
  auto adjusted = latest >= minimum_ + ack_delay ? latest - ack_delay : latest;
  auto apart = smoothed_ > adjusted ? smoothed_ - adjusted : adjusted - smoothed_;
  variance_ = (3 * variance_ + apart) / 4;
  smoothed_ = (7 * smoothed_ + adjusted) / 8;
}

duration round_trip::probe_timeout() const {
  return smoothed_ + std::max<duration>(4 * variance_, timer_granularity) + ack_delay_max;
}

duration round_trip::loss_delay() const {
  auto longest = measured_ ? std::max(smoothed_, latest_) : smoothed_;
  return std::max<duration>(longest * 9 / 8, timer_granularity);
}

} // namespace glow::stream
