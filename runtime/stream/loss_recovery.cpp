#include "runtime/stream/loss_recovery.hpp"

#include "runtime/stream/limits.hpp"

#include <algorithm>
#include <utility>

namespace glow::stream {
namespace {

constexpr std::uint64_t packet_threshold = 3; // RFC 9002 §6.1.1
constexpr unsigned probe_packets = 2;         // RFC 9002 §6.2.4
constexpr int persistent_probe_timeouts = 3;  // RFC 9002 §7.6.1
constexpr unsigned reorder_steps_max = 4;     // RFC 8985 §6.2: no more than a round trip
constexpr unsigned reorder_forgotten = 16;    // RFC 8985 §6.2: after so many recoveries without
constexpr int late_round_trips = 3;           // a lost packet stays on record for so long

} // namespace

void loss_recovery::on_sent(std::size_t bytes, bool eliciting, std::vector<fragment> fragments, steady_time now) {
  ++next_;
  ++counted_.packets_sent;
  auto& packet = sent_.emplace_back();
  packet.sent_at = now;
  packet.bytes = static_cast<std::uint32_t>(bytes);
  if (eliciting) {
    packet.outstanding = true;
    packet.fragments = std::move(fragments);
    in_flight_ += bytes;
    ++eliciting_in_flight_;
    last_eliciting_at_ = now;
    congestion_.on_sent(bytes);
    if (probes_due_ > 0) --probes_due_;
  } else {
    drop_settled(now); // acknowledgements alone are not waited for
  }
}

loss_recovery::outcome loss_recovery::on_ack(const ack_frame& ack, steady_time now) {
  outcome out;
  auto low = ack.spans[0].to;
  auto back = static_cast<std::uint32_t>(static_cast<std::uint32_t>(next_) - 1 - low); // how far behind the newest
  if (next_ == 0 || back >= next_ || back > (1u << 31)) return out;
  auto largest = next_ - 1 - back;
  ++counted_.acks_received;
  auto in_flight_before = in_flight_;

  if (!largest_acknowledged_ || largest > *largest_acknowledged_) {
    largest_acknowledged_ = largest;
    if (largest >= base_ && sent_[largest - base_].outstanding) {
      auto delay = std::chrono::microseconds{std::min<std::uint64_t>(ack.delay_us, 1000000)};
      const auto sample = now - sent_[largest - base_].sent_at;
      round_trip_.on_sample(sample, delay);
      congestion_.on_round_trip(sample, largest, next_);
    }
  }
  for (std::size_t i = 0; i < ack.count; ++i) {
    std::uint64_t below_from = std::uint32_t(low - ack.spans[i].from); // distances below `largest`, so no wrap
    std::uint64_t below_to = std::uint32_t(low - ack.spans[i].to);
    if (below_to > largest || largest - below_to < base_) break;
    auto first = below_from > largest ? base_ : std::max(base_, largest - below_from);
    for (auto number = first; number <= largest - below_to; ++number) acknowledge(number, in_flight_before, out, now);
  }
  if (out.progress) {
    probe_rounds_ = 0;
    probes_due_ = 0;
  }
  detect_lost(out, now);
  drop_settled(now);
  return out;
}

void loss_recovery::acknowledge(std::uint64_t number, std::size_t in_flight_before, outcome& out, steady_time now) {
  auto& packet = sent_[number - base_];
  if (packet.acknowledged) return;
  packet.acknowledged = true;
  ++counted_.packets_acknowledged;
  if (std::exchange(packet.lost, false)) on_late(number);
  // late news of a packet that was given up still saves sending its bytes again
  out.acknowledged.insert(out.acknowledged.end(), packet.fragments.begin(), packet.fragments.end());
  packet.fragments.clear();
  if (!packet.outstanding) return;
  take_from_flight(packet);
  out.progress = true;
  auto window = congestion_.window_bytes();
  bool limited = congestion_.in_slow_start() ? in_flight_before * 2 >= window : in_flight_before + 3ul * packet.bytes >= window;
  congestion_.on_acknowledged(packet.bytes, packet.sent_at, now, round_trip_.smoothed(), limited);
}

/// It was not lost, only overtaken.
void loss_recovery::on_late(std::uint64_t number) {
  reorders_ = true;
  losses_since_late_ = 0;
  if (number >= reorder_round_end_) {
    reorder_steps_ = std::min(reorder_steps_ + 1, reorder_steps_max);
    reorder_round_end_ = next_;
  }
  if (blamed_ > 0 && --blamed_ == 0) congestion_.undo_loss();
}

duration loss_recovery::loss_delay() const { return round_trip_.loss_delay() + round_trip_.smoothed() * reorder_steps_ / 4; }

void loss_recovery::detect_lost(outcome& out, steady_time now) {
  loss_at_.reset();
  if (!largest_acknowledged_) return;
  const auto delay = loss_delay();
  const auto flight = in_flight_;
  std::size_t lost = 0;
  std::optional<steady_time> newest_lost;
  std::optional<steady_time> run_began; // of lost packets with no acknowledged one between them
  bool persistent = false;
  auto persistent_time = round_trip_.probe_timeout() * persistent_probe_timeouts;
  for (auto number = base_; number < next_ && number <= *largest_acknowledged_; ++number) {
    auto& packet = sent_[number - base_];
    if (packet.acknowledged) run_began.reset();
    if (!packet.outstanding) continue;
    const bool far_behind = !reorders_ && number + packet_threshold <= *largest_acknowledged_;
    if (!far_behind && packet.sent_at + delay > now) {
      if (!loss_at_) loss_at_ = packet.sent_at + delay;
      continue;
    }
    take_from_flight(packet);
    packet.lost = true;
    ++lost;
    ++counted_.packets_lost, ++counted_.packets_resent;
    out.lost.insert(out.lost.end(), packet.fragments.begin(), packet.fragments.end());
    if (!run_began) run_began = packet.sent_at;
    persistent = persistent || (round_trip_.measured() && packet.sent_at - *run_began > persistent_time);
    newest_lost = packet.sent_at;
  }
  if (newest_lost && congestion_.on_lost(*newest_lost, now, flight)) {
    blamed_ = 0;
    if (++losses_since_late_ >= reorder_forgotten) reorders_ = false, reorder_steps_ = 0;
  }
  blamed_ += lost;
  if (persistent) congestion_.on_persistent();
}

loss_recovery::outcome loss_recovery::on_timer(steady_time now) {
  outcome out;
  if (loss_at_) {
    if (*loss_at_ <= now) {
      detect_lost(out, now);
      drop_settled(now);
    }
    return out;
  }
  auto due = wake_at();
  if (!due || *due > now) return out;
  probe_rounds_ = std::min(probe_rounds_ + 1, 30u);
  probes_due_ = probe_packets;
  last_eliciting_at_ = now; // the next probe is timed from here, even if the path takes none now
  unsigned taken = 0;
  for (auto& packet : sent_) {
    if (!packet.outstanding) continue;
    out.lost.insert(out.lost.end(), packet.fragments.begin(), packet.fragments.end());
    ++counted_.packets_resent;
    if (++taken == probe_packets) break;
  }
  return out;
}

loss_recovery::outcome loss_recovery::on_new_path(std::size_t packet_bytes, bool quick, duration rtt_guess) {
  outcome out;
  for (auto& packet : sent_) {
    if (!packet.outstanding) continue;
    take_from_flight(packet);
    ++counted_.packets_resent;
    out.lost.insert(out.lost.end(), packet.fragments.begin(), packet.fragments.end());
  }
  round_trip_ = round_trip{rtt_guess};
  congestion_ = congestion{packet_bytes, quick};
  loss_at_.reset();
  reorders_ = false;
  reorder_steps_ = 0;
  blamed_ = 0;
  probe_rounds_ = 0;
  probes_due_ = 0;
  return out; // the records stay a while: late acknowledgements save work
}

void loss_recovery::on_peer_restarted() {
  base_ = next_;
  sent_.clear();
  largest_acknowledged_.reset();
  in_flight_ = 0;
  eliciting_in_flight_ = 0;
  loss_at_.reset();
  blamed_ = 0;
  probe_rounds_ = 0;
  probes_due_ = 0;
}

std::optional<steady_time> loss_recovery::wake_at() const {
  if (loss_at_) return loss_at_;
  if (eliciting_in_flight_ == 0) return {};
  auto wait = round_trip_.probe_timeout() * (std::int64_t{1} << std::min(probe_rounds_, 16u));
  return last_eliciting_at_ + std::min<duration>(wait, limits::stream_probe_wait_max);
}

void loss_recovery::take_from_flight(sent_packet& packet) {
  packet.outstanding = false;
  in_flight_ -= packet.bytes;
  --eliciting_in_flight_;
}

void loss_recovery::drop_settled(steady_time now) {
  const auto late = round_trip_.smoothed() * late_round_trips;
  while (!sent_.empty() && !sent_.front().outstanding && !(sent_.front().lost && now - sent_.front().sent_at < late)) {
    sent_.pop_front();
    ++base_;
  }
}

} // namespace glow::stream
