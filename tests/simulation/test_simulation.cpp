#include "runtime/host/files.hpp"
#include "runtime/host/log.hpp"
#include "tests/runtime/host/a_directory.hpp"
#include "tests/simulation/outside.hpp"
#include "tests/simulation/simulation.hpp"
#include "tests/simulation/topology.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <thread>

#include <sodium.h>

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
  CHECK(report->streams > 0);
  CHECK(report->stream_bytes > 100'000);
  CHECK(report->convergence_s.most < 2);
}

TEST_CASE("homes with bad wires, crashes and full disks keep all promises") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    check_clean(options_for(seed, "loss,duplication,reordering,corruption,crashes,disks", 3min));
}

TEST_CASE("homes where everything happens at once keep all promises") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) check_clean(options_for(seed, "default", 2min));
}

TEST_CASE("a hundred nodes come to the routes of the whole mesh within two seconds") {
  auto options = options_for(2, "none", 10s);
  options.topology = "random";
  options.nodes = 100;
  options.work = false;
  auto report = simulate(options);
  REQUIRE(report);
  for (auto& each : report->violations) FAIL_CHECK(each);
  CHECK(report->convergence_s.count > 0);
  CHECK(report->convergence_s.most <= 2.0); // virtual time: the machine's speed has no part in it
}

TEST_CASE("outputs that an earlier coordinator still wants committed are refused once a later one has begun") {
  check_clean(options_for(252, "default", 2min));
}

TEST_CASE("what rots on one disk is fetched again from another") { check_clean(options_for(1, "rot", 3min)); }

TEST_CASE("an idle home, its serial line too, spends no more on control traffic than its share") {
  auto options = options_for(1, "none", 10min); // the line was given up and dialled again for ever: probed as a LAN is
  options.work = false;
  check_clean(options);
}

TEST_CASE("no loop forms through a node that lost its feasible distances in a crash") {
  auto options = options_for(4, "clocks,crashes", 3min);
  options.work = false;
  check_clean(options);
}

TEST_CASE("a claim that went back is shown its newer word over several hops") {
  check_clean(options_for(27, "crashes,disks,clocks,cuts,departures", 2min));
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

TEST_CASE("the real clock, unseeded randomness and a thread among the actors are noted") {
  REQUIRE(outside_influence().empty());
  SECTION("clock") {
    outside::enter();
    (void)std::chrono::steady_clock::now();
    outside::leave();
    CHECK(outside_influence().find("clock") != std::string::npos);
  }
  SECTION("randomness") {
    outside::seed(1);
    outside::enter();
    (void)randombytes_random();
    outside::leave();
    CHECK(outside_influence().find("randomness") != std::string::npos);
  }
  SECTION("thread") {
    std::promise<void> end;
    std::thread other{[&] { end.get_future().wait(); }};
    CHECK(outside_influence().find("2 threads") != std::string::npos);
    end.set_value();
    other.join();
  }
  outside::forget();
}

TEST_CASE("a topology from a file has its machines, cables and NAT boxes, and a mistake in it is told with its line") {
  host::testing::a_directory here;
  auto with = [&](const std::string& text) {
    (void)host::write_file_atomically(here.file("mesh"), to_bytes(text), 0600);
    seeded_random random{1};
    return make_topology(here.file("mesh"), 0, random);
  };
  auto good = with("# two rooms\nmachine a\nmachine b\ncable a b wifi\nnat b symmetric 30\n");
  REQUIRE(good);
  CHECK(good->machines == std::vector<std::string>{"a", "b"});
  CHECK(good->cables.size() == 1);
  REQUIRE(good->nats.size() == 1);
  CHECK(good->nats[0].second.mapping_life == 30s);
  for (auto wrong : {"machine a\n", "machine a\nmachine b\ncable a c wifi\n", "machine a\nmachine b\ncable a b string\n",
                     "machine a\nmachine b\nnat b strict 30\n", "machine a\nmachine b\nwall a b\n"})
    CHECK(with(wrong).why().code == error_code::usage);
  CHECK(with("machine a\nmachine b\ncable a b string\n").why().message.find(":3:") != std::string::npos);
}
