/// The two multicast sockets of LAN discovery: IPv4 239.255.71.76 and IPv6 ff02::676c:6f77, both UDP port 7476.
/// Refuses to know what a beacon means, and to send beyond the attached network (TTL 1).
/// Several agents of one machine share the port; each gets every datagram, also those of the others.
#pragma once

#include "actors/contracts/discovery.hpp"
#include "transports/network_interfaces.hpp"

namespace glow::transports {

enum class ip_family { v4, v6 };

class beacon_sockets {
public:
  beacon_sockets() = default;
  beacon_sockets(const beacon_sockets&) = delete;
  beacon_sockets& operator=(const beacon_sockets&) = delete;
  ~beacon_sockets();

  /// Opens what the kernel offers. Errors: `io` when neither family works.
  result<void> open();
  /// -1 where the family is missing.
  int fd(ip_family family) const { return family == ip_family::v4 ? v4_ : v6_; }
  /// Joins the groups on these interfaces; those joined before and gone since leave by themselves.
  void join(const std::vector<network_interface>& interfaces);
  /// One beacon out of one interface. Failure is silence: the network may be gone already, and the next burst comes.
  void send(ip_family family, const network_interface& out, byte_view datagram) const;
  /// What waits, at most a batch.
  std::vector<heard_beacon> receive(ip_family family) const;

private:
  int v4_ = -1;
  int v6_ = -1;
};

} // namespace glow::transports
