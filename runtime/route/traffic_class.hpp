/// The three ways a packet may be treated (overlay.md): what a route is chosen for and who goes first on a link.
#pragma once

#include <cstdint>

namespace glow {

enum class traffic_class : std::uint8_t { control = 0, interactive = 1, bulk = 2 };

} // namespace glow
