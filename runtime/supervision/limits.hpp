/// Bounds of supervision, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

/// How long a supervisor waits for a child to stop before it kills it.
inline constexpr duration child_stop_timeout = 5s;
/// A transport that cannot open its port (an address that is not there yet) is tried for long before it is given up.
inline constexpr std::size_t transport_restarts_max = 1000;
/// Restarts of one supervisor's children within restart_window before it escalates.
inline constexpr std::size_t restarts_max = 20;
inline constexpr duration restart_window = 10s;

} // namespace glow::limits
