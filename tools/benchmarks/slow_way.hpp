/// A wire with a length: carries Ethernet frames between two interfaces, each way with a delay, a bottleneck in front of it, a
/// bounded queue before the bottleneck, and some frames held back so that others overtake them. Kernels without netem need it.
///   glow_bench way --left INTERFACE --right INTERFACE [--delay-us 10000] [--kb-per-s 50000] [--queue-kb N]
///                  [--held-back-permille 0] [--held-back-us 3000] [--seed 1]      carries until SIGTERM, then prints its
///                  counters
/// Refuses to lose: that is nft's business (tools/benchmarks/segment.py), but for what the queue cannot hold.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

namespace glow::benchmarks {

struct slow_way {
  std::string left, right;     ///< names of the two interfaces
  duration delay = 10ms;       ///< one way, behind the bottleneck
  double bytes_per_s = 50e6;   ///< of the bottleneck, of frames, each way
  std::size_t queue_bytes = 0; ///< before the bottleneck; 0: what the bottleneck passes in a round trip, at least 64 KiB
  double held_back_share = 0;  ///< 0 … 1 of the frames
  duration held_back_by = 3ms; ///< so much later than the others
  std::uint64_t seed = 1;
};

/// When each frame leaves, one direction. Pure.
class bottleneck {
public:
  explicit bottleneck(const slow_way& way);
  /// The time at which the frame arrives at the other end; nothing when the queue has no room for it.
  std::optional<steady_time> arrival_of(std::size_t bytes, steady_time now);

private:
  slow_way way_;
  steady_time free_at_{}; ///< when the last accepted frame has passed
  std::mt19937_64 dice_;
  std::bernoulli_distribution held_back_;
};

struct slow_way_figures {
  std::uint64_t carried = 0;
  std::uint64_t queue_full = 0; ///< frames dropped before the bottleneck
  std::uint64_t refused = 0;    ///< frames that the kernel did not take for sending
  duration latest = 0ns;        ///< the most that a frame left later than it should
};
/// Carries until SIGTERM or SIGINT. Requires: CAP_NET_RAW; no other thread runs.
/// Errors: `io` (no such interface, not permitted).
result<slow_way_figures> carry(const slow_way& way);

} // namespace glow::benchmarks
