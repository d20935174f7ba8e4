/// A stranger who floods a UDP port with bytes that nobody asked for, at a given rate.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"

#include <string>

namespace glow::benchmarks {

struct garbage_run {
  std::string address; ///< IPv4
  std::uint16_t port = 0;
  double mbit_per_s = 1000;
  duration seconds = 5s;
  std::size_t source_ports = 16; ///< as many strangers
  int first_byte = -1;           ///< of every datagram, to look like that type; -1: random, as the rest
  std::string netns_here;        ///< network namespace of the sender; empty: this process's own
};
/// Returns the rate reached in Mbit/s. Errors: `io`.
result<double> send_garbage(const garbage_run& run);

} // namespace glow::benchmarks
