/// Times that actors of one node give each other, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

inline constexpr duration node_start_timeout = 10s;
inline constexpr duration agent_join_timeout = 40s;
/// How long a stopping agent waits until its goodbyes have left.
inline constexpr duration goodbye_timeout = 500ms;
/// A request between two actors of one node that should answer at once: beyond it the other one is ill.
inline constexpr duration local_request_timeout = 5s;

} // namespace glow::limits
