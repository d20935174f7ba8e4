/// What this machine does without Glow, in the same run: plain TCP over loopback, and the cipher alone.
#pragma once

#include "runtime/base/result.hpp"
#include "tools/benchmarks/figures.hpp"

#include <string>

namespace glow::benchmarks {

struct tcp_figures {
  double mb_per_s = 0;     ///< one way, 64 KiB writes
  round_trips rtt;         ///< of 32 bytes, one at a time, blocking sockets in two processes
  double cpu_s_per_gb = 0; ///< both processes
};
struct tcp_run {
  duration seconds = 5s;
  std::string address = "127.0.0.1"; ///< where the child listens
  std::string netns_here;            ///< network namespace of the sending side; empty: this process's own
  std::string netns_there;           ///< of the child
};
/// Forks. Requires: no thread was started yet.
/// Errors: `io`.
result<tcp_figures> measure_plain_tcp(const tcp_run& run);

struct cipher_figures {
  double seal_mb_per_s = 0; ///< libsodium's ChaCha20-Poly1305 (RFC 8439), per second of CPU time
  double open_mb_per_s = 0;
};
/// All zero when libsodium does not start.
cipher_figures measure_cipher(std::size_t packet_bytes, duration seconds);

} // namespace glow::benchmarks
