#include "tools/benchmarks/request_run.hpp"

#include "tools/benchmarks/embedded_node.hpp"

#include <caf/scoped_actor.hpp>

#include <mutex>
#include <thread>

namespace glow::benchmarks {
namespace {

constexpr duration request_timeout = 10s;

steady_time now() { return std::chrono::steady_clock::now(); }

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

} // namespace

result<std::vector<request_figures>> measure_requests(const request_run& run) {
  auto node = start_embedded({run.home, "bench", run.ticket, run.listen});
  if (!node) return node.why();
  std::vector<request_figures> out;
  for (auto& name : run.to) {
    auto found = wait_for_node(**node, name);
    if (!found) return found.why();
    out.push_back(measure_node(run, (*node)->parts(), name, *found));
  }
  return out;
}

} // namespace glow::benchmarks
