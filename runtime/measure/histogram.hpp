/// How long things took, in fixed memory: counts in buckets that grow with the value (log-linear, as HdrHistogram has them).
///
///   one microsecond … 2^26 µs (67 s), eight buckets between two powers of two: a bucket is at most 12.5 % wide
///   bucket of a value: (lower, upper], so that "how many took at most 2^k µs" is exact for every k
///
/// Recording is a few instructions and never allocates. Refuses to remember single values, and to be shared by threads.
#pragma once

#include "runtime/base/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace glow::measure {

class histogram {
public:
  static constexpr unsigned octaves = 26;
  static constexpr unsigned per_octave_bits = 3;
  static constexpr std::size_t per_octave = std::size_t{1} << per_octave_bits;
  /// The first octave's values (1 … 8 µs) have a bucket each; the last bucket holds whatever is longer than 2^26 µs.
  static constexpr std::size_t buckets = (octaves - per_octave_bits + 1) * per_octave + 1;

  /// Parts of a microsecond count as a whole one; nought and less as one.
  void record(duration value);
  /// As if everything that `other` recorded had been recorded here.
  void merge(const histogram& other);

  std::uint64_t count() const { return count_; }
  /// Exact, other than the buckets.
  duration sum() const { return sum_; }
  /// How many took at most 2^`power` microseconds. Requires: power ≤ octaves.
  std::uint64_t count_within(unsigned power) const;
  /// A bound that this share of the values (0 … 1) kept, at most 12.5 % above the longest of them. Zero when nothing was
  /// recorded; values beyond the last bound count as that bound.
  duration quantile(double share) const;

private:
  static std::size_t bucket_of(std::uint64_t micros);
  static std::uint64_t upper_micros(std::size_t bucket);

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  duration sum_{};
};

} // namespace glow::measure
