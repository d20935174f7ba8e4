#include "tools/benchmarks/link_meter.hpp"

namespace glow::benchmarks {
namespace {

enum class packet_kind : std::uint8_t { ping = 1, pong, flood, credit, enough, count };

constexpr std::size_t ping_bytes = 32;
constexpr std::size_t head_bytes = 9;
constexpr std::size_t count_bytes = 25;
/// Flood packets that travel in one message: what a stream that fills its window hands over.
constexpr std::size_t batch_bytes = 128u << 10;
/// The responder grants credit this often: eight times a window.
constexpr std::size_t credits_per_window = 8;
constexpr duration tick = 20ms;

steady_time now_of(meter_self self) { return self->clock().now(); }

byte_string packet(packet_kind kind, std::uint64_t number, std::size_t bytes = head_bytes) {
  byte_string out;
  out.reserve(bytes);
  out.push_back(static_cast<std::uint8_t>(kind));
  append_le(out, number);
  out.resize(bytes);
  return out;
}

void tell(meter_self self, byte_string bytes) {
  if (self->state.link) self->send(self->state.link, packets_to_send{packet_batch::of(std::move(bytes))});
}

void finish(meter_self self, result<link_figures> outcome) {
  auto& state = self->state;
  if (state.now == meter_state::phase::done) return;
  state.now = meter_state::phase::done;
  state.given->done(std::move(outcome));
}

void open_link(meter_self self, const channel_opened& opened, packet_batch first) {
  auto& state = self->state;
  auto& world = state.given->world;
  link_arguments with{world,
                      1,
                      state.transport,
                      opened,
                      state.given->remote ? link::role::initiator : link::role::responder,
                      std::nullopt,
                      std::nullopt,
                      std::move(first),
                      std::make_shared<identity::node_keys>(identity::node_keys::generate(world.random())),
                      {},
                      "bench",
                      {},
                      {},
                      [](const node_id& peer, byte_view) -> result<identity::member> {
                        return identity::member{peer, "bench", identity::role::member, {}};
                      },
                      meter_actor{self},
                      meter_actor{self},
                      ticket_desk{}};
  state.link = spawn_on_loop(self->system(), world.loop(), link_behavior, std::move(with));
}

// ---- initiator -------------------------------------------------------------------------------------------------

void ping(meter_self self) {
  auto& state = self->state;
  state.ping_sent = now_of(self);
  tell(self, packet(packet_kind::ping, ++state.pings, ping_bytes));
}

/// Sends what the window allows.
void flood(meter_self self) {
  auto& state = self->state;
  auto window = std::max<std::uint64_t>(1, state.given->window_bytes / state.packet_bytes);
  auto per_batch = std::max<std::uint64_t>(1, std::min(batch_bytes / state.packet_bytes, std::size_t(window / 2)));
  while (state.sent + per_batch <= state.seen + window) {
    std::vector<byte_string> packets;
    packets.reserve(per_batch);
    for (std::uint64_t i = 0; i < per_batch; ++i) packets.push_back(packet(packet_kind::flood, ++state.sent, state.packet_bytes));
    self->send(state.link, packets_to_send{packet_batch{std::move(packets)}});
  }
}

void start_flood(meter_self self) {
  auto& state = self->state;
  state.now = meter_state::phase::flooding;
  state.phase_began = now_of(self);
  state.cpu_before = cpu_time();
  flood(self);
}

void on_pong(meter_self self, std::uint64_t number) {
  auto& state = self->state;
  if (state.now != meter_state::phase::pinging || number != state.pings) return;
  auto now = now_of(self);
  state.samples.push_back(now - state.ping_sent);
  if (now - state.phase_began < state.given->pinging) return ping(self);
  start_flood(self);
}

void on_credit(meter_self self, std::uint64_t highest) {
  auto& state = self->state;
  if (state.now != meter_state::phase::flooding) return;
  state.seen = std::max(state.seen, std::min(highest, state.sent));
  if (now_of(self) - state.phase_began < state.given->flooding) return flood(self);
  state.now = meter_state::phase::counting;
  tell(self, packet(packet_kind::enough, state.sent));
}

void on_count(meter_self self, byte_view body) {
  auto& state = self->state;
  if (state.now != meter_state::phase::counting) return;
  auto received = static_cast<double>(read_le<std::uint64_t>(body.data() + 1));
  duration took{static_cast<std::int64_t>(read_le<std::uint64_t>(body.data() + 9))};
  duration cpu_there{static_cast<std::int64_t>(read_le<std::uint64_t>(body.data() + 17))};
  auto bytes = received * static_cast<double>(state.packet_bytes);
  link_figures out;
  out.mb_per_s = mb_per_s(bytes, took);
  out.rtt = summarise(std::move(state.samples));
  out.cpu_s_per_gb = cpu_s_per_gb(cpu_time() - state.cpu_before + cpu_there, bytes);
  out.packet_bytes = state.packet_bytes;
  out.lost = 1 - received / static_cast<double>(state.sent);
  finish(self, out);
}

/// Datagrams may be lost: what was not answered within two ticks is sent again.
void on_tick(meter_self self) {
  auto& state = self->state;
  using phase = meter_state::phase;
  if (state.now == phase::done) return;
  if (state.now == phase::pinging && now_of(self) - state.ping_sent > tick) ping(self);
  if (state.now == phase::counting) tell(self, packet(packet_kind::enough, state.sent));
  if (state.now == phase::flooding) {
    if (state.seen == state.seen_at_tick) on_credit(self, state.sent); // all in flight, or all credits, were lost
    state.seen_at_tick = state.seen;
  }
  arm_timer<meter_tick>(self, tick);
}

// ---- responder -------------------------------------------------------------------------------------------------

void on_flood(meter_self self, std::uint64_t number, std::size_t bytes) {
  auto& state = self->state;
  if (state.received == 0) {
    state.first_at = now_of(self);
    state.cpu_before = cpu_time();
  }
  ++state.received;
  state.highest = std::max(state.highest, number);
  state.uncredited_bytes += bytes;
}

void grant_credit(meter_self self) {
  auto& state = self->state;
  if (state.uncredited_bytes == 0) return;
  state.last_at = now_of(self);
  if (state.uncredited_bytes < state.given->window_bytes / credits_per_window) return;
  state.uncredited_bytes = 0;
  tell(self, packet(packet_kind::credit, state.highest));
}

void report_count(meter_self self) {
  auto& state = self->state;
  auto out = packet(packet_kind::count, state.received);
  append_le(out, static_cast<std::uint64_t>(duration{state.last_at - state.first_at}.count()));
  append_le(out, static_cast<std::uint64_t>((cpu_time() - state.cpu_before).count()));
  tell(self, std::move(out));
}

void on_packet(meter_self self, byte_view bytes) {
  if (bytes.size() < head_bytes) return;
  auto number = read_le<std::uint64_t>(bytes.data() + 1);
  switch (static_cast<packet_kind>(bytes[0])) {
  case packet_kind::ping: return tell(self, packet(packet_kind::pong, number, ping_bytes));
  case packet_kind::pong: return on_pong(self, number);
  case packet_kind::flood: return on_flood(self, number, bytes.size());
  case packet_kind::credit: return on_credit(self, number);
  case packet_kind::enough: return report_count(self);
  case packet_kind::count:
    if (bytes.size() == count_bytes) on_count(self, bytes);
  }
}

void on_transport(meter_self self, const transport_started& started) {
  auto& state = self->state;
  state.transport = started.transport;
  auto failed = [self](const caf::error& why) { finish(self, from_caf(why)); };
  watch(self, state.transport, [self](const error& why) { finish(self, why); });
  if (state.given->remote)
    self->request(state.transport, 5s, connect_channel{*state.given->remote})
      .then([self](const channel_opened& opened) { open_link(self, opened, {}); }, failed);
  else
    self->request(state.transport, 5s, get_listening{})
      .then([self](const listening_on& m) { self->state.given->listening(m.uris); },
            [self](const caf::error& why) { self->state.given->listening(from_caf(why)); });
}

void on_stranger(meter_self self, channel_received& m) {
  auto& state = self->state;
  auto found = state.strangers.find(m.channel);
  if (found == state.strangers.end()) return;
  if (state.link) return self->send(state.link, channel_received{std::move(m)}); // on their way before the claim
  open_link(self, found->second, std::move(m.datagrams));
}

void on_up(meter_self self, const link_up& m) {
  auto& state = self->state;
  if (state.now != meter_state::phase::opening) return; // told as router, and again as links
  state.packet_bytes = m.info.packet_bytes_max;
  state.now = meter_state::phase::pinging;
  state.phase_began = now_of(self);
  if (!state.given->remote) return;
  ping(self);
  arm_timer<meter_tick>(self, tick);
}

} // namespace

meter_actor::behavior_type meter_behavior(meter_self self, meter_arguments arguments) {
  install_lifecycle(self);
  self->state.given = std::move(arguments);
  return {
    [=](channel_received& m) { on_stranger(self, m); },
    [](const channel_closed&) {},
    [](const channel_narrowed&) {},
    [=](const channel_opened& m) { self->state.strangers[m.channel] = m; },
    [=](const transport_started& m) { on_transport(self, m); },
    [=](const link_up& m) { on_up(self, m); },
    [=](const link_changed& m) {
      // a probed path may carry longer packets than the handshake knew of
      if (self->state.now == meter_state::phase::pinging) self->state.packet_bytes = m.info.packet_bytes_max;
    },
    [=](const link_down& m) { finish(self, m.why); },
    [](const link_joined&) {},
    [=](const packets_from_link& m) {
      for (auto& each : m.packets.contents()) on_packet(self, each);
      grant_credit(self);
    },
    [=](const meter_tick& m) {
      if (timer_is_current(self, m)) on_tick(self);
    },
  };
}

} // namespace glow::benchmarks
