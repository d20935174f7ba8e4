/// The IP addresses of this machine, as hosts of URIs. Refuses to watch them: discovery does.
#pragma once

#include <string>
#include <vector>

namespace glow::host {

/// Addresses that others may reach us at: of interfaces that are up, neither loopback nor IPv6 link-local, IPv4 first.
std::vector<std::string> reachable_hosts();

} // namespace glow::host
