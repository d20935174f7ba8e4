#include "runtime/stream/received_packets.hpp"

#include "runtime/stream/round_trip.hpp"

#include <algorithm>

namespace glow::stream {
namespace {

/// The receiver's numbers may be off by a multiple of 2^32 from the sender's, since only the low bits travel, both ways.
/// Starting one round up lets a packet that was reordered across zero stay positive.
constexpr std::uint64_t first_round = std::uint64_t{1} << 32;
/// A frame must not span half of the number circle, so what lies this far back is forgotten.
constexpr std::uint64_t remembered_max = std::uint64_t{1} << 30;
constexpr std::size_t eliciting_packets_per_ack = 2; // RFC 9000 §13.2.2

} // namespace

std::uint64_t received_packets::full_number(std::uint32_t low) const {
  if (!largest_) return first_round + low;
  constexpr std::uint64_t half = std::uint64_t{1} << 31;
  auto expected = *largest_ + 1;
  auto candidate = (expected & ~std::uint64_t{0xffffffff}) | low;
  if (candidate + half <= expected) return candidate + first_round;
  if (candidate > expected + half && candidate >= first_round) return candidate - first_round;
  return candidate;
}

bool received_packets::is_duplicate(std::uint64_t number) const { return number < floor_ || seen_.contains(number); }

void received_packets::on_packet(std::uint64_t number, bool eliciting, steady_time now) {
  bool in_order = !largest_ || number == *largest_ + 1;
  seen_.insert(number, number + 1);
  while (seen_.ranges().size() > ack_ranges_max) {
    seen_.drop_lowest();
    floor_ = seen_.ranges().front().begin;
  }
  if (!largest_ || number > *largest_) {
    largest_ = number;
    largest_at_ = now;
  }
  if (auto oldest = seen_.ranges().front().begin; *largest_ - oldest > remembered_max) {
    floor_ = *largest_ - remembered_max / 2;
    seen_.erase(oldest, floor_);
  }
  if (!eliciting) return;
  ++eliciting_;
  if (!in_order || eliciting_ >= eliciting_packets_per_ack)
    due_ = now;
  else if (!due_)
    due_ = now + ack_delay_max;
}

void received_packets::say_again(steady_time now) {
  if (!largest_) return;
  eliciting_ = std::max<std::size_t>(eliciting_, 1);
  due_ = now;
}

ack_frame received_packets::take_ack(steady_time now, std::size_t room) {
  ack_frame ack;
  auto held = std::chrono::duration_cast<std::chrono::microseconds>(std::max<duration>(now - largest_at_, duration::zero()));
  ack.delay_us = static_cast<std::uint64_t>(held.count());
  constexpr std::size_t range_bytes = 4 + 4; // gap and length, at their longest
  auto spans_max = std::min(ack_ranges_max, 1 + (std::max(room, ack_bytes_min) - ack_bytes_min) / range_bytes);
  auto& ranges = seen_.ranges();
  for (auto at = ranges.rbegin(); at != ranges.rend() && ack.count < spans_max; ++at)
    ack.spans[ack.count++] = {static_cast<std::uint32_t>(at->begin), static_cast<std::uint32_t>(at->end - 1)};
  eliciting_ = 0;
  due_.reset();
  return ack;
}

} // namespace glow::stream
