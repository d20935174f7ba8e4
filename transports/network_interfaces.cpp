#include "transports/network_interfaces.hpp"

#include "runtime/base/base32.hpp"
#include "transports/limits.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::transports {
namespace {

using ipv6_address = std::array<std::uint8_t, 16>;
using ipv6_on_interface = std::pair<unsigned, ipv6_address>;

/// IPv6 addresses that cannot speak yet or ever: the kernel still probes for duplicates, or has found one (RFC 4862).
/// getifaddrs does not say; /proc does, one line an address: hex address, index, prefix, scope, flags (hex), name.
std::set<ipv6_on_interface> mute_addresses() {
  constexpr unsigned dad_failed = 0x08, tentative = 0x40;
  std::set<ipv6_on_interface> out;
  std::ifstream table{"/proc/thread-self/net/if_inet6"};
  std::string hex, name;
  unsigned index = 0, prefix = 0, scope = 0, flags = 0;
  for (std::size_t i = 0; i < limits::interface_addresses_max; ++i) {
    if (!(table >> hex >> std::hex >> index >> prefix >> scope >> flags >> name)) break;
    auto bytes = from_hex(hex);
    if ((flags & (dad_failed | tentative)) == 0 || !bytes || bytes->size() != 16) continue;
    ipv6_on_interface entry{index, {}};
    std::copy(bytes->begin(), bytes->end(), entry.second.begin());
    out.insert(entry);
  }
  return out;
}

/// Adds one address of getifaddrs to its interface.
void add_address(network_interface& to, const sockaddr* address, const std::set<ipv6_on_interface>& mute) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address->sa_family == AF_INET) {
    auto& in = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    ::inet_ntop(AF_INET, &in, text, sizeof text);
    to.ipv4 = true;
  } else if (address->sa_family == AF_INET6) {
    auto& in = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    ipv6_on_interface here{to.index, {}};
    std::memcpy(here.second.data(), &in, sizeof in);
    if (mute.contains(here)) return;
    ::inet_ntop(AF_INET6, &in, text, sizeof text);
    if (IN6_IS_ADDR_LINKLOCAL(&in) || to.loopback) to.ipv6 = true;
  } else {
    return;
  }
  to.addresses.emplace_back(text);
}

} // namespace

std::vector<network_interface> list_interfaces(bool with_loopback) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  std::map<unsigned, network_interface> found;
  auto mute = mute_addresses();
  for (auto each = first; each; each = each->ifa_next) {
    bool loopback = (each->ifa_flags & IFF_LOOPBACK) != 0;
    if (!each->ifa_addr || (each->ifa_flags & IFF_UP) == 0 || (each->ifa_flags & IFF_RUNNING) == 0) continue;
    if (loopback ? !with_loopback : (each->ifa_flags & IFF_MULTICAST) == 0) continue;
    auto index = ::if_nametoindex(each->ifa_name);
    if (index == 0) continue; // gone in between
    auto& entry = found[index];
    entry.index = index;
    entry.name = each->ifa_name;
    entry.loopback = loopback;
    add_address(entry, each->ifa_addr, mute);
  }
  ::freeifaddrs(first);
  std::vector<network_interface> out;
  for (auto& [index, entry] : found) {
    if ((!entry.ipv4 && !entry.ipv6) || out.size() == limits::beacon_interfaces_max) continue;
    std::sort(entry.addresses.begin(), entry.addresses.end());
    out.push_back(std::move(entry));
  }
  return out;
}

result<int> open_change_notices() {
  int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return error{error_code::io, std::string{"cannot open a netlink socket: "} + std::strerror(errno)};
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    auto why = std::string{"cannot listen to netlink: "} + std::strerror(errno);
    ::close(fd);
    return error{error_code::io, why};
  }
  return fd;
}

bool drain_change_notices(int fd) {
  bool any = false;
  char away[8192];
  for (int i = 0; i < 64; ++i) { // bounded: what is left makes the socket readable again
    auto got = ::recv(fd, away, sizeof away, 0);
    if (got < 0 && errno == ENOBUFS) { // too many to queue: something changed for certain
      any = true;
      continue;
    }
    if (got <= 0) return any;
    any = true;
  }
  return any;
}

} // namespace glow::transports
