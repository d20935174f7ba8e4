#include "tests/runtime/route/mesh_network.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;

namespace {

/// A connected random graph: a random tree, and some links more.
void connect_randomly(mesh& net, seeded_random& random, std::size_t extra, double loss) {
  auto rtt = [&] { return duration{static_cast<duration::rep>(1'000'000 + random.next_below(30'000'000))}; };
  auto link_class = [&] { return random.next_below(5) == 0 ? "control" : random.next_below(2) == 0 ? "local" : "wan"; };
  for (std::size_t i = 1; i < net.size(); ++i) net.connect(i, random.next_below(i), rtt(), loss, link_class());
  for (std::size_t k = 0; k < extra; ++k) {
    auto a = random.next_below(net.size());
    auto b = random.next_below(net.size());
    if (a != b) net.connect(a, b, rtt(), loss, link_class());
  }
}

/// A node starts anew and finds its links again one by one, while its neighbours never gave them up.
void restart_some_node(mesh& net, seeded_random& random, std::uint64_t life) {
  const auto node = random.next_below(net.size());
  net.start(node, 1000 + life);
  if (random.next_below(2) == 0) net.cut(random.next_below(net.links())); // so that ways lead elsewhere
  const auto first = random.next_below(net.links());
  for (std::size_t i = 0; i < net.links(); ++i) {
    const auto link = (first + i) % net.links();
    if (net.link(link).a != node && net.link(link).b != node) continue;
    net.run_for(duration{static_cast<duration::rep>(random.next_below(300'000'000))});
    net.find_again(link, node);
  }
  for (std::size_t i = 0; i < net.links(); ++i) net.raise(i);
}

/// Laws that hold however routes are tuned.
route_tuning some_tuning(seeded_random& random) { return random.next_below(2) == 0 ? eager : route_tuning{}; }

/// Empty when every table equals the shortest ways over the links that are up.
std::string differs_from_shortest(mesh& net) {
  for (auto c : each_metric_class)
    for (std::size_t to = 0; to < net.size(); ++to) {
      auto shortest = net.shortest_to(to, c);
      for (std::size_t from = 0; from < net.size(); ++from) {
        if (from == to) continue;
        auto row = net.row(from, to, c);
        const auto where = std::to_string(from) + " to " + std::to_string(to) + " in table " + std::to_string(index_of(c));
        if (row.has_value() != shortest.contains(from)) return where + (row ? " is a ghost" : " is missing");
        if (row && row->cost != shortest[from])
          return where + " costs " + std::to_string(row->cost) + ", not " + std::to_string(shortest[from]);
      }
    }
  return {};
}

} // namespace

TEST_CASE("no loop ever forms while random links fail and return, even with loss and reordering") {
  REQUIRE(rc::check("loop freedom", [] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    seeded_random random{seed};
    mesh net{3 + random.next_below(6), random.next_u64(), some_tuning(random)};
    const double loss = random.next_below(2) == 0 ? 0.0 : 0.15;
    connect_randomly(net, random, random.next_below(7), loss);
    net.check_loops = true;
    for (int k = 0; k < 12; ++k) {
      net.run_for(duration{static_cast<duration::rep>(random.next_below(400'000'000))});
      auto link = random.next_below(net.links());
      if (random.next_below(4) == 0)
        net.measure(link, duration{static_cast<duration::rep>(1'000'000 + random.next_below(90'000'000))});
      else if (net.link(link).up)
        net.cut(link);
      else
        net.raise(link);
      RC_ASSERT(!net.has_loop());
    }
    net.run_for(1s);
    RC_ASSERT(!net.loop_seen);
  }));
}

TEST_CASE("no loop ever forms through a node that restarts while its neighbours still believe its earlier life") {
  REQUIRE(rc::check("loop freedom across lives", [] {
    seeded_random random{*rc::gen::arbitrary<std::uint64_t>()};
    mesh net{3 + random.next_below(6), random.next_u64(), some_tuning(random)};
    connect_randomly(net, random, 1 + random.next_below(7), random.next_below(2) == 0 ? 0.0 : 0.15);
    net.run_for(2s);
    net.check_loops = true;
    for (std::uint64_t life = 1; life <= 6; ++life) restart_some_node(net, random, life);
    net.run_for(3s);
    RC_ASSERT(!net.loop_seen);
    RC_ASSERT(net.all_reach_all());
  }));
}

TEST_CASE("tables come to the shortest ways within two seconds after the last change") {
  REQUIRE(rc::check("convergence", [] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    seeded_random random{seed};
    mesh net{3 + random.next_below(6), random.next_u64()};
    connect_randomly(net, random, random.next_below(7), 0);
    for (int k = 0; k < 8; ++k) {
      net.run_for(duration{static_cast<duration::rep>(random.next_below(1'000'000'000))});
      auto link = random.next_below(net.links());
      net.link(link).up ? net.cut(link) : net.raise(link);
    }
    net.run_for(2s);
    auto wrong = differs_from_shortest(net);
    if (!wrong.empty()) RC_FAIL(wrong);
  }));
}

TEST_CASE("an update lost on the way heals without waiting for a refresh") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    mesh net{4, seed};
    net.connect(0, 1, 10ms, 0.3);
    net.connect(1, 2, 10ms, 0.3);
    auto last = net.connect(2, 3, 10ms, 0.3);
    net.run_for(5s);
    REQUIRE(net.all_reach_all());
    net.cut(last);
    net.run_for(4s);
    REQUIRE_FALSE(net.reaches(0, 3));
    net.raise(last);
    net.run_for(5s);
    REQUIRE(net.all_reach_all());
  }
}

TEST_CASE("a node that leaves disappears everywhere, and nobody counts to infinity") {
  mesh net{6, 42};
  for (std::size_t i = 0; i < 5; ++i) net.connect(i, (i + 1) % 5, 4ms); // a ring of five
  auto tail = net.connect(4, 5, 4ms);
  net.run_for(2s);
  REQUIRE(net.all_reach_all());
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < 6; ++i) before += net.at(i).routing_packets;
  net.cut(tail);
  net.run_for(100ms);
  std::uint64_t after = 0;
  for (std::size_t i = 0; i < 6; ++i) after += net.at(i).routing_packets;
  for (std::size_t i = 0; i < 5; ++i) CHECK_FALSE(net.reaches(i, 5));
  CHECK(after - before < 60); // a retraction over each link and its acknowledgement, not a climb step by step
}

TEST_CASE("an idle mesh sleeps for at least ten seconds at a time") {
  mesh net{4, 5};
  for (std::size_t i = 0; i < 3; ++i) net.connect(i, i + 1, 4ms);
  net.run_for(5s);
  std::uint64_t before = net.at(1).wakes;
  net.run_for(600s);
  CHECK(net.at(1).wakes - before <= 60);
  CHECK(net.all_reach_all());
}

TEST_CASE("routes live on over many refreshes and heavy loss") {
  mesh net{5, 77};
  for (std::size_t i = 0; i < 4; ++i) net.connect(i, i + 1, 20ms, 0.2, "wan");
  net.run_for(10s);
  for (int k = 0; k < 60; ++k) {
    net.run_for(30s);
    REQUIRE(net.all_reach_all());
  }
}

TEST_CASE("alike ways do not flap when measurements wobble") {
  mesh net{4, 3, route_tuning{}};
  auto left = net.connect(0, 1, 20ms);
  net.connect(1, 3, 20ms);
  auto right = net.connect(0, 2, 20ms);
  net.connect(2, 3, 20ms);
  net.run_for(2s);
  const auto chosen = net.row(0, 3)->next;
  seeded_random random{8};
  for (int k = 0; k < 100; ++k) {
    net.measure(left, duration{19ms} + duration{static_cast<duration::rep>(random.next_below(2'000'000))});
    net.measure(right, duration{19ms} + duration{static_cast<duration::rep>(random.next_below(2'000'000))});
    net.run_for(100ms);
    REQUIRE(net.row(0, 3)->next == chosen);
  }
}

TEST_CASE("what an idle mesh says to refresh its routes does not grow with the number of nodes") {
  auto packets_for = [](std::size_t nodes) {
    mesh net{nodes, 9, route_tuning{}};
    for (std::size_t i = 1; i < nodes; ++i) net.connect(i - 1, i, 2ms);
    net.run_for(30s);
    auto before = net.at(1).routing_packets;
    net.run_for(600s);
    return net.at(1).routing_packets - before;
  };
  const auto few = packets_for(4), many = packets_for(40);
  CHECK(few > 0);
  CHECK(many < 2 * few);
}

TEST_CASE("a member that a node hears of late is reached at once, although its routes were refused before") {
  mesh net{3, 4, route_tuning{}};
  net.expel_at(0, 2);
  net.connect(0, 1, 4ms);
  net.connect(1, 2, 4ms);
  net.run_for(5s);
  REQUIRE_FALSE(net.reaches(0, 2));
  net.admit_at(0);
  net.run_for(1s);
  CHECK(net.reaches(0, 2));
}

TEST_CASE("a way of thirty hops is a way") {
  mesh net{31, 5};
  for (std::size_t i = 1; i < net.size(); ++i) net.connect(i - 1, i, 1ms);
  net.run_for(2s);
  REQUIRE(net.reaches(0, 30));
  CHECK(net.row(0, 30)->hops == 30);
  net.send(0, 30, "far");
  net.run_for(100ms);
  CHECK(net.at(30).arrived.size() == 1);
}

TEST_CASE("a packet of an earlier life that is overtaken by the next life does not make its neighbours deaf") {
  seeded_random random{798047928519859}; // found by the law above
  mesh net{3 + random.next_below(6), random.next_u64()};
  connect_randomly(net, random, 1 + random.next_below(7), random.next_below(2) == 0 ? 0.0 : 0.15);
  net.run_for(2s);
  for (std::uint64_t life = 1; life <= 6; ++life) restart_some_node(net, random, life);
  net.run_for(3s);
  CHECK(net.all_reach_all());
}

TEST_CASE("a newer claim is told to who asked for it, not to the whole mesh") {
  // 0 loses its short way to 3, and the long one is not feasible before 3 has raised its claim
  mesh net{24, 3, route_tuning{}};
  net.connect(0, 3, 1ms);
  net.connect(0, 1, 2ms);
  net.connect(1, 2, 2ms);
  net.connect(2, 3, 2ms);
  for (std::size_t i = 4; i < net.size(); ++i) net.connect(3, i, 1ms);
  net.run_for(5s);
  std::uint64_t before = 0, after = 0;
  for (std::size_t i = 4; i < net.size(); ++i) before += net.at(i).routing_packets;
  net.cut(0);
  net.run_for(2s);
  for (std::size_t i = 4; i < net.size(); ++i) after += net.at(i).routing_packets;
  CHECK(net.reaches(0, 3));
  CHECK(net.reaches(3, 0));
  // each of the twenty leaves acknowledges what moved: a few packets, not one for each claim and way
  CHECK(after - before <= 4 * (net.size() - 4));
}
