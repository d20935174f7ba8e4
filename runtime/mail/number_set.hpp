/// A set of numbers as ranges: which letters of one sender have been dealt with. Letters are numbered without gaps, so it is one
/// range most of the time. Refuses to forget anything: whoever inserts looks at the number of ranges first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace glow::mail {

/// Half-open: begin is in, end is not.
struct number_range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const number_range&) const = default;
};

class number_set {
public:
  bool contains(std::uint64_t number) const {
    auto after = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                  [](std::uint64_t n, const number_range& each) { return n < each.begin; });
    return after != ranges_.begin() && number < std::prev(after)->end;
  }
  /// Requires: number < 2^64 - 1.
  void insert(std::uint64_t number) { insert({number, number + 1}); }
  void insert(number_range more) {
    if (more.begin >= more.end) return;
    auto first = std::lower_bound(ranges_.begin(), ranges_.end(), more.begin,
                                  [](const number_range& each, std::uint64_t n) { return each.end < n; });
    auto last = first;
    for (; last != ranges_.end() && last->begin <= more.end; ++last) {
      more.begin = std::min(more.begin, last->begin);
      more.end = std::max(more.end, last->end);
    }
    ranges_.insert(ranges_.erase(first, last), more);
  }
  /// Ascending, apart from each other.
  const std::vector<number_range>& ranges() const { return ranges_; }
  bool operator==(const number_set&) const = default;

private:
  std::vector<number_range> ranges_;
};

} // namespace glow::mail
