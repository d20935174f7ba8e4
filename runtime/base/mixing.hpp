/// A quick 64-bit hash of a few words, for sums that honest peers compare.
/// Refuses to resist anybody who looks for collisions: what must be proven is hashed by libsodium.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace glow {

/// Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, 6.4), word after word.
inline std::uint64_t mix_words(std::uint64_t seed, std::initializer_list<std::uint64_t> words) {
  for (auto word : words) {
    seed = (seed ^ word) * 0x9e3779b97f4a7c15ULL;
    seed ^= seed >> 29;
  }
  return seed;
}

} // namespace glow
