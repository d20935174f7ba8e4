#include "tools/benchmarks/embedded_node.hpp"

#include "transports/catalog.hpp"

#include <caf/scoped_actor.hpp>

#include <thread>

namespace glow::benchmarks {
namespace {

constexpr duration patience = 20s;
constexpr duration request_timeout = 10s;
constexpr duration look_again = 50ms;

steady_time now() { return std::chrono::steady_clock::now(); }

result<place> find_node(const node_parts& parts, const std::string& name) {
  caf::scoped_actor self{system_of(parts)};
  place found;
  bool known = false;
  auto ignored = [](const caf::error&) {};
  self->request(parts.name_space, request_timeout, get_roster{})
    .receive(
      [&](const roster_changed& m) {
        for (auto& each : m.roster->members)
          if (each.name == name) found.node = each.id, known = true;
      },
      ignored);
  if (!known) return {error_code::not_found, "no node is called " + name};
  self->request(parts.router, request_timeout, get_routes{})
    .receive(
      [&](const route_list& m) {
        for (auto& each : m.routes)
          if (each.destination == found.node && each.feasible && (found.hops == 0 || each.hops < found.hops))
            found.hops = each.hops;
      },
      ignored);
  if (found.hops == 0) return {error_code::unreachable, "no route to " + name};
  return found;
}

bool has_routes(const node_parts& parts) {
  caf::scoped_actor self{system_of(parts)};
  bool some = false;
  self->request(parts.router, request_timeout, get_routes{})
    .receive([&](const route_list& m) { some = !m.routes.empty(); }, [](const caf::error&) {});
  return some;
}

result<void> join_mesh(const agent& node, const std::string& ticket, const std::string& name) {
  auto parts = node.parts();
  caf::scoped_actor self{system_of(parts)};
  result<void> outcome;
  self->request(parts.agent, patience, join_with_ticket{ticket, name})
    .receive([](const joined_namespace&) {}, [&](const caf::error& why) { outcome = from_caf(why); });
  return outcome;
}

} // namespace

caf::actor_system& system_of(const node_parts& parts) {
  return *caf::actor_cast<caf::strong_actor_ptr>(parts.agent)->home_system;
}

result<place> wait_for_node(const agent& node, const std::string& name, std::size_t hops_max) {
  for (auto began = now();;) {
    auto found = find_node(node.parts(), name);
    if (found && found->hops > hops_max)
      found = error{error_code::unreachable, "the way to " + name + " has " + std::to_string(found->hops) + " hops"};
    if (found || now() - began > patience) return found;
    std::this_thread::sleep_for(look_again);
  }
}

result<std::unique_ptr<agent>> start_embedded(const embedded_node& how) {
  auto listen = parse_channel_uri(how.listen);
  if (!listen) return listen.why();
  agent_options options;
  options.home = how.home;
  options.node_name = how.name;
  options.listen = {*listen};
  options.discovery = false;
  options.control = false;
  options.transports[listen->scheme] = transports::production_catalog()[listen->scheme];
  auto node = agent::start(std::move(options));
  if (!node) return node.why();
  if (auto joined = join_mesh(**node, how.ticket, how.name); !joined) return joined.why();
  // the node starts anew as a member: all its actors are there once its links are
  for (auto began = now(); !has_routes((*node)->parts());) {
    if (now() - began > patience) return error{error_code::timed_out, "the node did not link to the mesh it joined"};
    std::this_thread::sleep_for(look_again);
  }
  return node;
}

} // namespace glow::benchmarks
