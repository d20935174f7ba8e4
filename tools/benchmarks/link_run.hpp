/// One link between two processes of this machine, measured by link_meter.hpp.
#pragma once

#include "tools/benchmarks/link_meter.hpp"

namespace glow::benchmarks {

struct link_run {
  std::string listen; ///< URI of the responder: udp://127.0.0.1:0, tcp://127.0.0.1:0, unix:/path
  duration seconds = 5s;
  std::size_t window_bytes = 1u << 20;
  std::string netns_here;  ///< network namespace of the dialling side; empty: this process's own
  std::string netns_there; ///< of the serving side
};
/// Forks: the child listens, this process dials. Requires: no thread was started yet.
/// Errors: what the transport or the link failed with; `timed_out`.
result<link_figures> measure_link(const link_run& run);

} // namespace glow::benchmarks
