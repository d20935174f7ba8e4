// Streams of the endpoint's actor: who owns which, and who serves what.
#include "actors/endpoint/endpoint.hpp"
#include "runtime/base/overloaded.hpp"

#include <caf/actor_cast.hpp>

namespace glow {
namespace {

/// Services that actors of this node offer to streams.
constexpr std::size_t stream_services_max = 1024;

void watch_owner(endpoint_self self, const stream_owner_actor& owner) {
  const auto id = owner.id();
  if (!self->state.watched_owners.insert(id).second) return;
  watch(self, owner, [self, id](const error&) {
    auto& state = self->state;
    state.watched_owners.erase(id);
    std::erase_if(state.stream_services, [&](auto& each) { return each.second.id() == id; });
    std::vector<stream_id> orphans;
    for (auto& [stream, each] : state.stream_owners)
      if (each.id() == id) orphans.push_back(stream);
    for (auto stream : orphans)
      end_stream(self, {stream, {error_code::stopped, "the program at the other end of the stream is gone"}});
  });
}

void greet(endpoint_self self, const node_id& from, stream::stream_arrived& arrived) {
  auto& state = self->state;
  auto service = state.stream_services.find(arrived.service);
  if (service == state.stream_services.end())
    return perform(self,
                   state.machine->close_stream(arrived.stream,
                                               {error_code::not_found, "no service '" + arrived.service
                                                                         + "' on that node (there: glow expose, glow listen)"},
                                               self->clock().now()));
  state.stream_owners.emplace(arrived.stream, service->second);
  self->send(service->second, incoming_stream{arrived.stream, from, std::move(arrived.service), arrived.writable});
}

} // namespace

void tell_stream(endpoint_self self, stream::stream_told& told) {
  if (auto* arrived = std::get_if<stream::stream_arrived>(&told.what)) return greet(self, told.peer, *arrived);
  auto& owners = self->state.stream_owners;
  auto found = owners.find(std::visit([](auto& each) { return each.stream; }, told.what));
  if (found == owners.end()) return;
  auto& owner = found->second;
  std::visit(overloaded{
               [](stream::stream_arrived&) {},
               [&](stream::stream_received& e) {
                 self->send(owner, stream_received{e.stream, packet_batch{std::move(e.bytes)}, e.end});
               },
               [&](stream::stream_writable& e) {
                 self->send(owner, stream_writable{e.stream, e.bytes});
               },
               [&](stream::stream_over& e) {
                 self->send(owner, stream_ended{e.stream, std::move(e.why)});
                 owners.erase(found);
               },
             },
             told.what);
}

caf::result<stream_opened> start_stream(endpoint_self self, const open_stream& m) {
  auto owner = caf::actor_cast<stream_owner_actor>(m.owner);
  if (!owner) return to_caf(error{error_code::usage, "a stream needs an owner"});
  stream::endpoint_effects effects;
  auto made = self->state.machine->open_stream(m.to, m.traffic, m.terms, self->clock().now(), effects);
  if (!made) return to_caf(made.why());
  self->state.stream_owners.emplace(made->stream, owner);
  watch_owner(self, owner);
  perform(self, std::move(effects));
  return stream_opened{made->stream, made->writable};
}

caf::result<streams_served> add_stream_service(endpoint_self self, const serve_streams& m) {
  auto& services = self->state.stream_services;
  auto owner = caf::actor_cast<stream_owner_actor>(m.owner);
  if (!owner || m.service.empty() || m.service.size() > limits::stream_service_name_bytes_max)
    return to_caf(error{error_code::usage, "a service needs an owner and a name of 1 to "
                                             + std::to_string(limits::stream_service_name_bytes_max) + " bytes"});
  if (services.contains(m.service))
    return to_caf(error{error_code::already_used, "this node serves '" + m.service + "' already: choose another name"});
  if (services.size() >= stream_services_max) return to_caf(error{error_code::exhausted, "this node serves too many names"});
  services.emplace(m.service, owner);
  watch_owner(self, owner);
  return streams_served{};
}

void end_stream(endpoint_self self, const close_stream& m) {
  self->state.stream_owners.erase(m.id);
  perform(self, self->state.machine->close_stream(m.id, m.why, self->clock().now()));
}

} // namespace glow
