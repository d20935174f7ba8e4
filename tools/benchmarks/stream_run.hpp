/// Streams through whole nodes: two programs that embed an agent each, one writes, one reads.
#pragma once

#include "runtime/base/result.hpp"
#include "tools/benchmarks/embedded_node.hpp"
#include "tools/benchmarks/figures.hpp"

namespace glow::benchmarks {

struct stream_run {
  embedded_node node;
  std::string to; ///< name of the node that serves
  duration seconds = 5s;
  std::size_t streams = 1;         ///< that write at once
  std::size_t idle_streams = 0;    ///< opened beside them, which say nothing
  std::size_t hops_max = SIZE_MAX; ///< the way must be that short before anything is written
};
struct stream_figures {
  std::size_t hops = 0;
  double mb_per_s = 0;              ///< that the reader acknowledged having consumed, of all streams together
  double cpu_s_per_gb = 0;          ///< of the writing process
  double served_cpu_s_per_gb = 0;   ///< of the reading process, by its own count
  double fairness = 1;              ///< Jain's index over what the streams got
  double bytes_per_idle_stream = 0; ///< of the writing process's memory
};
/// Errors: as start_embedded, and `timed_out`.
result<stream_figures> measure_streams(const stream_run& run);

/// Reads whatever streams bring until the input of this program ends; prints "ready" when it can be dialled.
/// Errors: as start_embedded.
result<void> serve_streams_until_told(const embedded_node& node);

} // namespace glow::benchmarks
