#include "actors/link/link.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/link/places.hpp"

#include <nlohmann/json.hpp>

namespace glow {
namespace {

constexpr duration ticket_timeout = 4s;    ///< within the handshake's own
constexpr duration admission_timeout = 9s; ///< likewise
constexpr std::size_t roamed_channels_max = 8;
/// Timers count from one: this tick is the actor's own first word.
constexpr std::uint64_t begin_generation = 0;

void perform(link_self self, link::effects&& todo);
steady_time now_of(link_self self) { return self->clock().now(); }

link::link_config config_of(link_arguments& from) {
  link::link_config out;
  out.as = from.as;
  out.keys = from.keys;
  out.session_index = from.id;
  out.channel = from.channel.channel;
  out.datagram_bytes_max = from.channel.traits.datagram_bytes_max;
  out.datagram_bytes_ceiling = from.channel.traits.datagram_bytes_ceiling;
  out.reliable = from.channel.traits.reliable;
  out.features = link::feature_heads | link::feature_labels;
  if (!from.channel.traits.reliable) out.features |= link::feature_records | link::feature_piece_lengths;
  out.on_link = from.channel.traits.on_link;
  out.declared_class = from.channel.traits.declared_class;
  out.declared_why = from.channel.traits.declared_why;
  out.rate_bps = from.channel.traits.rate_bps;
  if (!from.policy.declared_class.empty()) {
    out.declared_class = from.policy.declared_class;
    out.declared_why = from.policy.declared_by;
  }
  out.bulk = from.policy.bulk;
  out.features |= link::to_features(from.policy);
  if (out.declared_class == "control" && from.channel.traits.is_line) out.features |= link::feature_compact;
  out.expected = from.expected;
  out.answers_any_member = true;
  out.space = from.space;
  out.certificate = std::move(from.certificate);
  out.node_name = std::move(from.node_name);
  out.listening = std::move(from.listening);
  if (link::is_shareable(from.channel.remote)) out.observed_peer_at = to_string(from.channel.remote);
  out.check_member = std::move(from.check_member);
  out.join_with = std::move(from.ticket);
  return out;
}

void ask_for_secret(link_self self, const digest& ticket_id) {
  auto answer = [self](result<byte_string> secret) {
    perform(self, self->state.machine->on_ticket_secret(std::move(secret), now_of(self), self->state.world->random()));
  };
  if (!self->state.tickets) return answer(error{error_code::failed, "this node cannot admit anybody"});
  self->request(self->state.tickets, ticket_timeout, get_ticket_secret{ticket_id, {}})
    .then([answer](ticket_secret& m) { answer(std::move(m.secret)); }, [answer](caf::error& why) { answer(from_caf(why)); });
}

void ask_for_admission(link_self self, link::ask_admission& wanted) {
  auto answer = [self](result<byte_string> admitted) {
    perform(self, self->state.machine->on_admission(std::move(admitted), now_of(self), self->state.world->random()));
  };
  self->request(self->state.tickets, admission_timeout, redeem_ticket{wanted.ticket_id, wanted.node, wanted.node_name})
    .then(
      [answer](admission& m) {
        answer(link::encode(link::admission_bytes{std::move(m.namespace_file), m.addresses}));
      },
      [answer](caf::error& why) { answer(from_caf(why)); });
}

void report_joined(link_self self, link::joined& got) {
  auto decoded = link::decode_admission(got.admission);
  if (!decoded) return self->send(self->state.links, link_down{self->state.id, decoded.why()});
  self->send(self->state.links,
             link_joined{self->state.id, {std::move(decoded->namespace_file), std::move(decoded->addresses), got.admitted_by}});
}

void move_to(link_self self, channel_id channel) {
  auto& state = self->state;
  auto found = state.roamed.find(channel);
  if (found == state.roamed.end()) return;
  self->send(state.transport, close_channel{state.channel.channel});
  found->second.traits = state.channel.traits; // same transport, hence same limits
  state.channel = found->second;
  state.roamed.clear();
  self->send(state.transport, claim_channel{channel, caf::actor_cast<caf::strong_actor_ptr>(self)});
}

void tell_change(link_self self) {
  auto news = link_changed{self->state.id, self->state.info(now_of(self))};
  if (self->state.router) self->send(self->state.router, news);
  self->send(self->state.links, news);
}

void tell_up(link_self self) {
  auto& state = self->state;
  if (state.was_up) return tell_change(self);
  state.was_up = true;
  auto news = link_up{state.id, state.info(now_of(self)), link_actor{self}};
  if (state.router) self->send(state.router, news);
  self->send(state.links, news);
}

void leave(link_self self, const error& why) {
  auto& state = self->state;
  if (state.was_up && state.router) self->send(state.router, link_down{state.id, why});
  self->send(state.links, link_down{state.id, why});
  self->send(state.transport, close_channel{state.channel.channel});
  self->quit(why.code == error_code::none ? caf::error{caf::exit_reason::normal} : to_caf(why));
}

/// The only place where this actor acts on what its machine decided.
void perform(link_self self, link::effects&& todo) {
  auto& state = self->state;
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](link::send_datagrams& e) {
                   self->send(state.transport, send_on_channel{state.channel.channel, std::move(e.datagrams), e.run_bytes});
                 },
                 [&](link::deliver_packets& e) {
                   if (state.router) self->send(state.router, packets_from_link{state.id, std::move(e.packets)});
                 },
                 [&](link::announce_up&) { tell_up(self); },
                 [&](link::announce_changed&) { tell_change(self); },
                 [&](link::give_up& e) { leave(self, e.why); },
                 [&](link::ask_ticket_secret& e) { ask_for_secret(self, e.ticket_id); },
                 [&](link::ask_admission& e) { ask_for_admission(self, e); },
                 [&](link::joined& e) { report_joined(self, e); },
                 [&](link::move_channel& e) { move_to(self, e.channel), tell_change(self); },
                 [&](link::wake_at& e) { arm_timer<link_tick>(self, std::max<duration>(e.when - now_of(self), 0ns)); },
               },
               each);
}

void begin(link_self self) {
  auto& state = self->state;
  self->send(state.transport, claim_channel{state.channel.channel, caf::actor_cast<caf::strong_actor_ptr>(self)});
  perform(self, state.machine->start(now_of(self), state.world->random()));
  auto first = std::exchange(state.first, {});
  if (!first.empty()) perform(self, state.machine->on_datagrams(std::move(first), now_of(self), state.world->random()));
}

} // namespace

link_info link_state::info(steady_time now) const {
  auto figures = machine->figures(now);
  link_info out;
  out.id = id;
  if (auto& peer = machine->peer()) {
    out.peer = peer->member.id;
    out.peer_name = peer->member.name;
    out.peer_listening = peer->listening;
    out.labels = (peer->features & link::feature_labels) != 0;
  }
  out.channel = channel.remote;
  out.traits = channel.traits;
  out.link_class = figures.link_class;
  out.why = figures.why;
  out.state = figures.state;
  out.packet_bytes_max = figures.packet_bytes_max;
  out.datagram_bytes = figures.datagram_bytes;
  out.rtt = figures.rtt;
  out.rate_bps = figures.rate_bps;
  out.loss = figures.loss;
  out.rtt_min = figures.rtt_min;
  out.load = figures.load;
  out.bulk = figures.bulk;
  out.bytes_in = figures.bytes_in;
  out.bytes_out = figures.bytes_out;
  out.up_for = was_up ? std::chrono::duration_cast<duration>(now - figures.up_since) : 0ns;
  return out;
}

std::string link_state::json() const {
  if (!machine) return "{}";
  auto now = info({});
  nlohmann::json out{{"id", id},
                     {"peer", now.peer_name},
                     {"node", to_short_string(now.peer)},
                     {"channel", to_string(channel.remote)},
                     {"state", now.state},
                     {"class", now.link_class},
                     {"why", now.why},
                     {"rtt_ms", to_ms(now.rtt)},
                     {"rate_bps", now.rate_bps},
                     {"loss", now.loss},
                     {"bytes_in", now.bytes_in},
                     {"bytes_out", now.bytes_out}};
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

link_actor::behavior_type link_behavior(link_self self, link_arguments arguments) {
  install_lifecycle(self, caf::actor_cast<caf::strong_actor_ptr>(arguments.links));
  auto& state = self->state;
  state.world = arguments.world;
  state.id = arguments.id;
  state.transport = arguments.transport;
  state.channel = arguments.channel;
  state.router = arguments.router;
  state.links = arguments.links;
  state.tickets = arguments.tickets;
  state.machine.emplace(config_of(arguments));
  auto& machine = *state.machine;
  auto& random = state.world->random();

  watch(self, state.transport, [=](const error& why) {
    perform(self, self->state.machine->on_channel_lost({error_code::unreachable, "the transport stopped: " + why.message}));
  });
  self->send(self, link_tick{begin_generation}); // the machine may give up at once, which a behaviour function cannot
  state.first = std::move(arguments.first);

  return {
    [=, &machine, &random](channel_received& m) {
      perform(self, machine.on_datagrams_from(m.channel, std::move(m.datagrams), now_of(self), random, m.run_bytes));
    },
    [=, &machine](const channel_closed& m) {
      if (m.channel == self->state.channel.channel) perform(self, machine.on_channel_lost(m.why));
    },
    [=, &machine](const channel_narrowed& m) {
      if (m.channel == self->state.channel.channel)
        perform(self, machine.on_too_long(m.datagram_bytes_that_fit, m.certain, now_of(self)));
    },
    [=, &machine](packets_to_send& m) {
      perform(self, machine.on_packets_to_send(std::move(m.packets), now_of(self), m.expects, m.seal, m.shared));
    },
    [=, &machine](const close_link& m) {
      perform(self, machine.on_close({error_code::none, m.why}, now_of(self)));
    },
    [=](const get_link_info&) { return self->state.info(now_of(self)); },
    [=, &machine, &random](roamed_datagrams& m) {
      auto& roamed = self->state.roamed;
      if (roamed.size() >= roamed_channels_max) roamed.clear(); // none of those was authentic: nothing is lost
      roamed[m.channel] = {m.channel, m.remote, {}};
      perform(self, machine.on_datagrams_from(m.channel, std::move(m.datagrams), now_of(self), random));
    },
    [=, &machine, &random](const link_tick& m) {
      if (m.generation == begin_generation) return begin(self);
      if (timer_is_current(self, m)) perform(self, machine.on_tick(now_of(self), random));
    },
  };
}

} // namespace glow
