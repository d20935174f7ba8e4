/// What a datagram medium takes from remotes that no link has claimed: plausible knocks, and so many of them. Asked before
/// anything is allocated, so that a flood of garbage costs the receiving system call and a look at its first bytes.
/// A value; refuses to know what a knock is: whoever fills the catalog tells.
#pragma once

#include "runtime/base/bytes.hpp"
#include "transports/limits.hpp"

namespace glow::transports {

struct stranger_rules {
  bool (*is_knock)(byte_view datagram) = nullptr; ///< nothing: every datagram is one
  std::uint64_t datagrams_per_s = 0;              ///< 0: without bound
};

class stranger_gate {
public:
  explicit stranger_gate(stranger_rules rules) : rules_{rules} {}

  /// `now_ms` never goes back.
  bool admit(byte_view datagram, std::uint64_t now_ms) {
    if (rules_.is_knock != nullptr && !rules_.is_knock(datagram)) return false;
    if (rules_.datagrams_per_s == 0) return true;
    // a bucket of thousandths, full when it was idle
    auto full = limits::stranger_datagrams_burst * 1000;
    auto idle_ms = std::min<std::uint64_t>(now_ms - filled_at_ms_, full);
    tokens_ = std::min(full, tokens_ + idle_ms * rules_.datagrams_per_s);
    filled_at_ms_ = now_ms;
    if (tokens_ < 1000) return false;
    tokens_ -= 1000;
    return true;
  }

private:
  stranger_rules rules_;
  std::uint64_t tokens_ = limits::stranger_datagrams_burst * 1000;
  std::uint64_t filled_at_ms_ = 0;
};

} // namespace glow::transports
