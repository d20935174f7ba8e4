#include "tools/benchmarks/figures.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace glow::benchmarks {

double mb_per_s(double bytes, duration took) {
  auto us = std::chrono::duration<double, std::micro>(took).count();
  return us > 0 ? bytes / us : 0;
}

double cpu_s_per_gb(duration cpu, double bytes) {
  return bytes > 0 ? std::chrono::duration<double>(cpu).count() / (bytes / 1e9) : 0;
}

duration cpu_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto of = [](const timeval& t) -> duration { return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec}; };
  return of(used.ru_utime) + of(used.ru_stime);
}

round_trips summarise(std::vector<duration> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  auto us = [&](std::size_t i) { return std::chrono::duration<double, std::micro>(samples[i]).count(); };
  return {us(samples.size() / 2), us(std::min(samples.size() - 1, samples.size() * 99 / 100)), samples.size()};
}

} // namespace glow::benchmarks
