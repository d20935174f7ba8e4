/// What a link did with the load that it was given: the figures by which bulk is shared among links.
#pragma once

#include <cstdint>

namespace glow::link {

/// Between two pings that were answered, of late.
struct carried_load {
  std::uint64_t sample = 0; ///< counts them; 0: nothing was measured so far
  double rate_bps = 0;      ///< that arrived
  double loss = 0;          ///< share of the bytes that did not, 0 … 1
  bool full = false;        ///< something was lost or stood in a queue: the rate is the link's, not the load's
};

} // namespace glow::link
