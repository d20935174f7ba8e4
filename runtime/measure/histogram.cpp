#include "runtime/measure/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace glow::measure {

/// With v = micros - 1: values below 8 have their own bucket; above, the three bits after the leading one choose it.
std::size_t histogram::bucket_of(std::uint64_t micros) {
  const auto v = micros - 1;
  if (v < per_octave) return static_cast<std::size_t>(v);
  const auto shift = static_cast<unsigned>(std::bit_width(v)) - 1 - per_octave_bits;
  const auto at = (std::size_t{shift} + 1) * per_octave + static_cast<std::size_t>((v >> shift) - per_octave);
  return std::min(at, buckets - 1);
}

std::uint64_t histogram::upper_micros(std::size_t bucket) {
  if (bucket < per_octave) return bucket + 1;
  const auto shift = static_cast<unsigned>(bucket / per_octave) - 1;
  return (std::uint64_t{bucket % per_octave + per_octave} + 1) << shift;
}

void histogram::record(duration value) {
  const auto micros = std::chrono::ceil<std::chrono::microseconds>(value).count();
  ++counts_[bucket_of(micros < 1 ? 1 : static_cast<std::uint64_t>(micros))];
  ++count_;
  sum_ += std::max(value, duration::zero());
}

void histogram::merge(const histogram& other) {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

std::uint64_t histogram::count_within(unsigned power) const {
  assert(power <= octaves);
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < buckets - 1 && upper_micros(i) <= std::uint64_t{1} << power; ++i) out += counts_[i];
  return out;
}

duration histogram::quantile(double share) const {
  if (count_ == 0) return duration::zero();
  const auto rank = std::max(1.0, std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets - 1; ++i) {
    seen += counts_[i];
    if (static_cast<double>(seen) >= rank) return std::chrono::microseconds{upper_micros(i)};
  }
  return std::chrono::microseconds{std::uint64_t{1} << octaves};
}

} // namespace glow::measure
