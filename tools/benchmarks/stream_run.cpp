#include "tools/benchmarks/stream_run.hpp"

#include "actors/contracts/lifecycle.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <fstream>
#include <iostream>
#include <thread>
#include <unordered_map>

namespace glow::benchmarks {

/// program → writer.
struct open_streams {
  std::size_t count = 0;
  bool idle = false;
};
struct stop_writing {};
struct written_report {
  std::vector<double> bytes; ///< that the reader counted, by stream
  duration reader_cpu{};
};

} // namespace glow::benchmarks

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::benchmarks::open_streams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::benchmarks::stop_writing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::benchmarks::written_report)

namespace glow::benchmarks {
namespace {

constexpr const char* service = "bench";
constexpr std::size_t write_bytes = 64u << 10;
constexpr duration open_again = 50ms;
constexpr std::size_t report_bytes = 16; ///< what the reader says at the end: bytes read, processor time in microseconds

steady_time now() { return std::chrono::steady_clock::now(); }

std::uint64_t microseconds(duration d) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

/// Memory of this process that is its own, in bytes.
double resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

// ---- the reader ------------------------------------------------------------------------------------------------------

struct reader_state : actor_lifecycle {
  static inline const char* name = "bench.reader";
  endpoint_actor endpoint;
  std::unordered_map<stream_id, std::uint64_t> read;
  duration cpu_before{};
};
using reader_self = caf::stateful_actor<reader_state, loop_hosted<stream_owner_actor::base>>*;

void on_bytes(reader_self self, stream_received& m) {
  auto& state = self->state;
  const auto bytes = m.bytes.size_bytes();
  state.read[m.id] += bytes;
  if (bytes > 0) self->send(state.endpoint, consume_stream{m.id, bytes});
  if (!m.end) return;
  byte_string report;
  append_le(report, state.read[m.id]);
  append_le(report, microseconds(cpu_time() - state.cpu_before));
  self->send(state.endpoint, write_stream{m.id, packet_batch::of(std::move(report)), true});
}

stream_owner_actor::behavior_type reader_behavior(reader_self self, endpoint_actor endpoint) {
  install_lifecycle(self);
  self->state.endpoint = endpoint;
  self->request(endpoint, caf::infinite, serve_streams{service, caf::actor_cast<caf::strong_actor_ptr>(self)})
    .then([](const streams_served&) {});
  return {
    [=](const incoming_stream&) {
      if (self->state.read.empty()) self->state.cpu_before = cpu_time();
    },
    [=](stream_received& m) { on_bytes(self, m); },
    [](const stream_writable&) {},
    [=](const stream_ended& m) { self->state.read.erase(m.id); },
  };
}

// ---- the writer ------------------------------------------------------------------------------------------------------

using writer_actor =
  stream_owner_actor::extend<caf::reacts_to<open_streams>, caf::replies_to<stop_writing>::with<written_report>>;
struct writer_state : actor_lifecycle {
  static inline const char* name = "bench.writer";
  endpoint_actor endpoint;
  node_id to;
  std::unordered_map<stream_id, std::size_t> room;    ///< of those that write
  std::unordered_map<stream_id, byte_string> answers; ///< of those that were ended
  std::vector<stream_id> idle;
  std::size_t ended = 0;
  std::optional<caf::typed_response_promise<written_report>> asker;
};
using writer_self = caf::stateful_actor<writer_state, loop_hosted<writer_actor::base>>*;

void pump(writer_self self, stream_id id) {
  auto found = self->state.room.find(id);
  if (found == self->state.room.end() || self->state.asker) return;
  std::vector<byte_string> bytes;
  for (; found->second >= write_bytes; found->second -= write_bytes) bytes.emplace_back(write_bytes, std::uint8_t{'s'});
  if (!bytes.empty()) self->send(self->state.endpoint, write_stream{id, packet_batch{std::move(bytes)}, false});
}

void open_some(writer_self self, const open_streams& m) {
  for (std::size_t i = 0; i < m.count; ++i) {
    open_stream ask{self->state.to,
                    m.idle ? traffic_class::interactive : traffic_class::bulk,
                    {},
                    caf::actor_cast<caf::strong_actor_ptr>(self)};
    ask.terms.service = service;
    auto refused = [self, idle = m.idle](const caf::error&) { // the endpoint hears of routes a moment after the router
      self->delayed_send(self, open_again, open_streams{1, idle});
    };
    self->request(self->state.endpoint, caf::infinite, std::move(ask))
      .then(
        [self, idle = m.idle](const stream_opened& opened) {
          if (idle) return self->state.idle.push_back(opened.id);
          self->state.room[opened.id] = opened.writable;
          pump(self, opened.id);
        },
        refused);
  }
}

void tell_if_over(writer_self self) {
  auto& state = self->state;
  if (!state.asker || state.ended < state.room.size()) return;
  written_report report;
  for (auto& [id, answer] : state.answers) {
    if (answer.size() != report_bytes) continue;
    report.bytes.push_back(static_cast<double>(read_le<std::uint64_t>(answer.data())));
    report.reader_cpu =
      std::max<duration>(report.reader_cpu, std::chrono::microseconds{read_le<std::uint64_t>(answer.data() + 8)});
  }
  state.asker->deliver(std::move(report));
}

caf::result<written_report> stop(writer_self self) {
  self->state.asker = self->make_response_promise<written_report>();
  for (auto& [id, room] : self->state.room) self->send(self->state.endpoint, write_stream{id, {}, true});
  tell_if_over(self);
  return *self->state.asker;
}

void on_over(writer_self self, const stream_ended& m) {
  if (!self->state.room.contains(m.id)) return;
  ++self->state.ended;
  tell_if_over(self);
}

writer_actor::behavior_type writer_behavior(writer_self self, endpoint_actor endpoint, node_id to) {
  install_lifecycle(self);
  self->state.endpoint = endpoint;
  self->state.to = to;
  return {
    [](const incoming_stream&) {},
    [=](stream_received& m) {
      for (auto& each : m.bytes.take()) append(self->state.answers[m.id], each);
    },
    [=](const stream_writable& m) {
      if (auto found = self->state.room.find(m.id); found != self->state.room.end()) found->second += m.bytes;
      pump(self, m.id);
    },
    [=](const stream_ended& m) { on_over(self, m); },
    [=](const open_streams& m) { open_some(self, m); },
    [=](const stop_writing&) { return stop(self); },
  };
}

double jain(const std::vector<double>& shares) {
  double sum = 0, squares = 0;
  for (auto each : shares) sum += each, squares += each * each;
  return squares > 0 ? sum * sum / (static_cast<double>(shares.size()) * squares) : 1;
}

} // namespace

result<stream_figures> measure_streams(const stream_run& run) {
  auto node = start_embedded(run.node);
  if (!node) return node.why();
  auto found = wait_for_node(**node, run.to, run.hops_max);
  if (!found) return found.why();
  auto parts = (*node)->parts();
  auto& system = system_of(parts);
  stream_figures out;
  out.hops = found->hops;
  auto writer = spawn_on_loop(system, (*node)->loop(), writer_behavior, parts.endpoint, found->node);
  caf::scoped_actor self{system};
  if (run.idle_streams > 0) {
    const auto before = resident_bytes();
    self->send(writer, open_streams{run.idle_streams, true});
    std::this_thread::sleep_for(5s);
    out.bytes_per_idle_stream = (resident_bytes() - before) / static_cast<double>(run.idle_streams);
  }
  const auto began = now();
  const auto cpu_before = cpu_time();
  self->send(writer, open_streams{run.streams, false});
  std::this_thread::sleep_for(run.seconds);
  result<void> outcome;
  self->request(writer, 60s, stop_writing{})
    .receive(
      [&](const written_report& report) {
        const auto took = now() - began;
        double bytes = 0;
        for (auto each : report.bytes) bytes += each;
        out.mb_per_s = mb_per_s(bytes, took);
        out.cpu_s_per_gb = cpu_s_per_gb(cpu_time() - cpu_before, bytes);
        out.served_cpu_s_per_gb = cpu_s_per_gb(report.reader_cpu, bytes);
        out.fairness = jain(report.bytes);
        if (report.bytes.size() != run.streams) outcome = error{error_code::failed, "a stream ended without its reader's count"};
      },
      [&](const caf::error& why) { outcome = from_caf(why); });
  caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
  if (!outcome) return outcome.why();
  return out;
}

result<void> serve_streams_until_told(const embedded_node& how) {
  auto node = start_embedded(how);
  if (!node) return node.why();
  auto parts = (*node)->parts();
  auto reader = spawn_on_loop(system_of(parts), (*node)->loop(), reader_behavior, parts.endpoint);
  std::cout << "ready" << std::endl;
  std::string ignored;
  while (std::getline(std::cin, ignored)) {}
  caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
  return {};
}

} // namespace glow::benchmarks
