#include "runtime/stream/range_set.hpp"

#include <algorithm>

namespace glow::stream {

void range_set::insert(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  if (ranges_.empty() || begin > ranges_.back().end) {
    ranges_.push_back({begin, end});
    return;
  }
  // the first range that touches or follows [begin, end)
  auto first = std::lower_bound(ranges_.begin(), ranges_.end(), begin, [](const range& r, std::uint64_t v) { return r.end < v; });
  auto last = first;
  while (last != ranges_.end() && last->begin <= end) {
    begin = std::min(begin, last->begin);
    end = std::max(end, last->end);
    ++last;
  }
  if (first == last) {
    ranges_.insert(first, {begin, end});
    return;
  }
  *first = {begin, end};
  ranges_.erase(first + 1, last);
}

void range_set::erase(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  auto at = std::lower_bound(ranges_.begin(), ranges_.end(), begin, [](const range& r, std::uint64_t v) { return r.end <= v; });
  if (at == ranges_.end() || at->begin >= end) return;
  if (at->begin < begin) {
    auto tail = at->end;
    at->end = begin;
    ++at;
    if (tail > end) {
      ranges_.insert(at, {end, tail});
      return;
    }
  }
  auto last = at;
  while (last != ranges_.end() && last->end <= end) ++last;
  if (last != ranges_.end() && last->begin < end) last->begin = end;
  ranges_.erase(at, last);
}

bool range_set::covers(std::uint64_t begin, std::uint64_t end) const {
  if (begin >= end) return true;
  auto at = std::upper_bound(ranges_.begin(), ranges_.end(), begin, [](std::uint64_t v, const range& r) { return v < r.end; });
  return at != ranges_.end() && at->begin <= begin && at->end >= end;
}

std::vector<range> range_set::gaps(std::uint64_t begin, std::uint64_t end) const {
  std::vector<range> out;
  auto at = std::upper_bound(ranges_.begin(), ranges_.end(), begin, [](std::uint64_t v, const range& r) { return v < r.end; });
  for (; at != ranges_.end() && at->begin < end; ++at) {
    if (at->begin > begin) out.push_back({begin, at->begin});
    begin = at->end;
  }
  if (begin < end) out.push_back({begin, end});
  return out;
}

void range_set::close_lowest_gap() {
  if (ranges_.size() < 2) return;
  ranges_[1].begin = ranges_[0].begin;
  ranges_.erase(ranges_.begin());
}

} // namespace glow::stream
