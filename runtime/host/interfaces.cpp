#include "runtime/host/interfaces.hpp"

#include <netinet/in.h>
#include <uv.h>

#include <algorithm>

namespace glow::host {

std::vector<std::string> reachable_hosts() {
  uv_interface_address_t* found = nullptr;
  int count = 0;
  std::vector<std::string> out;
  if (uv_interface_addresses(&found, &count) != 0) return out;
  for (int i = 0; i < count; ++i) {
    auto& each = found[i].address;
    if (found[i].is_internal != 0) continue;
    char text[INET6_ADDRSTRLEN + 1] = {};
    if (each.address4.sin_family == AF_INET)
      uv_ip4_name(&each.address4, text, sizeof text);
    else if (!IN6_IS_ADDR_LINKLOCAL(&each.address6.sin6_addr))
      uv_ip6_name(&each.address6, text, sizeof text);
    if (text[0] != 0) out.emplace_back(text);
  }
  uv_free_interface_addresses(found, count);
  std::stable_partition(out.begin(), out.end(), [](auto& host) { return host.find(':') == std::string::npos; });
  return out;
}

} // namespace glow::host
