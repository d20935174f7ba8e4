// The program behind tools/simulate.
#include "runtime/host/log.hpp"
#include "tests/simulation/cuts.hpp"
#include "tests/simulation/simulation.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

#include <unistd.h>

namespace {

using namespace glow;
using namespace glow::simulation;

struct flags {
  std::uint64_t seed = 1;
  std::string seeds;
  std::size_t nodes = 6;
  std::string topology = "home";
  std::string time = "10m";
  std::string faults = "default";
  std::string pace = "60s";
  std::string scenario = "mesh";
  std::size_t cuts = 1000;
  std::string medium = "lan";
  bool trace = false, json = false, check = false, idle = false;
};

std::string all_faults() {
  std::string out;
  for (auto& each : fault_names()) out += (out.empty() ? "" : ",") + each;
  return out;
}

/// "90s", "10m", "2h"; nothing when it is none of these.
std::optional<duration> parse_time(const std::string& text) {
  char* end = nullptr;
  auto number = std::strtod(text.c_str(), &end);
  std::string unit{end};
  auto scale = unit == "ms" ? 1e-3 : unit == "s" || unit.empty() ? 1.0 : unit == "m" ? 60.0 : unit == "h" ? 3600.0 : 0.0;
  if (end == text.c_str() || number <= 0 || scale == 0) return std::nullopt;
  return duration{static_cast<std::int64_t>(number * scale * 1e9)};
}

std::string replay_command(const flags& f, std::uint64_t seed) {
  return fmt::format("tools/simulate --seed {} --nodes {} --topology {} --for {} --faults {} --pace {}{}", seed, f.nodes,
                     f.topology, f.time, f.faults, f.pace, f.idle ? " --idle" : "");
}

nlohmann::json document_of(const flags& f, std::uint64_t seed, const simulation_report& r) {
  auto convergence = nlohmann::json{{"count", r.convergence_s.count},
                                    {"median_s", r.convergence_s.median},
                                    {"p95_s", r.convergence_s.p95},
                                    {"most_s", r.convergence_s.most}};
  return {{"seed", seed},
          {"topology", f.topology},
          {"nodes", r.nodes},
          {"virtual_time", f.time},
          {"event_hash", fmt::format("{:016x}", r.event_hash)},
          {"events", r.events},
          {"events_per_s", r.real_s > 0 ? static_cast<double>(r.events) / r.real_s : 0.0},
          {"real_s", r.real_s},
          {"violations", r.violations},
          {"convergence", convergence},
          {"bytes_per_node_s", r.bytes_per_node_second},
          {"path_stretch", r.path_stretch},
          {"requests", r.requests},
          {"delivered", r.delivered},
          {"objects", r.objects},
          {"jobs", r.jobs},
          {"messages", r.messages},
          {"streams", r.streams},
          {"streams_whole", r.streams_whole},
          {"stream_bytes", r.stream_bytes},
          {"strikes", r.strikes},
          {"escalations", r.escalations},
          {"longest_queue", r.longest_queue},
          {"memory_bytes", r.memory_bytes},
          {"turns", r.turns}};
}

void print(const flags& f, std::uint64_t seed, const simulation_report& r) {
  fmt::print("seed {}: {} nodes, {} of virtual time in {:.1f} s, {} events ({:.0f}/s), event hash {:016x}\n", seed, r.nodes,
             f.time, r.real_s, r.events, r.real_s > 0 ? static_cast<double>(r.events) / r.real_s : 0.0, r.event_hash);
  fmt::print("  faults             {} strikes, {} supervisors gave up and were started again\n", r.strikes, r.escalations);
  fmt::print("  convergence        median {:.1f} s, p95 {:.1f} s, most {:.1f} s of {} changes\n", r.convergence_s.median,
             r.convergence_s.p95, r.convergence_s.most, r.convergence_s.count);
  fmt::print("  bytes on wires     {:.0f} per node and second, work included\n", r.bytes_per_node_second);
  fmt::print("  path stretch       {:.3f} hops for each hop of the shortest way\n", r.path_stretch);
  fmt::print("  requests           {} sent, {:.1f} % answered\n", r.requests, r.delivered * 100);
  fmt::print("  objects, jobs      {} acknowledged, {} submitted\n", r.objects, r.jobs);
  fmt::print("  messages           {} acknowledged\n", r.messages);
  fmt::print("  streams            {} opened, {} ended well, {:.1f} MB\n", r.streams, r.streams_whole,
             static_cast<double>(r.stream_bytes) / 1e6);
  fmt::print("  longest queue      {}\n", r.longest_queue);
  fmt::print("  memory             {:.2f} MB for each node\n",
             static_cast<double>(r.memory_bytes) / 1e6 / static_cast<double>(std::max<std::size_t>(r.nodes, 1)));
  for (auto& each : r.violations) fmt::print("  VIOLATION {}\n", each);
  if (!r.violations.empty()) fmt::print("  replay: {}\n", replay_command(f, seed));
}

int run_all(const flags& f) {
  simulation_options options;
  auto time = parse_time(f.time), pace = parse_time(f.pace);
  auto faults = parse_faults(f.faults);
  std::string wrong;
  if (!time) wrong = "--for " + f.time + ": a time like 90s, 10m or 2h";
  if (!pace) wrong = "--pace " + f.pace + ": a time like 60s";
  if (!faults) wrong = faults.why().message;
  auto first = f.seed, last = f.seed;
  if (!f.seeds.empty() && std::sscanf(f.seeds.c_str(), "%lu..%lu", &first, &last) != 2)
    wrong = "--seeds " + f.seeds + ": FIRST..LAST";
  if (!wrong.empty()) {
    fmt::print(stderr, "simulate: {}\n", wrong);
    return 2;
  }
  options.topology = f.topology;
  options.nodes = f.nodes;
  options.time = *time;
  options.faults = *faults;
  options.fault_pace = *pace;
  options.work = !f.idle;
  if (f.trace) options.trace = [](const std::string& line) { std::cerr << line << "\n"; };
  for (auto seed = first; seed <= last; ++seed) {
    options.seed = seed;
    if (::isatty(STDERR_FILENO) && !f.trace)
      options.progress = [seed](duration done, duration of) {
        fmt::print(stderr, "\r\033[Kseed {}: {:.0f} %", seed,
                   100.0 * static_cast<double>(done.count()) / static_cast<double>(of.count()));
        if (done == of) fmt::print(stderr, "\r\033[K");
      };
    auto report = simulate(options);
    if (!report) {
      fmt::print(stderr, "simulate: {}\n", report.why().message);
      return 2;
    }
    if (f.check) {
      auto again = simulate(options);
      if (again->event_hash != report->event_hash) report->violations.push_back("the same seed gave another event hash");
    }
    if (f.json)
      fmt::print("{}\n", document_of(f, seed, *report).dump());
    else
      print(f, seed, *report);
    std::fflush(stdout);
    if (!report->violations.empty()) {
      if (f.json) fmt::print(stderr, "replay: {}\n", replay_command(f, seed));
      return 1;
    }
  }
  return 0;
}

// ---- --scenario cuts ---------------------------------------------------------------------------------------------------

double share_of(const std::vector<double>& sorted, double share) {
  return sorted.empty()
           ? 0
           : sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

int run_cuts(const flags& f) {
  cut_options options;
  options.seed = f.seed;
  options.cuts = f.cuts;
  options.medium = f.medium;
  if (f.trace) options.trace = [](const std::string& line) { std::cerr << line << "\n"; };
  auto report = simulate_cuts(options);
  if (!report) {
    fmt::print(stderr, "simulate: {}\n", report.why().message);
    return 2;
  }
  nlohmann::json kinds = nlohmann::json::array();
  for (std::size_t i = 0; i < cut_kinds; ++i) {
    auto& seen = report->outages_ms[i];
    kinds.push_back({{"kind", name_of(static_cast<cut_kind>(i))},
                     {"cuts", seen.size()},
                     {"median_ms", share_of(seen, 0.5)},
                     {"p99_ms", share_of(seen, 0.99)},
                     {"most_ms", share_of(seen, 1)}});
  }
  if (f.json) {
    fmt::print("{}\n", nlohmann::json{{"seed", f.seed},
                                      {"medium", f.medium},
                                      {"kinds", kinds},
                                      {"bytes", report->bytes},
                                      {"event_hash", fmt::format("{:016x}", report->event_hash)},
                                      {"violations", report->violations},
                                      {"virtual_s", report->virtual_s},
                                      {"real_s", report->real_s}}
                         .dump());
  } else {
    fmt::print(
      "seed {}: a stream over two paths of {}, {:.0f} s of virtual time in {:.1f} s, {:.1f} MB arrived, event hash {:016x}\n",
      f.seed, f.medium, report->virtual_s, report->real_s, static_cast<double>(report->bytes) / 1e6, report->event_hash);
    for (auto& each : kinds)
      fmt::print("  {:<14}{:5} cuts, bytes flow again after: median {:.0f} ms, p99 {:.0f} ms, most {:.0f} ms\n",
                 each["kind"].get<std::string>(), each["cuts"].get<std::size_t>(), each["median_ms"].get<double>(),
                 each["p99_ms"].get<double>(), each["most_ms"].get<double>());
    for (auto& each : report->violations) fmt::print("  VIOLATION {}\n", each);
  }
  if (report->violations.empty()) return 0;
  fmt::print(stderr, "  replay: tools/simulate --scenario cuts --seed {} --cuts {} --medium {}\n", f.seed, f.cuts, f.medium);
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  glow::host::set_log_level(glow::host::level::off);
  flags f;
  CLI::App app{"Runs production nodes by the hundreds in virtual time, with faults, and checks what must always hold.\n"
               "Exit status: 0 no violation, 1 a violation (the command that replays it is printed), 2 wrong usage.",
               "tools/simulate"};
  app.add_option("--seed", f.seed, "decides everything: topology, order, faults")->capture_default_str();
  app.add_option("--seeds", f.seeds, "FIRST..LAST: one run each, ends at the first violation");
  app.footer("With --seeds, tools/simulate also takes --jobs N: so many processes at once.");
  app.add_option("--nodes", f.nodes, "how many (home has six)")->capture_default_str();
  app
    .add_option("--topology", f.topology,
                "home, line, ring, random, clusters, or a FILE of 'machine NAME', 'cable NAME NAME MEDIUM' and "
                "'nat NAME endpoint-independent|port-restricted|symmetric SECONDS'")
    ->capture_default_str();
  app.add_option("--for", f.time, "virtual time with faults and work; quiet and the final checks come on top")
    ->capture_default_str();
  app.add_option("--faults", f.faults, "default (all), none, or names: " + all_faults())->capture_default_str();
  app.add_option("--pace", f.pace, "mean time between two faults of one kind on one node")->capture_default_str();
  app.add_option("--scenario", f.scenario, "mesh, or cuts: one stream over two paths, whose active one is cut again and again")
    ->capture_default_str()
    ->check(CLI::IsMember({"mesh", "cuts"}));
  app.add_option("--cuts", f.cuts, "how many, of --scenario cuts")->capture_default_str();
  app.add_option("--medium", f.medium, "of the cables of --scenario cuts: lan, wifi, dsl, lte …")->capture_default_str();
  app.add_flag("--trace", f.trace, "say what happens, as it happens, on stderr");
  app.add_flag("--check", f.check, "run each seed twice: the event hashes must be equal");
  app.add_flag("--idle", f.idle, "no work: only the mesh itself");
  app.add_flag("--json", f.json, "one JSON document a run");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? 0 : 2;
  }
  return f.scenario == "cuts" ? run_cuts(f) : run_all(f);
}
