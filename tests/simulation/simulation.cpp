#include "tests/simulation/simulation.hpp"

#include "actors/endpoint/endpoint.hpp"
#include "actors/link/links.hpp"
#include "actors/router/router.hpp"
#include "runtime/host/log.hpp"
#include "tests/simulation/checkers.hpp"
#include "tests/simulation/faults.hpp"
#include "tests/simulation/outside.hpp"
#include "tests/simulation/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace glow::simulation {
namespace {

constexpr duration quiet_time = 3min; ///< after repairs: lost leases, doubled pauses and the slowest retries are over by then
constexpr duration look_pause = 1s;
/// After a change is over: acknowledgements, membership exchanges and measurements of new links are done by then.
constexpr duration settling_time = 60s;
constexpr duration converge_look_pause = 100ms;
constexpr std::size_t destinations_per_look = 64;
constexpr std::size_t stretch_samples = 200;
constexpr std::size_t mailbox_bound = 20'000;
constexpr std::size_t lanes = 3; ///< conversations between two nodes, one for each traffic class
constexpr std::size_t requests_in_bound = lanes * limits::stream_requests_outstanding_max;
constexpr std::size_t requests_out_bound = requests_in_bound + lanes * limits::stream_requests_queued_max;

spread spread_of(std::vector<double> values) {
  spread out;
  out.count = values.size();
  if (values.empty()) return out;
  std::sort(values.begin(), values.end());
  out.median = values[values.size() / 2];
  out.p95 = values[std::min(values.size() - 1, values.size() * 95 / 100)];
  out.most = values.back();
  return out;
}

class run {
public:
  run(const simulation_options& options, const topology& plan)
    : options_{options}, mesh_{options.seed, plan}, faults_{mesh_, options.faults, options.seed, options.fault_pace},
      work_{mesh_, options.seed, violations_}, queues_{violations_}, budget_{violations_} {
    mesh_.wires().set_tap([this](std::size_t cable, int from_end, const frame& what) {
      auto& wires = mesh_.wires();
      work_.plaintext().on_frame(what.bytes, wires.end_of(cable, from_end), wires.end_of(cable, 1 - from_end),
                                 mesh_.runs().elapsed());
      if (!options_.work)
        budget_.on_frame(cable * 2 + static_cast<std::size_t>(from_end), wires.profile_of(cable).rate_bps, what.bytes.size());
    });
    faults_.on_change([this](const std::string& what) {
      trace(what);
      changed();
    });
    mesh_.runs().on_turn([] { outside::enter(); });
  }

  simulation_report go() {
    auto real_start = outside::real_seconds();
    try {
      phases();
    } catch (const std::exception& broken) {
      violations_.add(mesh_.runs().elapsed(), broken.what());
    }
    outside::leave();
    report_.events = mesh_.runs().events();
    report_.event_hash = mesh_.runs().hash().value();
    report_.turns = mesh_.runs().turns();
    report_.memory_bytes = outside::resident_bytes();
    report_.nodes = mesh_.size();
    report_.convergence_s = spread_of(convergence_);
    report_.requests = work_.deliveries().sent();
    report_.delivered =
      report_.requests == 0 ? 1 : static_cast<double>(work_.deliveries().answered()) / static_cast<double>(report_.requests);
    report_.objects = work_.objects().acknowledged().size();
    report_.jobs = work_.jobs();
    report_.messages = work_.messages();
    report_.streams = work_.streams().opened();
    report_.streams_whole = work_.streams().whole();
    report_.stream_bytes = work_.streams().bytes_received();
    report_.strikes = faults_.strikes();
    report_.longest_queue = queues_.longest();
    for (std::size_t i = 0; i < mesh_.size(); ++i) report_.escalations += mesh_.at(i).escalations;
    try {
      mesh_.take_down();
    } catch (const std::exception& broken) {
      violations_.add(mesh_.runs().elapsed(), std::string{"while agents end: "} + broken.what());
    }
    report_.violations = violations_.all();
    report_.real_s = outside::real_seconds() - real_start;
    return report_;
  }

private:
  void trace(const std::string& what) {
    if (options_.trace) options_.trace(fmt::format("{:9.3f} s  {}", to_ms(mesh_.runs().elapsed()) / 1000, what));
  }

  void phases() {
    mesh_.start_all();
    changed();
    look();
    if (options_.work) work_.begin();
    faults_.begin();
    auto whole = options_.time + quiet_time;
    for (auto done = 0ns; done < options_.time; done += 1s) {
      mesh_.runs().run_for(std::min<duration>(1s, options_.time - done));
      if (options_.progress) options_.progress(done, whole);
    }
    report_.bytes_per_node_second =
      static_cast<double>(mesh_.wires().bytes_carried()) / static_cast<double>(mesh_.size()) / (to_ms(options_.time) / 1000);
    work_.end();
    faults_.end();
    mesh_.runs().run_for(quiet_time);
    if (options_.progress) options_.progress(whole, whole);
    if (auto wrong = wrong_route(); !wrong.empty())
      violations_.add(mesh_.runs().elapsed(), "routes are not those of the whole mesh after quiet: " + wrong);
    report_.path_stretch = stretch();
    budget_.judge(
      [this](std::size_t wire) {
        auto& wires = mesh_.wires();
        auto end = static_cast<int>(wire % 2);
        return fmt::format("the {} from {} to {}", wires.profile_of(wire / 2).name, mesh_.at(wires.end_of(wire / 2, end)).name,
                           mesh_.at(wires.end_of(wire / 2, 1 - end)).name);
      },
      mesh_.runs().elapsed());
    if (options_.work) work_.check_all();
    mesh_.runs().run_for(6min, [this] { return work_.all_checked(); });
    if (!work_.all_checked()) violations_.add(mesh_.runs().elapsed(), "questions after quiet were never answered");
  }

  // ---- convergence -----------------------------------------------------------------------------------------------

  void changed() {
    if (!changed_at_) watch_convergence();
    budget_.set_settled(false, mesh_.runs().elapsed());
    changed_at_ = mesh_.runs().elapsed();
  }

  void watch_convergence() {
    mesh_.runs().after(converge_look_pause, [this] {
      if (!converged()) return watch_convergence();
      convergence_.push_back(to_ms(mesh_.runs().elapsed() - *changed_at_) / 1000);
      trace(fmt::format("converged after {:.1f} s", convergence_.back()));
      changed_at_.reset();
      mesh_.runs().after(settling_time, [this, number = ++settlings_] {
        if (number == settlings_ && !changed_at_) budget_.set_settled(true, mesh_.runs().elapsed());
      });
    });
  }

  /// Cables that packets are routed over, by machine: the other end, and the cable.
  const std::vector<std::vector<std::pair<std::size_t, std::size_t>>>& neighbours() {
    if (!neighbours_.empty()) return neighbours_;
    neighbours_.resize(mesh_.size());
    for (std::size_t i = 0; i < mesh_.wires().cables(); ++i)
      for (int end : {0, 1})
        if (mesh_.wires().profile_of(i).declared_class != "drop")
          neighbours_[mesh_.wires().end_of(i, end)].push_back({mesh_.wires().end_of(i, 1 - end), i});
    return neighbours_;
  }

  /// Shortest ways over cables that pass both ways between nodes that are up; SIZE_MAX where there is none.
  std::vector<std::size_t> hops_from(std::size_t start) {
    std::vector<std::size_t> hops(mesh_.size(), SIZE_MAX);
    std::deque<std::size_t> next{start};
    hops[start] = 0;
    for (; !next.empty(); next.pop_front())
      for (auto& [there, cable] : neighbours()[next.front()])
        if (hops[there] == SIZE_MAX && mesh_.at(there).is_awake() && mesh_.wires().passes(cable, 0)
            && mesh_.wires().passes(cable, 1)) {
          hops[there] = hops[next.front()] + 1;
          next.push_back(there);
        }
    return hops;
  }

  /// By machine, a number of the part of the mesh that it is in; machines that are down are alone.
  std::vector<std::size_t> parts() {
    std::vector<std::size_t> part(mesh_.size(), SIZE_MAX);
    for (std::size_t i = 0; i < mesh_.size(); ++i) {
      if (part[i] != SIZE_MAX) continue;
      if (!mesh_.at(i).is_awake()) {
        part[i] = i;
        continue;
      }
      auto hops = hops_from(i);
      for (std::size_t to = 0; to < mesh_.size(); ++to)
        if (hops[to] != SIZE_MAX) part[to] = i;
    }
    return part;
  }

  bool converged() { return wrong_route().empty(); }

  /// All nodes' routers, looked at between two turns; null where there is none.
  std::vector<const route::router_machine*> routers() {
    std::vector<const route::router_machine*> all(mesh_.size());
    for (std::size_t i = 0; i < mesh_.size(); ++i)
      if (auto* router = simulated_mesh::state_of<router_self>(mesh_.at(i).parts.router);
          mesh_.at(i).is_awake() && router != nullptr && router->machine)
        all[i] = &*router->machine;
    return all;
  }

  /// The first route that is missing, or leads to where no cable does; empty when all are right. Begins with the node that
  /// was wrong last: it is the likeliest to be wrong still.
  std::string wrong_route() {
    auto part = parts();
    auto all = routers();
    for (std::size_t step = 0; step < mesh_.size(); ++step) {
      auto i = (suspect_ + step) % mesh_.size();
      if (!mesh_.at(i).is_awake()) continue;
      std::string wrong;
      if (all[i] == nullptr) wrong = mesh_.at(i).name + " has no router";
      for (std::size_t to = 0; to < mesh_.size() && wrong.empty(); ++to) {
        if (to == i) continue;
        bool reached = false;
        for (auto c : route::each_metric_class) reached = reached || all[i]->best_way(mesh_.id_of(to), c).has_value();
        if (reached != (part[to] == part[i]))
          wrong = fmt::format("{} has {} way to {}", mesh_.at(i).name, reached ? "a" : "no", mesh_.at(to).name);
      }
      if (wrong.empty()) continue;
      suspect_ = i;
      return wrong;
    }
    return {};
  }

  double stretch() {
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < mesh_.size(); i += 1 + mesh_.size() / stretch_samples) {
      auto hops = hops_from(i);
      auto* router = simulated_mesh::state_of<router_self>(mesh_.at(i).parts.router);
      if (router == nullptr || !router->machine) continue;
      for (auto& row : router->machine->get_reachable()) {
        auto to = mesh_.number_of(row.destination);
        if (to >= mesh_.size() || to == i || hops[to] == SIZE_MAX || hops[to] == 0) continue;
        sum += static_cast<double>(row.hops) / static_cast<double>(hops[to]);
        ++count;
      }
    }
    return count == 0 ? 0 : sum / static_cast<double>(count);
  }

  // ---- looks at the running mesh ---------------------------------------------------------------------------------

  void look() {
    look_for_loops();
    look_at_queues();
    mesh_.runs().after(look_pause, [this] { look(); });
  }

  /// Of a large mesh some destinations at each look, in turn: the cost of all is the square of its size.
  void look_for_loops() {
    auto all = routers();
    std::vector<std::uint64_t> versions;
    for (auto* each : all) versions.push_back(each == nullptr ? 0 : each->version());
    if (versions != versions_looked_at_) versions_looked_at_ = std::move(versions), looks_alike_ = 0;
    if (looks_alike_++ * destinations_per_look >= mesh_.size()) return; // all of these tables have been seen
    for (std::size_t n = 0; n < std::min(mesh_.size(), destinations_per_look); ++n) {
      auto to = looked_for_++ % mesh_.size();
      for (auto c : route::each_metric_class) {
        loop_checker::next_hops next(mesh_.size(), loop_checker::nowhere);
        for (std::size_t i = 0; i < mesh_.size(); ++i) {
          if (all[i] == nullptr || i == to) continue;
          auto best = all[i]->best_way(mesh_.id_of(to), c);
          auto there = best ? mesh_.number_of(best->via) : mesh_.size();
          // over a link that the other end has forgotten, or to one that would drop it, a packet does not come back
          if (there < mesh_.size() && all[there] != nullptr && all[there]->relays_for(mesh_.id_of(i))) next[i] = there;
        }
        auto loop = loop_checker::find_loop(next);
        if (loop.empty()) continue;
        std::string way;
        for (auto each : loop) way += " " + mesh_.at(each).name;
        violations_.add(mesh_.runs().elapsed(), "a forwarding loop towards " + mesh_.at(to).name + ":" + way);
      }
    }
  }

  std::string name_of(const node_id& node) { return mesh_.at(mesh_.number_of(node)).name; }

  void look_at_queues() {
    queues_.on_queue("a mailbox", mesh_.runs().longest_mailbox(), mailbox_bound, mesh_.runs().elapsed());
    for (std::size_t i = 0; i < mesh_.size(); ++i) {
      auto& parts = mesh_.at(i).parts;
      if (auto* links = simulated_mesh::state_of<links_self>(parts.links)) {
        auto name = mesh_.at(i).name + "'s ";
        queues_.on_queue(name + "links", links->links.size(), limits::links_max, mesh_.runs().elapsed());
        queues_.on_queue(name + "strangers", links->strangers.size(), limits::strangers_max, mesh_.runs().elapsed());
      }
      if (auto* endpoint = simulated_mesh::state_of<endpoint_self>(parts.endpoint); endpoint != nullptr && endpoint->machine)
        for (auto& each : endpoint->machine->figures()) {
          auto who = mesh_.at(i).name + "'s requests ";
          queues_.on_queue(who + "to " + name_of(each.id), each.requests_out, requests_out_bound, mesh_.runs().elapsed());
          queues_.on_queue(who + "from " + name_of(each.id), each.requests_in, requests_in_bound, mesh_.runs().elapsed());
        }
    }
  }

  simulation_options options_;
  violation_list violations_;
  simulated_mesh mesh_;
  fault_injector faults_;
  workload work_;
  queue_checker queues_;
  budget_checker budget_;
  std::uint64_t settlings_ = 0;
  simulation_report report_;
  std::optional<duration> changed_at_;
  std::vector<double> convergence_;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> neighbours_;
  std::size_t suspect_ = 0;
  std::size_t looked_for_ = 0;
  std::vector<std::uint64_t> versions_looked_at_;
  std::size_t looks_alike_ = 0; ///< since the tables are these
};

} // namespace

result<simulation_report> simulate(const simulation_options& options) {
  seeded_random random{options.seed ^ 0x746f706fULL};
  auto plan = make_topology(options.topology, options.nodes, random);
  if (!plan) return plan.why();
  outside::seed(options.seed);
  outside::remember_signatures();
  auto report = run{options, *plan}.go();
  outside::leave(); // the mesh has been taken down by now
  if (auto influence = outside_influence(); !influence.empty())
    report.violations.push_back("the outside world came in: " + influence);
  return report;
}

} // namespace glow::simulation
