#include "runtime/host/log.hpp"
#include "tests/simulation/outside.hpp"
#include "tests/simulation/simulation.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::simulation;

namespace {

simulation_options options_for(std::uint64_t seed, const std::string& faults, duration time) {
  host::set_log_level(host::level::off);
  simulation_options out;
  out.seed = seed;
  out.time = time;
  out.faults = *parse_faults(faults);
  return out;
}

void check_clean(const simulation_options& options) {
  CAPTURE(options.seed, options.topology, options.nodes);
  auto report = simulate(options);
  REQUIRE(report);
  for (auto& each : report->violations) FAIL_CHECK(each);
}

} // namespace

TEST_CASE("the same seed gives the same events, another seed others") {
  auto options = options_for(3, "default", 1min);
  auto first = simulate(options);
  auto again = simulate(options);
  CHECK(first->event_hash == again->event_hash);
  CHECK(first->events == again->events);
  options.seed = 4;
  CHECK(simulate(options)->event_hash != first->event_hash);
}

TEST_CASE("a home without faults answers every request and converges at once") {
  auto report = simulate(options_for(1, "none", 2min));
  for (auto& each : report->violations) FAIL_CHECK(each);
  CHECK(report->delivered == 1);
  CHECK(report->requests > 0);
  CHECK(report->objects > 0);
  CHECK(report->convergence_s.most < 2);
}

TEST_CASE("homes with bad wires, crashes and full disks keep all promises") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    check_clean(options_for(seed, "loss,duplication,reordering,corruption,crashes,disks", 3min));
}

TEST_CASE("a node that starts again after its calendar went back is believed at once") {
  for (std::uint64_t seed : {2u, 7u}) { // both violated while a router's epoch was the calendar's second
    auto options = options_for(seed, "clocks,departures", 3min);
    options.work = false;
    check_clean(options);
  }
}

TEST_CASE("a topology that is none, and an unknown fault, are refused with what there is") {
  auto options = options_for(1, "none", 1min);
  options.topology = "/no/such/file";
  CHECK(simulate(options).why().code == error_code::usage);
  CHECK(parse_faults("crashes,earthquakes").why().code == error_code::usage);
  CHECK(parse_faults("crashes,cuts")->size() == 2);
}

TEST_CASE("a read of the real clock among the actors is noted") {
  REQUIRE(outside_influence().empty());
  outside::enter();
  (void)std::chrono::steady_clock::now();
  outside::leave();
  CHECK(outside_influence().find("clock") != std::string::npos);
  outside::forget();
}
