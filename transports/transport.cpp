#include "transports/transport.hpp"

#include "runtime/host/log.hpp"
#include "runtime/link/datagram.hpp"
#include "runtime/link/proxy.hpp"
#include "transports/limits.hpp"

namespace glow::transports {
namespace {

/// Gives its bytes back when the message that carries them has been handled, wherever that is.
class read_credit {
public:
  read_credit(std::shared_ptr<std::atomic<std::size_t>> in_flight, std::size_t bytes)
    : in_flight_{std::move(in_flight)}, bytes_{bytes} {
    in_flight_->fetch_add(bytes_, std::memory_order_relaxed);
  }
  ~read_credit() { in_flight_->fetch_sub(bytes_, std::memory_order_relaxed); }
  read_credit(const read_credit&) = delete;
  read_credit& operator=(const read_credit&) = delete;

private:
  std::shared_ptr<std::atomic<std::size_t>> in_flight_;
  std::size_t bytes_;
};

/// What a datagram costs in memory beside its bytes: a flood of empty ones must count, too.
constexpr std::size_t datagram_overhead_bytes = 64;

} // namespace

void medium::send_runs(channel_id channel, const packet_batch& runs, std::size_t run_bytes) {
  send(channel, cut(runs, run_bytes));
}

packet_batch cut(const packet_batch& runs, std::size_t run_bytes) {
  std::vector<byte_string> datagrams;
  for (auto& run : runs.packets())
    for (auto& each : link::datagrams_of(run, run_bytes)) datagrams.push_back(to_bytes(each));
  return packet_batch{std::move(datagrams)};
}

std::string transport_state::json() const {
  std::string uris;
  for (auto& each : carrier ? carrier->listening() : std::vector<channel_uri>{})
    uris += (uris.empty() ? "\"" : ",\"") + percent_encode(to_string(each), ":/?=&[]%") + "\"";
  return "{\"scheme\":\"" + scheme + "\",\"listening\":[" + uris + "],\"channels\":" + std::to_string(known.size())
         + ",\"unclaimed\":" + std::to_string(strangers.size())
         + ",\"bytes_in_flight\":" + std::to_string(bytes_in_flight->load(std::memory_order_relaxed)) + "}";
}

channel_owner_actor transport_state::owner_of(channel_id channel) const {
  auto found = owners.find(channel);
  return found != owners.end() ? found->second : channel_owner_actor{listener};
}

void transport_state::add_stranger(channel_id channel) {
  known.insert(channel);
  if (auto oldest = strangers.add(channel, self->clock().now())) {
    carrier->drop(*oldest);
    channel_broke(*oldest, {error_code::exhausted, "made room for a newer channel before any link came of it"});
  }
  if (tick_armed) return;
  tick_armed = true;
  arm_timer<transport_tick>(self, limits::unclaimed_channel_life);
}

void transport_state::channel_accepted(channel_opened opened) {
  auto channel = opened.channel;
  self->send(listener, std::move(opened));
  add_stranger(channel);
}

void transport_state::datagrams_arrived(channel_id channel, std::vector<byte_string> datagrams) {
  runs_arrived(channel, std::move(datagrams), 0);
}

void transport_state::runs_arrived(channel_id channel, std::vector<byte_string> datagrams, std::size_t run_bytes) {
  auto bytes = datagrams.size() * datagram_overhead_bytes;
  for (auto& each : datagrams) bytes += each.size();
  packet_batch batch{std::move(datagrams)};
  batch.attach(std::make_shared<read_credit>(bytes_in_flight, bytes));
  self->send(owner_of(channel), channel_received{channel, std::move(batch), run_bytes});
}

void transport_state::channel_broke(channel_id channel, error why) {
  if (known.erase(channel) == 0) return;
  self->send(owner_of(channel), channel_closed{channel, std::move(why)});
  strangers.remove(channel);
  owners.erase(channel);
}

void transport_state::channel_narrows(const channel_narrowed& what) { self->send(owner_of(what.channel), what); }

void transport_state::medium_broke(error why) { self->quit(to_caf(why)); }

bool transport_state::wants_more() const {
  return bytes_in_flight->load(std::memory_order_relaxed) < limits::transport_bytes_in_flight_max;
}

void transport_state::connect(const channel_uri& remote, caf::typed_response_promise<channel_opened> promise) {
  // a medium that knows nothing of proxies would go round this one
  if (auto proxy = link::proxy_of(remote); !proxy) {
    promise.deliver(to_caf(proxy.why()));
    return;
  }
  carrier->connect(remote, [this, promise](result<channel_opened> outcome) mutable {
    if (!outcome) {
      promise.deliver(to_caf(outcome.why()));
      return;
    }
    auto channel = outcome->channel;
    promise.deliver(std::move(*outcome));
    if (!known.contains(channel)) add_stranger(channel); // else it had dialled us first: one remote address, one channel
  });
}

void transport_state::claim(const claim_channel& claim) {
  if (!claim.owner) return;
  auto owner = caf::actor_cast<channel_owner_actor>(claim.owner);
  if (!known.contains(claim.channel)) {
    // it broke while the claim was on its way, and only the listener was told
    self->send(owner, channel_closed{claim.channel, {error_code::unreachable, "the channel closed before it was claimed"}});
    return;
  }
  strangers.remove(claim.channel);
  owners[claim.channel] = owner;
  watch(self, owner, [this, channel = claim.channel, id = owner.id()](const error&) {
    auto found = owners.find(channel);
    if (found != owners.end() && found->second.id() == id) close(channel);
  });
}

void transport_state::close(channel_id channel) {
  if (known.erase(channel) == 0) return;
  strangers.remove(channel);
  owners.erase(channel);
  carrier->close(channel);
}

void transport_state::expire_strangers() {
  tick_armed = false;
  auto now = self->clock().now();
  while (auto channel = strangers.take_expired(now)) {
    carrier->drop(*channel);
    channel_broke(*channel, {error_code::timed_out, "no link came of it within 5 s"});
  }
  auto next = strangers.next_expiry();
  if (!next) return;
  tick_armed = true;
  arm_timer<transport_tick>(self, std::max<duration>(*next - now, 10ms));
}

medium_actor::behavior_type transport_behavior(transport_self self, std::string scheme, medium_factory make,
                                               transport_listener_actor listener, surroundings world) {
  install_lifecycle(self);
  auto& state = self->state;
  state.self = self;
  state.scheme = std::move(scheme);
  state.listener = listener;
  watch(self, listener, [self](const error&) { self->quit(to_caf(error{error_code::stopped, "its listener is gone"})); });
  auto* loop = &world.loop();
  state.carrier = make({loop->uv(), [loop](std::function<void()> work) { loop->post(std::move(work)); }});
  if (auto started = state.carrier->start(state); !started) {
    host::log(host::level::error, self->name(), started.why().message);
    self->quit(to_caf(started.why()));
  } else {
    self->send(listener, transport_started{state.scheme, transport_actor{self}});
  }
  return {
    [self](const connect_channel& m) -> caf::result<channel_opened> {
      auto promise = self->make_response_promise<channel_opened>();
      self->state.connect(m.remote, promise);
      return promise;
    },
    [self](const claim_channel& m) { self->state.claim(m); },
    [self](const send_on_channel& m) {
      if (m.run_bytes == 0)
        self->state.carrier->send(m.channel, m.datagrams);
      else
        self->state.carrier->send_runs(m.channel, m.datagrams, m.run_bytes);
    },
    [self](const close_channel& m) { self->state.close(m.channel); },
    [self](const get_listening&) { return listening_on{self->state.carrier->listening()}; },
    [self](const transport_tick& m) {
      if (timer_is_current(self, m)) self->state.expire_strangers();
    },
  };
}

} // namespace glow::transports
