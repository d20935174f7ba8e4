/// Replay window of RFC 6479: which packet counters were seen, in a ring of words that moves without shifting.
#pragma once

#include "runtime/link/limits.hpp"

#include <array>
#include <cstdint>

namespace glow::link {

/// Accepts each counter once, out of order within the window; older ones never.
class replay_window {
public:
  /// Counters that far behind the highest accepted one are too old.
  static constexpr std::uint64_t span = limits::replay_window_packets;

  /// Would `accept` take it? Asked before the costly check of the tag.
  bool would_accept(std::uint64_t counter) const {
    if (counter >= next_) return true;
    if (next_ - counter > span) return false;
    return (words_[word_of(counter)] & bit_of(counter)) == 0;
  }
  /// Marks the counter as seen. Call only after its tag proved it authentic.
  bool accept(std::uint64_t counter) {
    if (!would_accept(counter)) return false;
    if (counter >= next_) {
      auto newest = next_ == 0 ? 0 : (next_ - 1) / 64;
      auto ahead = counter / 64 - newest;
      if (next_ == 0 || ahead > words) ahead = words;
      for (std::uint64_t i = 0; i < ahead; ++i) words_[(counter / 64 - i) % words] = 0;
      next_ = counter + 1;
    }
    words_[word_of(counter)] |= bit_of(counter);
    return true;
  }
  /// One past the highest accepted counter; 0 when none was.
  std::uint64_t next() const { return next_; }

private:
  // one word more than the span needs: the newest word is only partly in use
  static constexpr std::uint64_t words = span / 64 + 1;
  static std::uint64_t word_of(std::uint64_t counter) { return counter / 64 % words; }
  static std::uint64_t bit_of(std::uint64_t counter) { return std::uint64_t{1} << (counter % 64); }

  std::uint64_t next_ = 0;
  std::array<std::uint64_t, words> words_{};
};

} // namespace glow::link
