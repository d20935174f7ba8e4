/// How much of a packet a link seals.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glow::link {

/// What a sealed head seals: the header of an overlay packet between nodes that are no neighbours (route/overlay_header.hpp).
inline constexpr std::size_t sealed_head_bytes = 66;

enum class sealing : std::uint8_t {
  whole,
  head ///< its overlay header alone: the payload is sealed end to end, between nodes that are no neighbours
};

} // namespace glow::link
