#include "runtime/stream/sending_stream.hpp"

#include <algorithm>
#include <cassert>

namespace glow::stream {
namespace {

/// Short writes are gathered in chunks of this size, so that a byte at a time does not cost a chunk each.
constexpr std::size_t chunk_bytes_usual = 16u << 10;
constexpr std::size_t short_write_bytes = 4u << 10;
/// Chunks that were released before the list is moved up.
constexpr std::size_t released_max = 32;

} // namespace

void sending_stream::write(byte_string bytes) {
  assert(!ended_);
  if (bytes.empty()) return;
  const auto length = bytes.size();
  if (first_ < chunks_.size() && length <= short_write_bytes && chunks_.back().bytes.size() + length <= chunk_bytes_usual)
    append(chunks_.back().bytes, bytes);
  else
    chunks_.push_back({written_, std::move(bytes)});
  written_ += length;
}

bool sending_stream::next(std::size_t length_max, std::uint64_t credit, piece& out) const {
  if (!lost_.empty()) {
    const auto& first = lost_.ranges().front();
    out.offset = first.begin;
    out.length = static_cast<std::size_t>(std::min<std::uint64_t>(first.size(), length_max));
    out.fresh = false;
  } else if (end_lost_) {
    out = {written_, 0, true, false};
    return true;
  } else {
    const auto most = std::min(std::min(written_, limit_) - std::min({fresh_, written_, limit_}), credit);
    out.offset = fresh_;
    out.length = static_cast<std::size_t>(std::min<std::uint64_t>(most, length_max));
    out.fresh = true;
  }
  out.end = ended_ && !end_acknowledged_ && out.offset + out.length == written_;
  return out.length > 0 || (out.end && !end_sent_);
}

void sending_stream::take(const piece& what, byte_string& out) {
  append_bytes(what.offset, what.length, out);
  if (what.fresh)
    fresh_ = what.offset + what.length;
  else
    lost_.erase(what.offset, what.offset + what.length);
  if (what.end) {
    end_sent_ = true;
    end_lost_ = false;
  }
}

void sending_stream::append_bytes(std::uint64_t begin, std::size_t length, byte_string& out) const {
  if (length == 0) return;
  auto at = std::upper_bound(chunks_.begin() + static_cast<std::ptrdiff_t>(first_), chunks_.end(), begin,
                             [](std::uint64_t offset, const chunk& each) { return offset < each.begin; });
  assert(at != chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
  for (--at; length > 0; ++at) {
    const auto from = static_cast<std::size_t>(begin - at->begin);
    const auto here = std::min(length, at->bytes.size() - from);
    append(out, byte_view{at->bytes}.subspan(from, here));
    begin += here;
    length -= here;
  }
}

void sending_stream::on_acknowledged(std::uint64_t offset, std::uint64_t length, bool end) {
  if (end) {
    end_acknowledged_ = true;
    end_lost_ = false;
  }
  const auto to = offset + length;
  if (length == 0 || to <= base_) return;
  if (!lost_.empty()) lost_.erase(offset, to);
  if (offset <= base_ && acknowledged_.empty()) {
    base_ = to;
  } else {
    acknowledged_.insert(std::max(offset, base_), to);
    if (acknowledged_.ranges().front().begin > base_) return;
    base_ = acknowledged_.ranges().front().end;
    acknowledged_.drop_lowest();
  }
  release();
}

void sending_stream::on_lost(std::uint64_t offset, std::uint64_t length, bool end) {
  if (end && !end_acknowledged_) end_lost_ = true;
  const auto to = offset + length;
  offset = std::max(offset, base_);
  if (offset >= to) return;
  if (acknowledged_.empty()) return lost_.insert(offset, to);
  for (auto& gap : acknowledged_.gaps(offset, to)) lost_.insert(gap.begin, gap.end);
}

void sending_stream::begin_anew() {
  assert(base_ == 0 && acknowledged_.empty());
  lost_.clear();
  fresh_ = 0;
  limit_ = limits::stream_window_initial;
  end_sent_ = end_lost_ = false;
}

void sending_stream::release() {
  while (first_ < chunks_.size() && chunks_[first_].begin + chunks_[first_].bytes.size() <= base_) {
    chunks_[first_].bytes = {};
    ++first_;
  }
  if (first_ == chunks_.size()) {
    chunks_ = {}; // an idle stream holds no memory
    first_ = 0;
  } else if (first_ >= released_max) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void sending_stream::drop() {
  chunks_ = {};
  first_ = 0;
  acknowledged_.clear();
  lost_.clear();
  base_ = written_ = fresh_;
  end_lost_ = false;
}

} // namespace glow::stream
