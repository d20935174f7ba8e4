/// Bounds of the actor system and the event loop, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

/// Messages an actor handles in one turn before the next actor's turn (the default of CAF never yields).
inline constexpr std::size_t messages_per_turn = 50;
/// Actor turns the event loop runs before it looks at sockets and timers again.
inline constexpr std::size_t actor_turns_per_loop = 1024;
/// So many turns are a burst of work; after it, quiet for so long, its memory goes back to the operating system.
inline constexpr std::size_t turns_of_a_burst = 2000;
inline constexpr duration quiet_after_burst = 3s;
/// Threads of the pool: namespaces and jobs do little, the store has its own thread, and each thread costs memory.
inline constexpr std::size_t pool_threads = 2;

} // namespace glow::limits
