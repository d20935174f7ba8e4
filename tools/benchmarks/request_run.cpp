#include "tools/benchmarks/request_run.hpp"

#include "actors/agent.hpp"
#include "transports/catalog.hpp"

#include <mutex>
#include <thread>

namespace glow::benchmarks {
namespace {

constexpr duration patience = 20s;
constexpr duration request_timeout = 10s;
constexpr duration look_again = 50ms;

steady_time now() { return std::chrono::steady_clock::now(); }

/// A node of the mesh that can be reached now.
struct place {
  node_id node;
  std::size_t hops = 0;
};

caf::actor_system& system_of(const node_parts& parts) {
  return *caf::actor_cast<caf::strong_actor_ptr>(parts.agent)->home_system;
}

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
          if (each.destination == found.node && each.feasible) found.hops = each.hops;
      },
      ignored);
  if (found.hops == 0) return {error_code::unreachable, "no route to " + name};
  return found;
}

result<place> wait_for_node(const agent& node, const std::string& name) {
  for (auto began = now();;) {
    auto found = find_node(node.parts(), name);
    if (found || now() - began > patience) return found;
    std::this_thread::sleep_for(look_again);
  }
}

/// One application thread that asks again and again until the time is over.
struct asking {
  std::vector<duration> took;
  double bytes = 0;
  std::size_t failed = 0;
};
asking ask_for(duration seconds, const node_parts& parts, const place& to, std::size_t body_bytes, traffic_class traffic) {
  asking out;
  caf::scoped_actor self{system_of(parts)};
  byte_string body(body_bytes, 'b');
  for (auto began = now(); now() - began < seconds;) {
    auto sent = now();
    self
      ->request(parts.endpoint, request_timeout + 1s, send_request{to.node, request_method::ping, body, request_timeout, traffic})
      .receive(
        [&](const response& m) {
          if (m.body.size() != body_bytes) ++out.failed;
          out.bytes += static_cast<double>(m.body.size());
          out.took.push_back(now() - sent);
        },
        [&](const caf::error&) { ++out.failed; });
  }
  return out;
}

request_figures measure_node(const request_run& run, const node_parts& parts, const std::string& name, const place& to) {
  constexpr std::size_t small_body_bytes = 32;
  request_figures out;
  out.to = name;
  out.hops = to.hops;
  auto small = ask_for(std::min<duration>(run.seconds, 2s), parts, to, small_body_bytes, traffic_class::interactive);
  out.failed = small.failed;
  out.rtt = summarise(std::move(small.took));

  std::mutex guard;
  double bytes = 0;
  auto began = now();
  auto cpu_before = cpu_time();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < run.at_once; ++i)
    threads.emplace_back([&] {
      auto big = ask_for(run.seconds, parts, to, run.body_bytes, traffic_class::bulk);
      std::lock_guard lock{guard};
      bytes += big.bytes;
      out.failed += big.failed;
    });
  for (auto& each : threads) each.join();
  out.mb_per_s = mb_per_s(bytes, now() - began);
  out.cpu_s_per_gb = cpu_s_per_gb(cpu_time() - cpu_before, 2 * bytes);
  return out;
}

result<void> join_mesh(const agent& node, const std::string& ticket) {
  auto parts = node.parts();
  caf::scoped_actor self{system_of(parts)};
  result<void> outcome;
  self->request(parts.agent, patience, join_with_ticket{ticket, "bench"})
    .receive([](const joined_namespace&) {}, [&](const caf::error& why) { outcome = from_caf(why); });
  return outcome;
}

} // namespace

result<std::vector<request_figures>> measure_requests(const request_run& run) {
  auto listen = parse_channel_uri(run.listen);
  if (!listen) return listen.why();
  agent_options options;
  options.home = run.home;
  options.node_name = "bench";
  options.listen = {*listen};
  options.discovery = false;
  options.control = false;
  options.transports[listen->scheme] = transports::production_catalog()[listen->scheme];
  auto node = agent::start(std::move(options));
  if (!node) return node.why();
  if (auto joined = join_mesh(**node, run.ticket); !joined) return joined.why();
  std::vector<request_figures> out;
  for (auto& name : run.to) {
    auto found = wait_for_node(**node, name);
    if (!found) return found.why();
    out.push_back(measure_node(run, (*node)->parts(), name, *found));
  }
  return out;
}

} // namespace glow::benchmarks
