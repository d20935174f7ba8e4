#include "transports/beacon_sockets.hpp"

#include "runtime/identity/limits.hpp"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::transports {
namespace {

constexpr std::uint16_t beacon_port_number = 7476;
constexpr std::size_t receive_batch_max = 64;

sockaddr_in group_v4() {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(beacon_port_number);
  ::inet_pton(AF_INET, "239.255.71.76", &out.sin_addr);
  return out;
}
sockaddr_in6 group_v6() {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(beacon_port_number);
  ::inet_pton(AF_INET6, "ff02::676c:6f77", &out.sin6_addr);
  return out;
}

template <class Value>
bool set_option(int fd, int level, int option, const Value& value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

int open_v4() {
  int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  auto here = group_v4(); // bound to the group: no unicast datagram gets in
  bool ok = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)
            && set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1) && set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1)
            && ::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0;
  if (ok) return fd;
  auto why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

int open_v6() {
  int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  auto here = group_v6();
  here.sin6_addr = in6addr_any; // a link-local group cannot be bound for all interfaces at once
  bool ok = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)
            && set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) && set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1)
            && set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1)
            && ::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0;
  if (ok) return fd;
  ::close(fd);
  return -1;
}

/// Text of a sender for a URI's host; empty for one that cannot be on an attached network.
std::string host_of(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = {};
  if (from.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, text, sizeof text);
    return text;
  }
  auto& six = reinterpret_cast<const sockaddr_in6&>(from);
  ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
  if (!IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr)) return text;
  char name[IF_NAMESIZE] = {};
  if (!::if_indextoname(six.sin6_scope_id, name)) return {};
  return std::string{text} + "%" + name;
}

/// Sends to `to` out of the interface that the control message names.
template <class Address, class Info>
void send_out_of(int fd, Address to, int level, int type, const Info& info, byte_view datagram) {
  iovec part{const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof info)] = {};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  (void)::sendmsg(fd, &message, MSG_NOSIGNAL);
}

} // namespace

beacon_sockets::~beacon_sockets() {
  if (v4_ >= 0) ::close(v4_);
  if (v6_ >= 0) ::close(v6_);
}

result<void> beacon_sockets::open() {
  v6_ = open_v6();
  v4_ = open_v4();
  if (v4_ < 0 && v6_ < 0)
    return error{error_code::io, std::string{"cannot open UDP port 7476 for LAN discovery: "} + std::strerror(errno)
                                   + "; another program may hold it (--no-discovery does without)"};
  return {};
}

void beacon_sockets::join(const std::vector<network_interface>& interfaces) {
  // joining twice is refused by the kernel and harmless; an interface that went down and up again needs it
  for (auto& each : interfaces) {
    if (each.ipv4 && v4_ >= 0) {
      ip_mreqn request{};
      request.imr_multiaddr = group_v4().sin_addr;
      request.imr_ifindex = static_cast<int>(each.index);
      (void)set_option(v4_, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
    }
    if (each.ipv6 && v6_ >= 0) {
      ipv6_mreq request{};
      request.ipv6mr_multiaddr = group_v6().sin6_addr;
      request.ipv6mr_interface = each.index;
      (void)set_option(v6_, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
    }
  }
}

void beacon_sockets::send(ip_family family, const network_interface& out, byte_view datagram) const {
  if (family == ip_family::v4) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(out.index);
    send_out_of(v4_, group_v4(), IPPROTO_IP, IP_PKTINFO, info, datagram);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = out.index;
    auto to = group_v6();
    to.sin6_scope_id = out.index;
    send_out_of(v6_, to, IPPROTO_IPV6, IPV6_PKTINFO, info, datagram);
  }
}

std::vector<heard_beacon> beacon_sockets::receive(ip_family family) const {
  std::vector<heard_beacon> out;
  std::uint8_t datagram[limits::beacon_bytes_max + 1];
  while (out.size() < receive_batch_max) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    auto got = ::recvfrom(fd(family), datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) break;
    auto host = host_of(from);
    if (host.empty() || static_cast<std::size_t>(got) > limits::beacon_bytes_max) continue;
    out.push_back({std::move(host), byte_string{datagram, datagram + got}});
  }
  return out;
}

} // namespace glow::transports
