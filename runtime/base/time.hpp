/// The two clocks of the house. Nobody reads them in a pure room: time comes in as an argument.
#pragma once

#include <chrono>
#include <cstdint>

namespace glow {

using namespace std::chrono_literals;

/// Monotonic: timeouts, round trips. Same clock as CAF's actor clock, so that simulation can turn it.
using steady_time = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;
/// Calendar time since 1970-01-01 UTC in milliseconds: certificates, versions, logs.
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

inline std::int64_t to_unix_ms(wall_time t) { return t.time_since_epoch().count(); }
inline wall_time from_unix_ms(std::int64_t ms) { return wall_time{std::chrono::milliseconds{ms}}; }
inline double to_ms(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

} // namespace glow
