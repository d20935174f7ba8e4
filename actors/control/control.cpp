#include "actors/control/control.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/control/limits.hpp"
#include "runtime/host/log.hpp"

#include <nlohmann/json.hpp>

namespace glow {
namespace {

constexpr duration tick_pause = 1s;

/// Something to say to a program that is not about one of its commands.
void tell_client(control_self self, control_client_id client, error why) {
  if (auto bytes = encode(control::answer{control::command_failed{0, std::move(why)}}))
    self->state.socket->send(client, std::move(*bytes));
}

/// The program went away, or is sent away: its commands are given up.
void forget(control_self self, control_client_id client) {
  auto& state = self->state;
  auto found = state.clients.find(client);
  if (found == state.clients.end()) return;
  auto calls = std::move(found->second.calls);
  found->second.calls.clear();
  state.socket->close(client);
  for (auto& [id, call] : calls) call->give_up({error_code::stopped, "the program that asked went away"});
  state.clients.erase(client);
}

void disconnect(control_self self, control_client_id client, error why) {
  host::log(host::level::debug, "control", "disconnects a program: " + why.message);
  tell_client(self, client, std::move(why));
  forget(self, client);
}

void on_opened(control_self self, control_client_id client) {
  auto& clients = self->state.clients;
  if (clients.size() >= limits::control_clients_max) {
    // the oldest one that waits for nothing makes room
    auto idle = std::find_if(clients.begin(), clients.end(), [](auto& each) { return each.second.calls.empty(); });
    error why{error_code::exhausted, "too many programs are connected to the agent: close some and try again"};
    if (idle == clients.end()) {
      clients[client];
      return disconnect(self, client, why);
    }
    disconnect(self, idle->first, why);
  }
  clients[client];
  if (!self->state.ticking) arm_timer<control_tick>(self, tick_pause);
  self->state.ticking = true;
}

void start(control_self self, control_client_id client, const control::start_command& asked) {
  auto& state = self->state;
  auto call = std::make_shared<command_call>(self, client, asked);
  state.clients[client].calls[asked.id] = call;
  ++state.commands_run;
  auto entry = state.commands.find(asked.name);
  if (entry == state.commands.end())
    return call->fail({error_code::usage, "the agent does not know the command '" + asked.name.substr(0, 40)
                                            + "': it may be older than this program"});
  call->end_by(self->clock().now() + entry->second->deadline);
  entry->second->run(call);
}

void feed(control_self self, control_client_id client, control::command_id command, byte_string bytes) {
  auto& held = self->state.clients[client];
  auto found = held.calls.find(command);
  if (found == held.calls.end()) return;
  held.input_held += bytes.size();
  if (held.input_held > limits::control_input_bytes_max && !held.paused) {
    held.paused = true;
    self->state.socket->pause(client, true);
  }
  auto call = found->second;
  call->on_input(std::move(bytes));
}

void on_request(control_self self, control_client_id client, control::request& message) {
  std::visit(overloaded{
               [&](const control::start_command& m) { start(self, client, m); },
               [&](control::input_data& m) {
                 if (!m.bytes.empty()) feed(self, client, m.id, std::move(m.bytes));
               },
               [&](const control::input_end& m) { feed(self, client, m.id, {}); },
               [&](const control::cancel_command& m) {
                 auto& calls = self->state.clients[client].calls;
                 if (auto found = calls.find(m.id); found != calls.end()) call_ptr {
                     found->second
                     } -> give_up({error_code::stopped, "cancelled"});
               },
             },
             message);
}

void on_bytes(control_self self, control_client_id client, byte_view bytes) {
  auto found = self->state.clients.find(client);
  if (found == self->state.clients.end()) return;
  auto requests = found->second.session.on_bytes(bytes);
  if (!requests) return disconnect(self, client, requests.why());
  for (auto& each : *requests) {
    if (!self->state.clients.contains(client)) return;
    on_request(self, client, each);
  }
}

void on_drained(control_self self, control_client_id client) {
  auto found = self->state.clients.find(client);
  if (found == self->state.clients.end()) return;
  found->second.unread_since.reset();
  auto calls = found->second.calls;
  for (auto& [id, call] : calls) call->on_drained();
}

void on_tick(control_self self) {
  auto& state = self->state;
  auto now = self->clock().now();
  std::vector<call_ptr> late;
  std::vector<control_client_id> stalled;
  for (auto& [id, client] : state.clients) {
    for (auto& [command, call] : client.calls)
      if (call->is_late(now)) late.push_back(call);
    const bool may_wait =
      std::any_of(client.calls.begin(), client.calls.end(), [](auto& each) { return each.second->is_patient(); });
    if (state.socket->queued_bytes(id) == 0 || may_wait)
      client.unread_since.reset();
    else if (!client.unread_since)
      client.unread_since = now;
    else if (now - *client.unread_since > limits::control_stall_max)
      stalled.push_back(id);
  }
  for (auto& each : late) each->give_up({error_code::timed_out, "'" + each->name() + "' did not end within its deadline"});
  for (auto each : stalled) disconnect(self, each, {error_code::timed_out, "it left answers unread for 30 seconds"});
  state.ticking = !state.clients.empty();
  if (state.ticking) arm_timer<control_tick>(self, tick_pause);
}

void on_routes(control_self self, const routes_changed& changed) {
  auto& state = self->state;
  auto now = state.world->wall_now();
  for (auto& node : state.reachable) state.last_seen[node] = now; // until this moment, at least
  state.reachable.clear();
  if (!changed.routes) return;
  for (auto& route : *changed.routes)
    if (route.feasible) state.reachable.insert(route.destination);
  for (auto& node : state.reachable) state.last_seen[node] = now;
}

/// The socket's events become messages, so that all work happens in the actor's own turns.
control_socket::events socket_events(const control_actor& control) {
  return {
    [=](control_client_id id) { caf::anon_send(control, control_client_opened{id}); },
    [=](control_client_id id, byte_string bytes) {
      caf::anon_send(control, control_bytes_received{id, std::move(bytes)});
    },
    [=](control_client_id id) { caf::anon_send(control, control_client_closed{id}); },
    [=](control_client_id id) { caf::anon_send(control, control_client_drained{id}); },
  };
}

} // namespace

control_state::~control_state() {
  // commands hold functions that hold the command: cut the circle
  for (auto& [id, client] : clients)
    for (auto& [command, call] : client.calls) call->forget();
}

std::string control_state::json() const {
  nlohmann::json waiting = nlohmann::json::array();
  for (auto& [id, client] : clients)
    for (auto& [command, call] : client.calls) waiting.push_back(call->name());
  nlohmann::json out{{"clients", clients.size()}, {"commands_run", commands_run}, {"running", std::move(waiting)}};
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The socket that programs of this device talk to.
///   listening ─► (a program connects) ─► its commands run, each until its one answer ─► (it leaves) ─► listening
/// Hears    socket: control_client_opened, control_bytes_received, control_client_closed, control_client_drained
///          watchers of commands: control_progress    router: routes_changed    itself: control_tick
///          endpoint: incoming_stream, stream_received, stream_writable, stream_ended (of programs that listen or dial)
/// Tells    every actor of the node what commands ask for; programs, over the socket
/// Watches  its parent           Parent  node supervisor (permanent)
/// Fails    io: the socket cannot be opened
control_actor::behavior_type control_behavior(control_self self, node_parts parts, surroundings world,
                                              caf::strong_actor_ptr parent) {
  install_lifecycle(self, parent);
  auto& state = self->state;
  state.parts = std::move(parts);
  state.world = std::move(world);
  for (auto table : {mesh_commands(), store_commands(), job_commands(), stream_commands(), mail_commands(), actor_commands(),
                     metrics_commands()})
    for (auto& entry : table) state.commands[entry.name] = &entry;
  auto me = caf::actor_cast<control_actor>(caf::strong_actor_ptr{self->ctrl()});
  auto socket = control_socket::listen(state.world->loop().uv(), state.parts.home, socket_events(me));
  if (socket)
    state.socket = std::move(*socket);
  else
    self->quit(to_caf(socket.why()));
  return {
    [=](const control_client_opened& m) { on_opened(self, m.client); },
    [=](const control_bytes_received& m) { on_bytes(self, m.client, m.bytes); },
    [=](const control_client_closed& m) { forget(self, m.client); },
    [=](const control_client_drained& m) { on_drained(self, m.client); },
    [=](const control_progress& m) {
      auto client = self->state.clients.find(m.client);
      if (client == self->state.clients.end()) return;
      auto call = client->second.calls.find(m.command);
      if (call != client->second.calls.end()) call->second->tell_progress(m.made);
    },
    [=](const routes_changed& m) { on_routes(self, m); },
    [=](const incoming_stream& m) { on_stream(self, m); },
    [=](stream_received& m) { on_stream(self, m); },
    [=](const stream_writable& m) { on_stream(self, m); },
    [=](const stream_ended& m) { on_stream(self, m); },
    [=](const control_tick& m) {
      if (timer_is_current(self, m)) on_tick(self);
    },
  };
}

} // namespace glow
