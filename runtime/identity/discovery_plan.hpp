/// When to send beacons, whom to believe and what to tell: the decisions of LAN discovery.
/// Refuses to touch sockets and clocks: transports/lan_discovery does.
///
///   start, interfaces changed ─► burst (0, 0.1, 0.3, 0.7 s; "answer me") ─► idle (every 30 s)
///   newcomer's beacon ─► one beacon back at once, at most one in limits::beacon_answer_pause
///   member's beacon ─► tell links, at most once in limits::beacon_sighting_pause for one node and place
#pragma once

#include "runtime/base/uri.hpp"
#include "runtime/identity/beacon.hpp"
#include "runtime/identity/limits.hpp"

#include <map>

namespace glow::identity {

/// Where a beacon came from, as text that a URI takes ("192.168.1.5", "fe80::1%eth0").
struct beacon_sighting {
  node_id node;
  channel_uri uri;
};
struct beacon_verdict {
  std::vector<beacon_sighting> sightings;
  bool answer_now = false; ///< send one beacon (encoded with `wants_answer` unset)
};

class discovery_plan {
public:
  explicit discovery_plan(const node_id& self) : self_{self} {}

  /// Begins a burst. Called at the start, when interfaces came or went, and when the node listens elsewhere.
  void burst(steady_time now);
  /// True when a beacon is due now; moves on to the next one. `asks`: with `wants_answer` set.
  struct due_beacon {
    bool due = false;
    bool asks = false;
  };
  due_beacon next_beacon(steady_time now);
  steady_time wake_at() const { return next_; }

  /// Judges one datagram. Strangers' and broken ones give nothing; so does a flood beyond limits::beacons_per_second_max.
  beacon_verdict on_datagram(byte_view datagram, const std::string& from_host, const namespace_secret& secret, wall_time wall,
                             steady_time now);

private:
  node_id self_;
  std::size_t burst_step_ = 0;
  steady_time next_{};
  steady_time last_answer_{};
  bool answered_ = false;
  steady_time second_began_{};
  std::size_t handled_this_second_ = 0;
  std::map<std::pair<node_id, channel_uri>, steady_time> told_;
};

} // namespace glow::identity
