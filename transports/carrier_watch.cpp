#include "transports/carrier_watch.hpp"

#include "transports/network_interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>

namespace glow::transports {
namespace {

byte_view bytes_of(const socket_address& address) {
  if (address.family() == AF_INET6) return {reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr.s6_addr, 16};
  return {reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr), 4};
}

std::uint32_t scope_of(const socket_address& address) {
  return address.family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_scope_id : 0;
}

bool holds(const dead_networks::subnet& net, const socket_address& remote) {
  if (net.address.family() != remote.family() || scope_of(net.address) != scope_of(remote)) return false;
  const auto mask = bytes_of(net.mask), ours = bytes_of(net.address), theirs = bytes_of(remote);
  for (std::size_t i = 0; i < mask.size(); ++i)
    if ((ours[i] & mask[i]) != (theirs[i] & mask[i])) return false;
  return true;
}

} // namespace

dead_networks dead_networks::read() {
  std::vector<subnet> dead, alive;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return dead_networks{{}, {}};
  for (auto each = first; each; each = each->ifa_next) {
    if (!each->ifa_addr || !each->ifa_netmask) continue;
    if (each->ifa_addr->sa_family != AF_INET && each->ifa_addr->sa_family != AF_INET6) continue;
    const bool runs = (each->ifa_flags & IFF_UP) != 0 && (each->ifa_flags & IFF_RUNNING) != 0;
    (runs ? alive : dead).push_back({socket_address{each->ifa_addr}, socket_address{each->ifa_netmask}});
  }
  ::freeifaddrs(first);
  return dead_networks{std::move(dead), std::move(alive)};
}

bool dead_networks::cut_off(const socket_address& remote) const {
  auto in = [&](const std::vector<subnet>& nets) {
    return std::any_of(nets.begin(), nets.end(), [&](auto& each) { return holds(each, remote); });
  };
  // this machine reaches its own addresses whatever becomes of their interfaces
  const bool own = std::any_of(dead_.begin(), dead_.end(),
                               [&](auto& each) { return std::ranges::equal(bytes_of(each.address), bytes_of(remote)); });
  return !own && in(dead_) && !in(alive_);
}

carrier_watch::carrier_watch(uv_loop_t* loop, listener tell) : tell_{std::move(tell)} {
  auto opened = open_change_notices();
  if (!opened) return;
  fd_ = *opened;
  poll_ = new uv_poll_t;
  uv_poll_init(loop, poll_, fd_);
  poll_->data = this;
  uv_poll_start(poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
    auto& home = *static_cast<carrier_watch*>(poll->data);
    if (!drain_change_notices(home.fd_)) return;
    if (auto now = dead_networks::read(); !now.empty()) home.tell_(now);
  });
}

carrier_watch::~carrier_watch() {
  if (poll_ == nullptr) return;
  uv_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_), [](uv_handle_t* closed) { delete reinterpret_cast<uv_poll_t*>(closed); });
  ::close(fd_);
}

} // namespace glow::transports
