/// What follows from packets that a link is given to send, as far as its probing is concerned.
#pragma once

#include <cstdint>

namespace glow::link {

/// In rising order: a batch of several kinds counts as the highest.
enum class expectation : std::uint8_t {
  nothing, ///< acknowledgements: silence after them is no sign of anything
  answer,  ///< routing: it is acknowledged soon, and a peer that stays silent is probed
  traffic  ///< payloads: as `answer`, and the path is measured while they flow
};

} // namespace glow::link
