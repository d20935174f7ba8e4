#include "runtime/stream/receiving_stream.hpp"

#include <algorithm>

namespace glow::stream {
namespace {

/// A window that is used up within so many round trips was too small.
constexpr int round_trips_per_window = 4;
/// Up to here a window grows fourfold, and with its first use: slow start shall not wait for it, nor a stream on a path whose
/// capacity is known. What all streams hold is bounded by their common credit.
constexpr std::uint64_t quick_growth_bytes = 1u << 20;

} // namespace

receiving_stream::verdict receiving_stream::add(std::uint64_t offset, byte_view bytes, bool end, std::vector<byte_string>& out,
                                                std::size_t& segments) {
  const auto to = offset + bytes.size();
  if (to > limit_) return verdict::beyond;
  if (final_ && (to > *final_ || (end && to != *final_))) return verdict::broken;
  if (end && to < highest_) return verdict::broken;
  if (to > in_order_) {
    if (offset <= in_order_) {
      out.push_back(to_bytes(bytes.subspan(static_cast<std::size_t>(in_order_ - offset))));
      in_order_ = to;
      release(out, segments);
    } else if (!hold(offset, bytes, segments)) {
      return verdict::beyond;
    }
  }
  highest_ = std::max(highest_, to);
  if (end) final_ = to;
  return verdict::taken;
}

/// Keeps what of the piece is not held yet.
bool receiving_stream::hold(std::uint64_t offset, byte_view bytes, std::size_t& segments) {
  if (!ahead_) ahead_ = std::make_unique<held_pieces>();
  const auto to = offset + bytes.size();
  auto next = ahead_->upper_bound(offset);
  if (next != ahead_->begin()) {
    auto& [begin, held] = *std::prev(next);
    offset = std::max(offset, begin + held.size());
  }
  while (offset < to) {
    const auto until = next == ahead_->end() ? to : std::min(to, next->first);
    if (offset < until) {
      if (segments >= limits::stream_segments_max) return false;
      const auto skip = static_cast<std::size_t>(bytes.size() - (to - offset));
      ahead_->emplace_hint(next, offset, to_bytes(bytes.subspan(skip, static_cast<std::size_t>(until - offset))));
      ++segments;
    }
    if (next == ahead_->end()) break;
    offset = std::max(until, next->first + next->second.size());
    ++next;
  }
  return true;
}

void receiving_stream::release(std::vector<byte_string>& out, std::size_t& segments) {
  if (!ahead_) return;
  while (!ahead_->empty() && ahead_->begin()->first <= in_order_) {
    auto piece = ahead_->extract(ahead_->begin());
    --segments;
    const auto to = piece.key() + piece.mapped().size();
    if (to <= in_order_) continue;
    if (piece.key() < in_order_) {
      const auto skip = static_cast<std::ptrdiff_t>(in_order_ - piece.key());
      piece.mapped().erase(piece.mapped().begin(), piece.mapped().begin() + skip);
    }
    in_order_ = to;
    out.push_back(std::move(piece.mapped()));
  }
  if (ahead_->empty()) ahead_.reset();
}

bool receiving_stream::consume(std::uint64_t bytes, steady_time now, duration rtt) {
  consumed_ = std::min(consumed_ + bytes, in_order_);
  if (final_ || limit_ - consumed_ > window_ / 2) return false;
  const bool is_small = window_ < quick_growth_bytes;
  if (told_at_ == steady_time{} ? is_small : now - told_at_ < round_trips_per_window * rtt)
    window_ = std::min((is_small ? 4 : 2) * window_, limits::stream_window_max);
  told_at_ = now;
  limit_ = consumed_ + window_;
  return true;
}

bool receiving_stream::finish_at(std::uint64_t final_size) {
  if (final_size < highest_ || final_size > limit_ || (final_ && *final_ != final_size)) return false;
  final_ = highest_ = final_size;
  return true;
}

void receiving_stream::drop(std::size_t& segments) {
  if (ahead_) segments -= ahead_->size();
  ahead_.reset();
}

} // namespace glow::stream
