/// Figures that every measurement here needs: times, percentiles, this process's CPU time.
/// Refuses to print: main.cpp does.
#pragma once

#include "runtime/base/time.hpp"

#include <vector>

namespace glow::benchmarks {

/// Bytes per microsecond, which is MB/s (10^6 bytes); 0 when no time passed.
double mb_per_s(double bytes, duration took);
/// CPU seconds per 10^9 bytes; 0 without bytes.
double cpu_s_per_gb(duration cpu, double bytes);
/// User and system time of all threads of this process so far.
duration cpu_time();

struct round_trips {
  double median_us = 0;
  double p99_us = 0;
  std::size_t count = 0;
};
/// All zero for an empty list.
round_trips summarise(std::vector<duration> samples);

} // namespace glow::benchmarks
