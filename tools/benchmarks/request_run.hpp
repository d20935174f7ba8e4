/// Requests through a whole node: this program embeds an agent that joins a running mesh, and asks one of its nodes.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "tools/benchmarks/figures.hpp"

#include <string>
#include <vector>

namespace glow::benchmarks {

struct request_run {
  std::string home;            ///< a fresh directory for the embedded agent
  std::string ticket;          ///< admits it to the mesh
  std::string listen;          ///< URI of its only transport
  std::vector<std::string> to; ///< names of the nodes to ask, each measured in turn
  duration seconds = 5s;
  std::size_t body_bytes = 1u << 20;
  std::size_t at_once = 4; ///< requests in flight while bytes are measured
};
struct request_figures {
  std::string to;
  std::size_t hops = 0;
  round_trips rtt;         ///< of requests with 32-byte bodies, one at a time
  double mb_per_s = 0;     ///< bodies as they come back; as much goes out at the same time
  double cpu_s_per_gb = 0; ///< of the asking process alone, for bodies there and back
  std::size_t failed = 0;  ///< requests that ended in an error
};
/// Errors: what starting, joining or routing failed with; `timed_out` when a node does not come in sight.
result<std::vector<request_figures>> measure_requests(const request_run& run);

} // namespace glow::benchmarks
