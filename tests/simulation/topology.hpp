/// Which machines there are, and which cables lie between them.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

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
};

/// `home`: laptop, phone, NAS, VPS and two workstations on LAN, WiFi, LTE, DSL, TCP and a serial line (`nodes` is ignored).
/// `line`, `ring`, `random` (connected, degree about 4), `clusters` (of eight on a LAN, joined over the wide area in a ring).
/// Anything else is the path of a file with lines `machine NAME` and `cable NAME NAME PROFILE`; `#` begins a comment.
/// Errors: `usage`, `io`.
result<topology> make_topology(const std::string& kind, std::size_t nodes, random_source& random);

} // namespace glow::simulation
