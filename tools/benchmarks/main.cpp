// Measures parts of Glow on this machine; prints one JSON document. tools/bench runs it and makes tables of it.
//
//   glow_bench link --listen udp://127.0.0.1:0 [--seconds 5] [--window BYTES] [--here NETNS] [--there NETNS]
//   glow_bench requests --home DIR --ticket TICKET --listen URI --to NODE [--to NODE …] [--seconds 5]
//   glow_bench serve --home DIR --ticket TICKET --listen URI --name NAME         until its input ends
//   glow_bench stream --home DIR --ticket TICKET --listen URI --to NAME [--seconds 5] [--streams 1] [--idle 0]
//   glow_bench tcp [--seconds 5] [--address 127.0.0.1] [--here NETNS] [--there NETNS]
//   glow_bench garbage --to udp://ADDRESS:PORT [--mbit 1000] [--seconds 5] [--ports 16] [--first-byte N] [--here NETNS]
//   glow_bench cipher --bytes N [--seconds 1]
#include "runtime/host/memory.hpp"
#include "tools/benchmarks/baseline.hpp"
#include "tools/benchmarks/garbage.hpp"
#include "tools/benchmarks/link_run.hpp"
#include "tools/benchmarks/request_run.hpp"
#include "tools/benchmarks/slow_way.hpp"
#include "tools/benchmarks/stream_run.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <csignal>
#include <cstdio>

using namespace glow;
using namespace glow::benchmarks;
using nlohmann::json;

namespace {

/// Words after the subcommand, `--name value` each; a name may come again.
using options = std::multimap<std::string, std::string>;

std::string word(const options& given, const std::string& name, const std::string& otherwise = "") {
  auto found = given.find(name);
  return found != given.end() ? found->second : otherwise;
}

std::size_t number(const options& given, const std::string& name, std::size_t otherwise) {
  auto text = word(given, name);
  std::size_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

duration seconds(const options& given, std::size_t otherwise) {
  return std::chrono::seconds{number(given, "--seconds", otherwise)};
}

json to_json(const round_trips& of) { return {{"median_us", of.median_us}, {"p99_us", of.p99_us}, {"count", of.count}}; }

result<json> run_link(const options& given) {
  link_run run;
  run.listen = word(given, "--listen", "udp://127.0.0.1:0");
  run.seconds = seconds(given, 5);
  run.window_bytes = number(given, "--window", run.window_bytes);
  run.netns_here = word(given, "--here");
  run.netns_there = word(given, "--there");
  auto got = measure_link(run);
  if (!got) return got.why();
  return json{{"mb_per_s", got->mb_per_s},         {"rtt", to_json(got->rtt)}, {"cpu_s_per_gb", got->cpu_s_per_gb},
              {"packet_bytes", got->packet_bytes}, {"lost", got->lost},        {"rss_mb_there", got->rss_mb_there}};
}

result<json> run_requests(const options& given) {
  request_run run;
  run.home = word(given, "--home");
  run.ticket = word(given, "--ticket");
  run.listen = word(given, "--listen", "udp://127.0.0.1:0");
  run.seconds = seconds(given, 5);
  auto [first, last] = given.equal_range("--to");
  for (; first != last; ++first) run.to.push_back(first->second);
  auto got = measure_requests(run);
  if (!got) return got.why();
  auto out = json::array();
  for (auto& each : *got)
    out.push_back({{"to", each.to},
                   {"hops", each.hops},
                   {"rtt", to_json(each.rtt)},
                   {"mb_per_s", each.mb_per_s},
                   {"cpu_s_per_gb", each.cpu_s_per_gb},
                   {"failed", each.failed}});
  return out;
}

embedded_node node_of(const options& given, const std::string& name) {
  return {word(given, "--home"), word(given, "--name", name), word(given, "--ticket"),
          word(given, "--listen", "udp://127.0.0.1:0")};
}

result<json> run_serve(const options& given) {
  if (auto served = serve_streams_until_told(node_of(given, "bench-serve")); !served) return served.why();
  return json::object();
}

result<json> run_stream(const options& given) {
  stream_run run;
  run.node = node_of(given, "bench-stream");
  run.to = word(given, "--to");
  run.seconds = seconds(given, 5);
  run.streams = number(given, "--streams", 1);
  run.idle_streams = number(given, "--idle", 0);
  run.hops_max = number(given, "--hops", run.hops_max);
  auto got = measure_streams(run);
  if (!got) return got.why();
  return json{{"hops", got->hops},
              {"mb_per_s", got->mb_per_s},
              {"cpu_s_per_gb", got->cpu_s_per_gb + got->served_cpu_s_per_gb},
              {"writer_cpu_s_per_gb", got->cpu_s_per_gb},
              {"reader_cpu_s_per_gb", got->served_cpu_s_per_gb},
              {"fairness", got->fairness},
              {"bytes_per_idle_stream", got->bytes_per_idle_stream}};
}

result<json> run_tcp(const options& given) {
  tcp_run run{seconds(given, 5), word(given, "--address", "127.0.0.1"), word(given, "--here"), word(given, "--there")};
  auto got = measure_plain_tcp(run);
  if (!got) return got.why();
  return json{{"mb_per_s", got->mb_per_s}, {"rtt", to_json(got->rtt)}, {"cpu_s_per_gb", got->cpu_s_per_gb}};
}

result<json> run_garbage(const options& given) {
  auto to = parse_channel_uri(word(given, "--to"));
  if (!to) return to.why();
  garbage_run run;
  run.address = to->host;
  run.port = to->port;
  run.mbit_per_s = static_cast<double>(number(given, "--mbit", 1000));
  run.seconds = seconds(given, 5);
  run.source_ports = std::max<std::size_t>(1, number(given, "--ports", run.source_ports));
  if (given.contains("--first-byte")) run.first_byte = static_cast<int>(number(given, "--first-byte", 0) & 0xff);
  run.netns_here = word(given, "--here");
  auto rate = send_garbage(run);
  if (!rate) return rate.why();
  return json{{"mbit_per_s", *rate}};
}

result<json> run_cipher(const options& given) {
  auto bytes = number(given, "--bytes", 1200);
  auto got = measure_cipher(bytes, seconds(given, 1));
  return json{{"packet_bytes", bytes}, {"seal_mb_per_s", got.seal_mb_per_s}, {"open_mb_per_s", got.open_mb_per_s}};
}

result<json> run_way(const options& given) {
  slow_way way;
  way.left = word(given, "--left");
  way.right = word(given, "--right");
  way.delay = std::chrono::microseconds{number(given, "--delay-us", 10'000)};
  way.bytes_per_s = 1e3 * static_cast<double>(std::max<std::size_t>(1, number(given, "--kb-per-s", 50'000)));
  way.queue_bytes = 1000 * number(given, "--queue-kb", 0);
  way.held_back_share = static_cast<double>(number(given, "--held-back-permille", 0)) / 1000;
  way.held_back_by = std::chrono::microseconds{number(given, "--held-back-us", 3'000)};
  way.seed = number(given, "--seed", 1);
  auto got = carry(way);
  if (!got) return got.why();
  return json{
    {"carried", got->carried}, {"queue_full", got->queue_full}, {"refused", got->refused}, {"latest_ms", to_ms(got->latest)}};
}

} // namespace

int main(int argc, char** argv) {
  host::keep_free_memory();
  const std::map<std::string, result<json> (*)(const options&)> runs{
    {"link", run_link}, {"requests", run_requests}, {"serve", run_serve}, {"stream", run_stream},
    {"tcp", run_tcp},   {"cipher", run_cipher},     {"way", run_way},     {"garbage", run_garbage}};
  auto wanted = runs.find(argc > 1 ? argv[1] : "");
  if (wanted == runs.end() || argc % 2 != 0) {
    std::fputs("usage: glow_bench link|requests|serve|stream|tcp|garbage|cipher|way [--option value …]   (tools/bench --help)\n",
               stderr);
    return 2;
  }
  options given;
  for (int i = 2; i + 1 < argc; i += 2) given.emplace(argv[i], argv[i + 1]);
  std::signal(SIGPIPE, SIG_IGN);
  auto outcome = wanted->second(given);
  if (!outcome) {
    std::fprintf(stderr, "glow_bench %s: %s\n", argv[1], outcome.why().message.c_str());
    return exit_status(outcome.why().code);
  }
  std::puts(outcome->dump(2).c_str());
  return 0;
}
