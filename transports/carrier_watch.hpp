/// Word that an interface went down or lost its carrier, for media whose sockets say nothing of it: the kernel silently drops
/// what leaves through one that merely has no carrier. Refuses to know channels: it says which remotes are cut off.
#pragma once

#include "transports/socket_address.hpp"

#include <uv.h>

#include <functional>
#include <vector>

namespace glow::transports {

/// The subnets of interfaces that are down or have no carrier.
class dead_networks {
public:
  struct subnet {
    socket_address address;
    socket_address mask;
  };
  explicit dead_networks(std::vector<subnet> dead, std::vector<subnet> alive)
    : dead_{std::move(dead)}, alive_{std::move(alive)} {}
  /// As the machine is now; none when the kernel does not say.
  static dead_networks read();

  bool empty() const { return dead_.empty(); }
  /// It lies in one of them, in none of an interface that runs, and is not this machine itself.
  bool cut_off(const socket_address& remote) const;

private:
  std::vector<subnet> dead_, alive_;
};

/// Calls on the loop's thread, after any interface changed while some network is dead. Without netlink it never calls: probes
/// then tell, later.
class carrier_watch {
public:
  using listener = std::function<void(const dead_networks&)>;
  carrier_watch(uv_loop_t* loop, listener tell);
  ~carrier_watch();
  carrier_watch(const carrier_watch&) = delete;
  carrier_watch& operator=(const carrier_watch&) = delete;

private:
  uv_poll_t* poll_ = nullptr;
  int fd_ = -1;
  listener tell_;
};

} // namespace glow::transports
