/// One endpoint per node: requests out, requests in.
///
///   attached ─ routes_changed ─► reaching members ─ requests ─► asleep until the machine's next deadline
///
/// Hears    router: payloads_arrived, routes_changed   any actor: send_request, open_stream, serve_streams
///          services: register_service   owners of streams: write_stream, consume_stream, close_stream
///          control: ping_node   namespace: roster_changed   itself: endpoint_tick
/// Tells    router: attach_local, subscribe_routes, payloads_to_route   services: incoming_request, incoming_stream
///          owners of streams: stream_received, stream_writable, stream_ended
/// Watches  services (a dead one is forgotten), owners of streams (theirs are closed)
/// Parent   the node's supervisor; restarted after the router
/// Fails    never by itself; its callers then hear `stopped` and ask again
#include "actors/endpoint/endpoint.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/base/overloaded.hpp"

#include <caf/actor_cast.hpp>

namespace glow {
namespace {

/// The machine ends a request at its deadline; a service that says nothing is given up a moment later, for good.
constexpr duration service_patience = 1s;

void serve(endpoint_self self, stream::request_arrived& request) {
  auto& state = self->state;
  ++state.requests_served;
  auto method = static_cast<request_method>(request.method);
  auto respond = [self](std::uint64_t token, result<byte_string> answer) {
    perform(self, self->state.machine->respond(token, std::move(answer), self->clock().now()));
  };
  if (method == request_method::ping) return respond(request.token, std::move(request.body));
  auto service = state.services.find(method);
  if (service == state.services.end())
    return respond(request.token, error{error_code::not_found, "no service for method " + std::to_string(request.method)
                                                                 + " runs on that node at present"});
  self
    ->request(service->second, request.timeout + service_patience,
              incoming_request{request.from, method, std::move(request.body)})
    .then([respond, token = request.token](response& answer) { respond(token, std::move(answer.body)); },
          [respond, token = request.token](caf::error& why) { respond(token, from_caf(why)); });
}

void count_request(endpoint_state& state, const endpoint_state::asked_request& asked, const result<byte_string>& answer,
                   steady_time now) {
  auto& of = state.requests[stream::lane_of(asked.traffic)];
  if (answer)
    ++of.answered, of.times.record(now - asked.asked);
  else
    ++(answer.why().code == error_code::timed_out     ? of.timed_out
       : answer.why().code == error_code::unreachable ? of.unreachable
                                                      : of.failed);
}

void deliver_answer(endpoint_self self, stream::request_answered& answered) {
  auto waiting = self->state.asked.extract(answered.ticket);
  if (waiting.empty()) return;
  std::visit(overloaded{
               [&](endpoint_state::asked_request& request) {
                 count_request(self->state, request, answered.answer, self->clock().now());
                 if (answered.answer)
                   request.promise.deliver(response{std::move(*answered.answer)});
                 else
                   request.promise.deliver(to_caf(answered.answer.why()));
               },
               [&](endpoint_state::waiting_ping& ping) {
                 if (answered.answer)
                   ping.promise.deliver(ping_report{self->clock().now() - ping.asked, self->state.machine->hops_to(ping.to)});
                 else
                   ping.promise.deliver(to_caf(answered.answer.why()));
               },
             },
             waiting.mapped());
}

/// Ticks that come too early do no harm, so a timer is armed only when the next deadline moved forward in time: while
/// packets flow, deadlines move backward with each of them.
void arm(endpoint_self self) {
  auto& state = self->state;
  auto next = state.machine->wake_at();
  if (!next || *next >= state.armed) return;
  state.armed = *next;
  arm_timer<endpoint_tick>(self, std::max(duration::zero(), *next - self->clock().now()));
}

} // namespace

void perform(endpoint_self self, stream::endpoint_effects&& todo) {
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](stream::send_payloads& e) {
                   self->send(self->state.router, payloads_to_route{e.to, e.traffic, e.direct, std::move(e.payloads)});
                 },
                 [&](stream::request_arrived& e) { serve(self, e); },
                 [&](stream::request_answered& e) { deliver_answer(self, e); },
                 [&](stream::stream_told& e) { tell_stream(self, e); },
               },
               each);
  arm(self);
}

namespace {

std::vector<stream::route> routes_of(const routes_changed& news) {
  std::vector<stream::route> routes;
  if (!news.routes) return routes;
  routes.reserve(news.routes->size());
  for (auto& each : *news.routes)
    if (each.feasible)
      routes.push_back({each.destination, each.traffic, each.next, each.hops, each.metric, each.packet_bytes_max});
  return routes;
}

void add_service(endpoint_self self, const register_service& m) {
  if (!m.service) return;
  for (auto method : m.methods) self->state.services.insert_or_assign(method, m.service);
  watch(self, m.service, [self, gone = m.service.address()](const error&) {
    std::erase_if(self->state.services, [&](auto& each) { return each.second.address() == gone; });
  });
}

caf::result<response> ask(endpoint_self self, send_request& m) {
  auto promise = self->make_response_promise<response>();
  auto ticket = self->state.next_ticket++;
  self->state.asked.emplace(ticket, endpoint_state::asked_request{promise, m.traffic, self->clock().now()});
  perform(self, self->state.machine->send_request(ticket, m.to, m.traffic, static_cast<std::uint16_t>(m.method),
                                                  std::move(m.body), m.timeout, self->clock().now()));
  return promise;
}

caf::result<ping_report> ping(endpoint_self self, const ping_node& m) {
  auto promise = self->make_response_promise<ping_report>();
  auto ticket = self->state.next_ticket++;
  auto now = self->clock().now();
  self->state.asked.emplace(ticket, endpoint_state::waiting_ping{promise, m.to, now});
  perform(self, self->state.machine->send_request(ticket, m.to, traffic_class::interactive,
                                                  static_cast<std::uint16_t>(request_method::ping), {}, m.timeout, now));
  return promise;
}

} // namespace

std::string endpoint_state::json() const {
  if (!machine) return "{}";
  auto text = [](bool yes) { return yes ? "true" : "false"; };
  std::string peers;
  for (auto& each : machine->figures()) {
    if (!peers.empty()) peers += ",";
    peers += "{\"id\":\"" + to_base32(each.id.view()) + "\",\"reachable\":" + text(each.reachable) + ",\"direct\":"
             + text(each.direct) + ",\"session\":" + text(each.has_session) + ",\"rtt_ms\":" + std::to_string(to_ms(each.rtt))
             + ",\"requests_out\":" + std::to_string(each.requests_out) + ",\"requests_in\":" + std::to_string(each.requests_in)
             + ",\"streams\":" + std::to_string(each.streams) + ",\"held_bytes\":" + std::to_string(each.held_bytes) + "}";
  }
  return "{\"peers\":[" + peers + "],\"services\":" + std::to_string(services.size()) + ",\"asked\":"
         + std::to_string(asked.size()) + ",\"requests_served\":" + std::to_string(requests_served) + ",\"stream_services\":"
         + std::to_string(stream_services.size()) + ",\"streams\":" + std::to_string(machine->stream_count()) + "}";
}

endpoint_actor::behavior_type endpoint_behavior(endpoint_self self, const endpoint_arguments& arguments) {
  install_lifecycle(self, arguments.parent);
  auto& state = self->state;
  state.world = arguments.world;
  state.router = arguments.router;
  state.machine.emplace(arguments.keys, state.world->random());
  auto& machine = *state.machine;
  auto now = [self] { return self->clock().now(); };
  perform(self, machine.on_roster(arguments.roster, now()));
  self->send(state.router, attach_local{caf::actor_cast<caf::strong_actor_ptr>(self)});
  self->send(state.router, subscribe_routes{caf::actor_cast<caf::strong_actor_ptr>(self)});
  return {
    [=, &machine](payloads_arrived& m) { perform(self, machine.on_payloads(m.from, m.direct, std::move(m.payloads), now())); },
    [=, &machine](const routes_changed& m) { perform(self, machine.on_routes(routes_of(m), now())); },
    [=, &machine](const roster_changed& m) { perform(self, machine.on_roster(m.roster, now())); },
    [=](send_request& m) { return ask(self, m); },
    [=](const register_service& m) { add_service(self, m); },
    [=](const ping_node& m) { return ping(self, m); },
    [=](const open_stream& m) { return start_stream(self, m); },
    [=](const serve_streams& m) { return add_stream_service(self, m); },
    [&state](const stop_serving& m) { state.stream_services.erase(m.service); },
    [=, &machine](write_stream& m) { perform(self, machine.write_stream(m.id, m.bytes.take(), m.end, now())); },
    [=, &machine](const consume_stream& m) { perform(self, machine.consume_stream(m.id, m.bytes, now())); },
    [=](const close_stream& m) { end_stream(self, m); },
    [=, &state, &machine](const endpoint_tick& m) {
      if (!timer_is_current(self, m)) return;
      state.armed = steady_time::max();
      perform(self, machine.on_tick(now()));
    },
  };
}

} // namespace glow
