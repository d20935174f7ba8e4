/// Which machines there are, and which cables lie between them.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "tests/simulation/network.hpp"

#include <string>
#include <vector>

namespace glow::simulation {

struct topology {
  struct cable {
    std::uint32_t a = 0, b = 0;
    std::string profile; ///< a medium's (medium_profile.hpp)
  };
  std::vector<std::string> machines;
  std::vector<cable> cables;
  std::vector<std::pair<std::uint32_t, nat_box>> nats; ///< machine, and the box between it and its wide-area cables
};

/// `home`: laptop, phone, NAS, VPS and two workstations on LAN, WiFi, LTE, DSL, TCP, a serial line and a drop, at home behind
/// the router's NAT, the phone on the road behind its provider's (`nodes` is ignored).
/// `line`, `ring`, `random` (connected, degree about 4), `clusters` (of eight on a LAN, joined over the wide area in a ring).
/// Anything else is the path of a file with lines `machine NAME`, `cable NAME NAME PROFILE` and
/// `nat NAME endpoint-independent|port-restricted|symmetric SECONDS`; `#` begins a comment.
/// Errors: `usage`, `io`.
result<topology> make_topology(const std::string& kind, std::size_t nodes, random_source& random);

} // namespace glow::simulation
