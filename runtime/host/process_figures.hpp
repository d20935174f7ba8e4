/// What the operating system counts of this process.
#pragma once

#include <cstdint>
#include <optional>

namespace glow::host {

struct process_figures {
  std::uint64_t resident_bytes = 0;
  double processor_seconds = 0; ///< user and system, all threads
  std::uint64_t wakeups = 0;    ///< voluntary context switches, all threads
  std::uint64_t open_files = 0;
  std::uint64_t threads = 0;
};

/// Nothing where there is no /proc. Costs some microseconds, and one for each open file.
std::optional<process_figures> read_process_figures();

} // namespace glow::host
