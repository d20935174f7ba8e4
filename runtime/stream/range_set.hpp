/// A set of integers kept as sorted, disjoint, half-open ranges: packet numbers, byte offsets, request ids.
/// Made for sets that are nearly contiguous: a few ranges, mostly grown at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace glow::stream {

struct range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0; ///< one past the last
  std::uint64_t size() const { return end - begin; }
  bool operator==(const range&) const = default;
};

class range_set {
public:
  /// Adds every integer of [begin, end).
  void insert(std::uint64_t begin, std::uint64_t end);
  void erase(std::uint64_t begin, std::uint64_t end);
  bool contains(std::uint64_t value) const { return covers(value, value + 1); }
  /// True when all of [begin, end) is there.
  bool covers(std::uint64_t begin, std::uint64_t end) const;
  /// The parts of [begin, end) that are not there, in order.
  std::vector<range> gaps(std::uint64_t begin, std::uint64_t end) const;

  /// Closes the lowest gap (its integers join the set): how a bounded set gives up detail.
  void close_lowest_gap();
  void drop_lowest() { ranges_.erase(ranges_.begin()); }
  void clear() { ranges_.clear(); }
  bool empty() const { return ranges_.empty(); }
  const std::vector<range>& ranges() const { return ranges_; }

private:
  std::vector<range> ranges_;
};

} // namespace glow::stream
