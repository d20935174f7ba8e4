/// One discovery per node: beacons out, members in.
///
///   silent ─ roster and listening places known ─► burst ─► idle ─ interfaces or places changed ─► burst
///
/// Hears    namespace: roster_changed   links: own_addresses   its sockets: beacons_heard, interfaces_noticed
///          itself: discovery_tick, interfaces_tick
/// Tells    links: member_seen, interfaces_changed
/// Watches  nobody but its parent
/// Fails    io: no multicast socket or no netlink; its supervisor tries again, the node works on without
#include "transports/lan_discovery.hpp"

#include "transports/limits.hpp"

#include <algorithm>

#include <unistd.h>

namespace glow::transports {

/// Calls back on the loop whenever a descriptor is readable. Made and destroyed on the loop's thread.
class readable_watch {
public:
  readable_watch(uv_loop_t* loop, int fd, std::function<void()> on_readable)
    : poll_{new uv_poll_t}, on_readable_{std::move(on_readable)} {
    uv_poll_init(loop, poll_, fd);
    poll_->data = this;
    uv_poll_start(poll_, UV_READABLE,
                  [](uv_poll_t* poll, int, int) { static_cast<readable_watch*>(poll->data)->on_readable_(); });
  }
  readable_watch(const readable_watch&) = delete;
  readable_watch& operator=(const readable_watch&) = delete;
  /// The handle lives on until libuv lets go of it; the descriptor may be closed at once.
  ~readable_watch() {
    uv_close(reinterpret_cast<uv_handle_t*>(poll_), [](uv_handle_t* closed) { delete reinterpret_cast<uv_poll_t*>(closed); });
  }

private:
  uv_poll_t* poll_;
  std::function<void()> on_readable_;
};

lan_discovery_state::lan_discovery_state() = default;
lan_discovery_state::~lan_discovery_state() {
  watches.clear();
  if (notices >= 0) ::close(notices);
}

std::string lan_discovery_state::json() const {
  auto field = [](const char* key, std::uint64_t value) { return "\"" + std::string{key} + "\":" + std::to_string(value); };
  return "{" + field("interfaces", interfaces.size()) + "," + field("beacons_sent", beacons_sent) + ","
         + field("beacons_heard", beacons_heard_count) + "," + field("members_told", members_told) + "}";
}

namespace {

bool is_loopback_host(const std::string& host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

/// The places that somebody who hears a beacon of `family` on `out` can dial at the sender's address.
std::vector<identity::beacon_port> ports_for(const std::vector<channel_uri>& listening, ip_family family,
                                             const network_interface& out) {
  std::vector<identity::beacon_port> ports;
  for (auto& each : listening) {
    if (each.host.empty() || each.port == 0 || (is_loopback_host(each.host) && !out.loopback)) continue;
    bool six = each.host.find(':') != std::string::npos;
    if (each.host != "::" && six != (family == ip_family::v6)) continue; // "::" takes both families
    identity::beacon_port port{each.scheme, each.port};
    if (std::find(ports.begin(), ports.end(), port) == ports.end()) ports.push_back(std::move(port));
  }
  return ports;
}

/// Guests hold no secret to beacon with.
bool may_speak(const lan_discovery_state& state) {
  return state.roster && !state.roster->secret.is_zero() && !state.listening.empty();
}

void send_beacons(lan_discovery_self self, bool asks) {
  auto& state = self->state;
  if (!may_speak(state)) return;
  for (auto& out : state.interfaces)
    for (auto family : {ip_family::v4, ip_family::v6}) {
      if (state.sockets.fd(family) < 0 || !(family == ip_family::v4 ? out.ipv4 : out.ipv6)) continue;
      auto ports = ports_for(state.listening, family, out);
      if (ports.empty()) continue;
      identity::beacon content{state.self_id, asks, std::move(ports)};
      state.sockets.send(family, out,
                         identity::encode_beacon(content, state.roster->secret, state.world->wall_now(), state.world->random()));
      ++state.beacons_sent;
    }
}

void beacon_and_rearm(lan_discovery_self self) {
  auto& state = self->state;
  if (!may_speak(state)) return;
  if (auto beacon = state.plan->next_beacon(self->clock().now()); beacon.due) send_beacons(self, beacon.asks);
  arm_timer<discovery_tick>(self, std::max(duration::zero(), state.plan->wake_at() - self->clock().now()));
}

void burst(lan_discovery_self self) {
  self->state.plan->burst(self->clock().now());
  beacon_and_rearm(self);
}

void look_at_interfaces(lan_discovery_self self) {
  auto& state = self->state;
  auto present = list_interfaces(state.loopback);
  if (present == state.interfaces) return;
  state.interfaces = std::move(present);
  state.sockets.join(state.interfaces);
  self->send(state.listener, interfaces_changed{});
  burst(self);
}

void on_beacons(lan_discovery_self self, const beacons_heard& m) {
  auto& state = self->state;
  state.beacons_heard_count += m.beacons.size();
  if (!state.roster) return;
  for (auto& each : m.beacons) {
    auto verdict =
      state.plan->on_datagram(each.datagram, each.from_host, state.roster->secret, state.world->wall_now(), self->clock().now());
    for (auto& seen : verdict.sightings) {
      ++state.members_told;
      self->send(state.listener, member_seen{seen.node, std::move(seen.uri)});
    }
    if (verdict.answer_now) send_beacons(self, false);
  }
}

void on_roster(lan_discovery_self self, const roster_changed& m) {
  auto& state = self->state;
  bool news = m.roster && (!state.roster || state.roster->secret != m.roster->secret);
  state.roster = m.roster;
  if (news) burst(self);
}

void on_own_addresses(lan_discovery_self self, const own_addresses& m) {
  if (m.uris == self->state.listening) return;
  self->state.listening = m.uris;
  burst(self);
}

/// Sockets wake the actor by messages: a callback of the loop runs outside its turn.
void watch_sockets(lan_discovery_self self) {
  auto& state = self->state;
  auto loop = state.world->loop().uv();
  auto handle = [self] { return caf::actor_cast<discovery_actor>(self); };
  for (auto family : {ip_family::v4, ip_family::v6})
    if (auto fd = state.sockets.fd(family); fd >= 0)
      state.watches.push_back(std::make_unique<readable_watch>(loop, fd, [=] {
        if (auto heard = self->state.sockets.receive(family); !heard.empty())
          caf::anon_send(handle(), beacons_heard{std::move(heard)});
      }));
  state.watches.push_back(std::make_unique<readable_watch>(loop, state.notices, [=] {
    if (drain_change_notices(self->state.notices)) caf::anon_send(handle(), interfaces_noticed{});
  }));
}

result<void> open(lan_discovery_self self, const lan_discovery_arguments& arguments) {
  auto& state = self->state;
  state.world = arguments.world;
  state.listener = arguments.listener;
  state.loopback = arguments.loopback;
  state.self_id = arguments.self;
  state.plan.emplace(arguments.self);
  if (auto opened = state.sockets.open(); !opened) return opened;
  auto notices = open_change_notices();
  if (!notices) return notices.why();
  state.notices = *notices;
  return {};
}

} // namespace

discovery_actor::behavior_type lan_discovery_behavior(lan_discovery_self self, const lan_discovery_arguments& arguments) {
  install_lifecycle(self, arguments.parent);
  if (auto opened = open(self, arguments); !opened)
    self->quit(to_caf(opened.why()));
  else
    arm_timer<interfaces_tick>(self, duration::zero()); // in the first turn on the loop's thread, where uv calls belong
  return {
    [=](const roster_changed& m) { on_roster(self, m); },
    [=](const own_addresses& m) { on_own_addresses(self, m); },
    [=](const beacons_heard& m) { on_beacons(self, m); },
    [=](const interfaces_noticed&) {
      if (!std::exchange(self->state.looking_soon, true)) arm_timer<interfaces_tick>(self, limits::interfaces_quiet_time);
    },
    [=](const interfaces_tick& m) {
      if (!timer_is_current(self, m)) return;
      self->state.looking_soon = false;
      if (self->state.watches.empty()) watch_sockets(self);
      look_at_interfaces(self);
    },
    [=](const discovery_tick& m) {
      if (timer_is_current(self, m)) beacon_and_rearm(self);
    },
  };
}

} // namespace glow::transports
