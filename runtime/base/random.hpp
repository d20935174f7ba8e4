/// Randomness as an argument, so that simulation can seed it.
#pragma once

#include "runtime/base/bytes.hpp"

namespace glow {

class random_source {
public:
  virtual ~random_source() = default;
  /// Fills `out` with bytes fit for keys (in production; a seeded source in simulation).
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t next_u64() {
    std::uint8_t raw[8];
    fill(raw);
    return read_le<std::uint64_t>(raw);
  }
  /// Uniform in [0, bound). Requires: bound > 0.
  std::uint64_t next_below(std::uint64_t bound) { return next_u64() % bound; } // bias < 2^-32 for every bound we use
  /// Uniform in [0, 1).
  double next_unit() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }
  template <class Id>
  Id next_id() {
    Id id;
    fill(id.value);
    return id;
  }
};

/// Deterministic source for tests and simulation (SplitMix64, Steele et al. 2014). Never for keys that matter.
class seeded_random final : public random_source {
public:
  explicit seeded_random(std::uint64_t seed) : state_{seed} {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < out.size();) {
      auto word = step();
      for (int k = 0; k < 8 && i < out.size(); ++k, ++i) out[i] = static_cast<std::uint8_t>(word >> (8 * k));
    }
  }

private:
  std::uint64_t step() {
    auto z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

} // namespace glow
