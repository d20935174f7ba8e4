/// One router per node: learns routes from its links' neighbours and forwards packets along them.
///
///   alone ─ link_up ─► linked ─ last link_down ─► alone        (no state beyond the machine's tables)
///
/// Hears    link: link_up, link_changed, link_down, packets_from_link   endpoint: payloads_to_route   node: attach_local
///          namespace: roster_changed   anyone: subscribe_routes, get_routes, trace_route, explain_route
///          itself: router_tick
/// Tells    link: packets_to_send   endpoint: payloads_arrived   subscribers: routes_changed
/// Watches  every link (one that dies without a word is link_down), the endpoint, subscribers
/// Fails    never by itself; restarted empty: links tells it link_up anew
#include "actors/router/router.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/route/limits.hpp"

namespace glow {

namespace {

using routes_listener = caf::typed_actor<caf::reacts_to<routes_changed>>;
using payloads_listener = caf::typed_actor<caf::reacts_to<payloads_arrived>>;

route::link_view view_of(link_id link, const link_info& info) {
  route::link_view out{link,          info.peer, to_string(info.channel), info.link_class, info.packet_bytes_max, info.rtt,
                       info.rate_bps, info.loss};
  out.labels = info.labels;
  out.medium = info.traits.scheme;
  out.bulk = info.bulk;
  out.silent = info.state == "silent";
  out.rtt_min = info.rtt_min;
  out.load = info.load;
  return out;
}

std::vector<route_info> infos_of(const std::vector<route::route_row>& rows) {
  std::vector<route_info> out;
  out.reserve(rows.size());
  for (auto& row : rows) {
    const auto traffic = row.table == route::metric_class::bulk ? traffic_class::bulk : traffic_class::interactive;
    out.push_back({row.destination, traffic, row.next, row.link, row.cost, row.hops, row.payload_bytes_max, row.feasible});
  }
  return out;
}

void tell_routes(router_self self, const caf::strong_actor_ptr* only = nullptr) {
  routes_changed news{std::make_shared<const std::vector<route_info>>(infos_of(self->state.machine->get_reachable()))};
  if (only) return self->send(caf::actor_cast<routes_listener>(*only), news);
  for (auto& each : self->state.subscribers) self->send(caf::actor_cast<routes_listener>(each), news);
}

void answer_trace(router_self self, route::trace_end& ended) {
  auto waiting = self->state.traces.extract(ended.trace);
  if (waiting.empty()) return;
  if (!ended.steps) {
    waiting.mapped().deliver(to_caf(ended.steps.why()));
    return;
  }
  trace_report report;
  for (auto& step : *ended.steps) report.hops.push_back({step.node, step.rtt, std::move(step.link), std::move(step.link_class)});
  waiting.mapped().deliver(std::move(report));
}

/// The only place where this actor sends.
void perform(router_self self, route::router_effects&& todo) {
  auto& state = self->state;
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](route::send_packets& e) {
                   if (auto link = state.links.find(e.link); link != state.links.end())
                     self->send(link->second, packets_to_send{std::move(e.packets), e.expects, e.seal, e.shared});
                 },
                 [&](route::deliver_payloads& e) {
                   if (state.endpoint)
                     self->send(caf::actor_cast<payloads_listener>(state.endpoint),
                                payloads_arrived{e.from, e.direct, std::move(e.payloads)});
                   else
                     state.undelivered += e.payloads.size();
                 },
                 [&](route::routes_moved&) { tell_routes(self); },
                 [&](route::trace_end& e) { answer_trace(self, e); },
                 [&](route::wake& e) { arm_timer<router_tick>(self, std::max(duration::zero(), e.at - self->clock().now())); },
               },
               each);
}

void lose_link(router_self self, link_id link) {
  self->state.links.erase(link);
  perform(self, self->state.machine->drop_link(link, self->clock().now()));
}

void meet_link(router_self self, const link_up& m) {
  if (self->state.links.insert_or_assign(m.link, m.actor).second)
    watch(self, m.actor, [self, link = m.link](const error&) { lose_link(self, link); });
  perform(self, self->state.machine->set_link(view_of(m.link, m.info), self->clock().now()));
}

void attach(router_self self, const caf::strong_actor_ptr& endpoint) {
  self->state.endpoint = endpoint;
  watch(self, endpoint, [self, gone = endpoint.get()](const error&) {
    if (self->state.endpoint.get() == gone) self->state.endpoint = nullptr;
  });
}

void subscribe(router_self self, const caf::strong_actor_ptr& subscriber) {
  auto& all = self->state.subscribers;
  if (!subscriber) return;
  if (std::find(all.begin(), all.end(), subscriber) == all.end()) {
    if (all.size() >= limits::route_subscribers_max) return;
    all.push_back(subscriber);
    watch(self, subscriber, [self, gone = subscriber.get()](const error&) {
      std::erase_if(self->state.subscribers, [&](auto& each) { return each.get() == gone; });
    });
  }
  tell_routes(self, &subscriber);
}

caf::result<trace_report> start_trace(router_self self, const trace_route& m) {
  route::router_effects effects;
  auto id = self->state.machine->start_trace(m.to, m.timeout, self->clock().now(), effects);
  if (!id) return to_caf(id.why());
  auto promise = self->make_response_promise<trace_report>();
  self->state.traces.emplace(*id, promise);
  perform(self, std::move(effects));
  return promise;
}

} // namespace

std::string router_state::json() const {
  if (!machine) return "{}";
  auto& drops = machine->drops();
  auto& refused = machine->refused();
  auto field = [](const char* key, std::uint64_t value) { return "\"" + std::string{key} + "\":" + std::to_string(value); };
  return "{" + field("links", links.size()) + "," + field("routes", machine->get_reachable().size()) + ","
         + field("subscribers", subscribers.size()) + "," + field("forwarded", machine->forwarded()) + ",\"drops\":{"
         + field("malformed", drops.malformed) + "," + field("not_a_member", drops.not_a_member) + ","
         + field("hop_limit", drops.hop_limit) + "," + field("no_route", drops.no_route) + ","
         + field("not_a_neighbour", drops.not_a_neighbour) + "," + field("too_long", drops.too_long) + ","
         + field("not_admitted", drops.not_admitted) + "," + field("returned", drops.returned) + ","
         + field("unknown_link", drops.unknown_link) + "," + field("stale_neighbour", drops.stale_neighbour) + ","
         + field("trace_flood", drops.trace_flood) + "," + field("unknown_label", drops.unknown_label) + ","
         + field("undelivered", undelivered) + "},\"refused\":{" + field("malformed", refused.malformed) + ","
         + field("forged", refused.forged) + "," + field("strangers", refused.strangers) + ","
         + field("outdated", refused.outdated) + "}}";
}

router_actor::behavior_type router_behavior(router_self self, const router_arguments& arguments) {
  install_lifecycle(self, arguments.parent);
  auto& state = self->state;
  state.world = arguments.world;
  state.machine.emplace(arguments.keys, arguments.epoch, state.world->random(), arguments.tuning);
  auto& machine = *state.machine;
  auto now = [self] { return self->clock().now(); };
  if (arguments.roster) perform(self, machine.set_roster(*arguments.roster, now()));
  return {
    [=](const link_up& m) { meet_link(self, m); },
    [=, &state, &machine](const link_changed& m) {
      if (state.links.contains(m.link)) perform(self, machine.set_link(view_of(m.link, m.info), now()));
    },
    [=](const link_down& m) { lose_link(self, m.link); },
    [=, &machine](packets_from_link& m) { perform(self, machine.on_packets(m.link, std::move(m.packets), now())); },
    [=, &machine](payloads_to_route& m) {
      perform(self, machine.on_payloads(m.to, m.traffic, m.direct, std::move(m.payloads), now()));
    },
    [=](const subscribe_routes& m) { subscribe(self, m.subscriber); },
    [=](const attach_local& m) { attach(self, m.endpoint); },
    [=, &machine](const roster_changed& m) {
      if (m.roster) perform(self, machine.set_roster(*m.roster, now()));
    },
    [&machine](const get_routes&) {
      return route_list{infos_of(machine.get_routes()), machine.shares()};
    },
    [&machine](const explain_route& m) { return route_explanation{machine.explain(m.to)}; },
    [=](const trace_route& m) { return start_trace(self, m); },
    [=, &machine](const router_tick& m) {
      if (timer_is_current(self, m)) perform(self, machine.on_tick(now()));
    },
  };
}

} // namespace glow
