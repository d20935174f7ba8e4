/// Bounds of the control socket, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

inline constexpr std::size_t control_frame_bytes_max = 1u << 20;
inline constexpr std::size_t control_clients_max = 64;
/// Commands that one control connection may have running at once.
inline constexpr std::size_t control_commands_max = 16;
/// Arguments of one command: `glow run -- CMD ARG…` has the most.
inline constexpr std::size_t control_arguments_max = 8192;
/// Bytes of answers that wait for one client; beyond it streams pause until it has read on.
inline constexpr std::size_t control_queue_bytes_max = 1u << 20;
/// Longest JSON document of one command: about half a million directory entries.
inline constexpr std::size_t control_result_bytes_max = 64u << 20;
/// Input (put - PATH) that the agent holds for one client before it stops reading from it.
inline constexpr std::size_t control_input_bytes_max = 1u << 20;
/// A client that leaves answers unread for so long is disconnected.
inline constexpr duration control_stall_max = 30s;
/// Actors that one walk of the supervision tree visits.
inline constexpr std::size_t control_tree_actors_max = 20000;

} // namespace glow::limits
