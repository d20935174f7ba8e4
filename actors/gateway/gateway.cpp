/// The gateway of one node.
///
///   a member's stream to an exposed name ─► dial the target ─► pipe
///   a connection to a forward's address  ─► open a stream  ─► pipe
///
/// Hears    control: expose_service, withdraw_service, add_forward, remove_forward, get_gateway
///          endpoint: incoming_stream, stream_received, stream_writable, stream_ended    itself: gateway_tick
/// Tells    endpoint: serve_streams, stop_serving, open_stream, write_stream, consume_stream, close_stream
/// Watches  its parent           Parent  node supervisor (permanent); restarted after the endpoint
/// Fails    never by itself; a damaged list of services is left alone and logged
#include "actors/gateway/gateway.hpp"

#include "runtime/host/log.hpp"

#include <caf/actor_cast.hpp>

namespace glow {
namespace {

constexpr duration endpoint_patience = 10s;
constexpr duration listen_again = 2s;
/// Connections of one gateway at the same time, both ways together.
constexpr std::size_t pipes_max = 16384;

caf::strong_actor_ptr me(gateway_self self) { return caf::actor_cast<caf::strong_actor_ptr>(self); }

std::size_t pipe_count(const gateway_state& state) { return state.pipes.size() + state.waiting.size(); }

/// Errors: as replace_file.
result<void> keep(gateway_self self) {
  gateway::gateway_file file;
  for (auto& [name, each] : self->state.exposed) file.exposed.push_back(each.service);
  for (auto& [number, each] : self->state.forwards) file.forwards.push_back(each.forward);
  return self->state.world->outside().replace_file(self->state.file, gateway::encode(file));
}

// ---- pipes ----------------------------------------------------------------------------------------------------------

void join(gateway_self self, stream_id stream, std::size_t writable, std::unique_ptr<plain_socket> socket,
          std::function<void(gateway_state&)> over) {
  pipe::wires wires{
    [self](write_stream m) { self->send(self->state.endpoint, std::move(m)); },
    [self](consume_stream m) { self->send(self->state.endpoint, m); },
    [self](close_stream m) { self->send(self->state.endpoint, std::move(m)); },
    [self, stream, over = std::move(over)] {
      if (over) over(self->state);
      // the pipe is in the middle of a call: it may go when that is over
      self->state.world->loop().post([held = std::shared_ptr<pipe>{std::move(self->state.pipes[stream])}] {});
      self->state.pipes.erase(stream);
    },
  };
  auto made = std::make_unique<pipe>(stream, writable, std::move(socket), std::move(wires));
  self->state.pipes.emplace(stream, std::move(made));
}

// ---- exposed services ------------------------------------------------------------------------------------------------

void serve(gateway_self self, const std::string& name) {
  self->request(self->state.endpoint, endpoint_patience, serve_streams{name, me(self)})
    .then([](const streams_served&) {},
          [name](caf::error& why) {
            host::log(host::level::warning, "gateway", "'" + name + "' is not served: " + from_caf(why).message);
          });
}

void greet(gateway_self self, const incoming_stream& m) {
  auto& state = self->state;
  auto refuse = [&](error_code code, std::string text) {
    self->send(state.endpoint, close_stream{m.id, error{code, std::move(text)}});
  };
  auto found = state.exposed.find(m.service);
  if (found == state.exposed.end()) return refuse(error_code::not_found, "'" + m.service + "' is not exposed any more");
  if (pipe_count(state) >= pipes_max) return refuse(error_code::exhausted, "too many connections pass that node's gateway");
  ++found->second.connections;
  ++found->second.served;
  // the pipe has it at once: what is received before the connection is there waits in the socket, within the stream's window
  auto socket = plain_socket::dial(state.world->loop().uv(), found->second.service.target, {});
  join(self, m.id, m.writable, std::move(socket), [name = m.service](gateway_state& now) {
    if (auto at = now.exposed.find(name); at != now.exposed.end()) --at->second.connections;
  });
}

caf::result<gateway_done> expose(gateway_self self, const expose_service& m) {
  auto& state = self->state;
  auto& name = m.service.name;
  if (state.exposed.size() >= gateway::services_max) return to_caf({error_code::exhausted, "too many services are exposed"});
  if (state.exposed.contains(name))
    return to_caf({error_code::already_used, "'" + name + "' is exposed already: glow expose --rm " + name + " withdraws it"});
  auto promise = self->make_response_promise<gateway_done>();
  self->request(state.endpoint, endpoint_patience, serve_streams{name, me(self)})
    .then(
      [self, promise, service = m.service](const streams_served&) mutable {
        self->state.exposed.emplace(service.name, gateway_state::exposed_entry{service});
        if (auto kept = keep(self); kept) {
          promise.deliver(gateway_done{});
        } else { // what a restart would forget is not offered
          self->state.exposed.erase(service.name);
          self->send(self->state.endpoint, stop_serving{service.name});
          promise.deliver(to_caf(kept.why()));
        }
      },
      [promise](caf::error& why) mutable { promise.deliver(why); });
  return promise;
}

caf::result<gateway_done> withdraw(gateway_self self, const withdraw_service& m) {
  if (self->state.exposed.erase(m.name) == 0)
    return to_caf({error_code::not_found, "'" + m.name + "' is not exposed (glow expose --list)"});
  self->send(self->state.endpoint, stop_serving{m.name});
  if (auto kept = keep(self); !kept) return to_caf(kept.why());
  return gateway_done{};
}

// ---- forwards --------------------------------------------------------------------------------------------------------

void accept(gateway_self self, std::uint64_t number, std::unique_ptr<plain_socket> socket) {
  auto& state = self->state;
  auto found = state.forwards.find(number);
  if (found == state.forwards.end() || pipe_count(state) >= pipes_max) return; // the socket closes
  ++found->second.connections;
  ++found->second.served;
  auto over = [number](gateway_state& now) {
    if (auto at = now.forwards.find(number); at != now.forwards.end()) --at->second.connections;
  };
  auto ticket = ++state.last_waiting;
  state.waiting.emplace(ticket, std::move(socket));
  auto& to = found->second.forward;
  open_stream ask{to.node, to.bulk ? traffic_class::bulk : traffic_class::interactive, {}, me(self)};
  ask.terms.service = to.service;
  self->request(state.endpoint, endpoint_patience, std::move(ask))
    .then(
      [self, ticket, over](const stream_opened& opened) {
        auto held = self->state.waiting.extract(ticket);
        join(self, opened.id, opened.writable, std::move(held.mapped()), over);
      },
      [self, ticket, over](caf::error& why) {
        host::log(host::level::info, "gateway", "a connection was refused: " + from_caf(why).message);
        self->state.waiting.erase(ticket);
        over(self->state);
      });
}

bool listen(gateway_self self, std::uint64_t number, gateway_state::forward_entry& entry) {
  auto opened =
    plain_listener::open(self->state.world->loop().uv(), entry.forward.listen,
                         [self, number](std::unique_ptr<plain_socket> socket) { accept(self, number, std::move(socket)); });
  if (!opened) {
    if (entry.trouble.empty()) host::log(host::level::warning, "gateway", opened.why().message);
    entry.trouble = opened.why().message;
    return false;
  }
  entry.trouble.clear();
  entry.listener = std::move(*opened);
  return true;
}

void listen_again_later(gateway_self self) {
  if (std::exchange(self->state.ticking, true)) return;
  arm_timer<gateway_tick>(self, listen_again);
}

void try_listening(gateway_self self) {
  self->state.ticking = false;
  for (auto& [number, entry] : self->state.forwards)
    if (!entry.listener && !listen(self, number, entry)) listen_again_later(self);
}

caf::result<forward_added> forward_to(gateway_self self, const add_forward& m) {
  auto& state = self->state;
  if (state.forwards.size() >= gateway::services_max) return to_caf({error_code::exhausted, "too many addresses are forwarded"});
  for (auto& [number, each] : state.forwards)
    if (m.forward.listen.port != 0 && each.listener && each.listener->listening() == m.forward.listen)
      return to_caf({error_code::already_used, to_string(m.forward.listen) + " is forwarded already: glow forward --rm "
                                                 + to_string(m.forward.listen) + " ends that"});
  const auto number = ++state.last_forward;
  gateway_state::forward_entry entry;
  entry.forward = m.forward;
  if (!listen(self, number, entry)) return to_caf({error_code::io, entry.trouble});
  entry.forward.listen = entry.listener->listening(); // the same port again after a restart
  const auto taken = entry.forward.listen;
  state.forwards.emplace(number, std::move(entry));
  if (auto kept = keep(self); !kept) {
    state.forwards.erase(number);
    return to_caf(kept.why());
  }
  return forward_added{taken};
}

caf::result<gateway_done> end_forward(gateway_self self, const remove_forward& m) {
  auto& forwards = self->state.forwards;
  auto found = std::find_if(forwards.begin(), forwards.end(), [&](auto& each) { return each.second.forward.listen == m.listen; });
  if (found == forwards.end())
    return to_caf({error_code::not_found, to_string(m.listen) + " is not forwarded (glow forward --list)"});
  forwards.erase(found);
  if (auto kept = keep(self); !kept) return to_caf(kept.why());
  return gateway_done{};
}

// ---- the rest --------------------------------------------------------------------------------------------------------

gateway_report report(const gateway_state& state) {
  gateway_report out;
  for (auto& [name, each] : state.exposed) out.exposed.push_back({each.service, each.connections, each.served});
  for (auto& [number, each] : state.forwards)
    out.forwards.push_back({each.forward, each.forward.listen, each.trouble, each.connections, each.served});
  return out;
}

void restore(gateway_self self) {
  auto& state = self->state;
  auto bytes = state.world->outside().read_file(state.file, gateway::gateway_file_bytes_max);
  if (!bytes) {
    if (bytes.why().code != error_code::not_found)
      host::log(host::level::warning, "gateway", "services and forwards cannot be read: " + bytes.why().message);
    return;
  }
  auto file = gateway::decode_gateway_file(*bytes);
  if (!file)
    return host::log(host::level::warning, "gateway",
                     state.file
                       + " is damaged and left alone; what is exposed or forwarded anew replaces it: " + file.why().message);
  for (auto& each : file->exposed) {
    serve(self, each.name);
    state.exposed.emplace(each.name, gateway_state::exposed_entry{each});
  }
  for (auto& each : file->forwards) {
    gateway_state::forward_entry entry;
    entry.forward = each;
    state.forwards.emplace(++state.last_forward, std::move(entry));
  }
  try_listening(self);
}

template <class Message, class Call>
void with_pipe(gateway_state& state, const Message& m, Call call) {
  if (auto found = state.pipes.find(m.id); found != state.pipes.end()) call(*found->second);
}

} // namespace

std::string gateway_state::json() const {
  return "{\"exposed\":" + std::to_string(exposed.size()) + ",\"forwards\":" + std::to_string(forwards.size())
         + ",\"connections\":" + std::to_string(pipes.size()) + ",\"opening\":" + std::to_string(waiting.size()) + "}";
}

gateway_actor::behavior_type gateway_behavior(gateway_self self, const gateway_arguments& arguments) {
  install_lifecycle(self, arguments.parent);
  auto& state = self->state;
  state.world = arguments.world;
  state.endpoint = arguments.endpoint;
  state.file = arguments.file;
  restore(self);
  return {
    [=](const incoming_stream& m) { greet(self, m); },
    [&state](stream_received& m) { with_pipe(state, m, [&](pipe& each) { each.on_received(m); }); },
    [&state](const stream_writable& m) { with_pipe(state, m, [&](pipe& each) { each.on_writable(m.bytes); }); },
    [&state](const stream_ended& m) { with_pipe(state, m, [&](pipe& each) { each.on_ended(m.why); }); },
    [=](const expose_service& m) { return expose(self, m); },
    [=](const withdraw_service& m) { return withdraw(self, m); },
    [=](const add_forward& m) { return forward_to(self, m); },
    [=](const remove_forward& m) { return end_forward(self, m); },
    [&state](const get_gateway&) { return report(state); },
    [=](const gateway_tick& m) {
      if (timer_is_current(self, m)) try_listening(self);
    },
  };
}

} // namespace glow
