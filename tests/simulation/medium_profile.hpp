/// What a simulated medium is like. Figures are round numbers from everyday networks; one direction each.
#pragma once

#include "runtime/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glow::simulation {

struct medium_profile {
  std::string name;                       ///< "lan", "wifi" …
  std::string scheme;                     ///< of the transport that speaks over it
  bool reliable = false;                  ///< ordered and without loss while it lives, as TCP: loss becomes delay
  bool on_link = false;                   ///< the ends are on one network segment
  duration latency{};                     ///< one way
  duration jitter{};                      ///< uniform on top
  double loss = 0;                        ///< share of datagrams
  std::uint64_t rate_bps = 0;             ///< bits per second
  std::size_t queue_bytes = 0;            ///< what waits for the wire; beyond it datagrams are dropped
  std::size_t datagram_bytes_max = 0;     ///< what surely passes
  std::string declared_class;             ///< `?class=` of its URIs; empty: measured
  std::size_t datagram_bytes_ceiling = 0; ///< what its interface carries; 0: no more than that
  std::size_t path_bytes_max = 0;         ///< what passes, hidden from the nodes: longer datagrams vanish; 0: all
};

/// `lan wifi dsl lte tty-9600`, `tcp-wan` for a reliable one, and `drop`: a shared folder or mail, which carries whatever it is
/// given to its reader within a minute. Nothing: no medium of that name.
std::optional<medium_profile> find_profile(std::string_view name);

} // namespace glow::simulation
