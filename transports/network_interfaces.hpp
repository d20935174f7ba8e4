/// The interfaces of this machine, as discovery needs them, and word of their coming and going (rtnetlink(7)).
/// Refuses to open sockets on them.
#pragma once

#include "runtime/base/result.hpp"
#include "transports/limits.hpp"

#include <compare>
#include <string>
#include <vector>

namespace glow::transports {

struct network_interface {
  unsigned index = 0;
  std::string name;
  bool loopback = false;
  bool ipv4 = false;                  ///< has an IPv4 address
  bool ipv6 = false;                  ///< has an IPv6 link-local address that may speak already (any, on the loopback)
  std::vector<std::string> addresses; ///< of both families, sorted: any difference is a change
  auto operator<=>(const network_interface&) const = default;
};

/// Interfaces that are up, run, and carry multicast, by index; the loopback only if asked for. At most
/// limits::beacon_interfaces_max. Empty when the kernel does not say.
std::vector<network_interface> list_interfaces(bool with_loopback);

/// A netlink socket that becomes readable when links or addresses change. Errors: `io`.
result<int> open_change_notices();
/// Reads away what waits there; true when anything did (also when the kernel dropped some).
bool drain_change_notices(int fd);

} // namespace glow::transports
