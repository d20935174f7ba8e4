#include "runtime/host/log.hpp"
#include "tests/simulation/cuts.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::simulation;

TEST_CASE("a stream over two paths flows again in time after each of sixty cuts, and no byte is lost or doubled") {
  host::set_log_level(host::level::off);
  cut_options options;
  options.cuts = 60;
  auto report = simulate_cuts(options);
  REQUIRE(report);
  for (auto& each : report->violations) FAIL_CHECK(each);
  for (auto& each : report->outages_ms) CHECK(each.size() == options.cuts / cut_kinds);
  CHECK(report->bytes > 20'000'000);
  // nobody is told of a blackhole: had it been noticed at once, the cut would have been none
  CHECK(report->outages_ms[static_cast<std::size_t>(cut_kind::blackhole)].front() > 100);
}

TEST_CASE("the cuts of one seed are the same ones each time, and a medium that is none is refused") {
  host::set_log_level(host::level::off);
  cut_options options;
  options.seed = 7;
  options.cuts = 6;
  CHECK(simulate_cuts(options)->event_hash == simulate_cuts(options)->event_hash);
  options.medium = "string";
  CHECK(simulate_cuts(options).why().code == error_code::usage);
}
