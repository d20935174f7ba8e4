/// How much of a packet a link seals.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glow::link {

/// What a sealed head seals: the header of an overlay packet between nodes that are no neighbours (route/overlay_header.hpp).
inline constexpr std::size_t sealed_head_bytes = 66;
/// The same where a label stands for the two ends.
inline constexpr std::size_t sealed_label_bytes = 3;

enum class sealing : std::uint8_t {
  whole,
  head,  ///< its overlay header alone: the payload is sealed end to end, between nodes that are no neighbours
  label, ///< likewise, and the header is a labelled one
};

} // namespace glow::link
