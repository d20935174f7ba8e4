#include "runtime/route/stripe.hpp"

#include "runtime/route/limits.hpp"
#include "tests/runtime/route/mesh_network.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;

namespace {

/// Links to one neighbour, and what they measure.
struct neighbour {
  std::vector<link_view> links;
  stripe_tuning tuning;
  stripe shared;
  steady_time now{1h};

  explicit neighbour(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      link_view made{};
      made.id = static_cast<std::uint32_t>(i + 1);
      made.link_class = "wan";
      made.medium = "udp";
      made.packet_bytes_max = 1200;
      made.rtt = made.rtt_min = 20ms;
      links.push_back(std::move(made));
    }
    update();
  }
  link_view& at(std::uint32_t id) { return links[id - 1]; }
  void update(std::uint32_t best = 1) {
    std::vector<const link_view*> all;
    for (auto& each : links) all.push_back(&each);
    shared.update(all, best, tuning, now);
  }
  /// One measurement of each.
  void measure(const std::vector<std::pair<double, bool>>& rates_full, double loss = 0) {
    now += 200ms;
    for (std::size_t i = 0; i < rates_full.size(); ++i)
      links[i].load = {links[i].load.sample + 1, rates_full[i].first, loss, rates_full[i].second};
    update();
  }
  std::map<std::uint32_t, std::size_t> deal(std::size_t packets, std::size_t bytes = 1200) {
    std::map<std::uint32_t, std::size_t> out;
    for (std::size_t i = 0; i < packets; ++i) ++out[shared.next(bytes)];
    return out;
  }
};

} // namespace

TEST_CASE("one link has all the bulk, and nothing is measured for the sake of shares") {
  neighbour one{1};
  CHECK(one.deal(10) == std::map<std::uint32_t, std::size_t>{{1, 10}});
  CHECK(one.shared.verdict_of(1) == stripe_verdict::alone);
  CHECK_FALSE(one.shared.measures());
}

TEST_CASE(
  "an unmeasured link waits until the leader's rate is known, is tried with a small share, and grows to what it carries") {
  neighbour two{2};
  CHECK(two.shared.measures());
  CHECK(two.shared.verdict_of(2) == stripe_verdict::waits);
  CHECK(two.deal(10).size() == 1);
  two.measure({{40e6, true}});
  CHECK(two.shared.verdict_of(2) == stripe_verdict::is_tried);
  CHECK(two.shared.share_of(2) == Approx(0.2));
  double before = 0.2;
  for (int i = 0; i < 8; ++i) {
    two.measure({{40e6, true}, {40e6 * before / (1 - before), false}});
    CHECK(two.shared.share_of(2) >= before);
    before = two.shared.share_of(2);
  }
  CHECK(before > 0.45);
}

TEST_CASE("packets are dealt in proportion to the rates, in runs") {
  neighbour two{2};
  two.measure({{40e6, true}, {20e6, true}});
  auto dealt = two.deal(3000);
  CHECK(static_cast<double>(dealt[1]) / 3000 == Approx(2.0 / 3).margin(0.02));
  std::size_t changes = 0;
  std::uint32_t last = 0;
  for (int i = 0; i < 3000; ++i) changes += std::exchange(last, two.shared.next(1200)) != last;
  CHECK(changes < 3000 / 3);
}

TEST_CASE("shares sum to one, and whatever is measured and lost, every packet is somebody's who takes part") {
  rc::check([] {
    const auto count = *rc::gen::inRange<std::size_t>(1, 6);
    neighbour some{count};
    for (int round = 0; round < 20; ++round) {
      for (auto& each : some.links) {
        each.silent = *rc::gen::inRange(0, 5) == 0;
        each.rtt_min = std::chrono::milliseconds{*rc::gen::inRange(0, 60)};
        each.load = {each.load.sample + *rc::gen::inRange<std::uint64_t>(0, 2), *rc::gen::inRange(0, 1000) * 1e5,
                     *rc::gen::inRange(0, 100) / 1000.0, *rc::gen::arbitrary<bool>()};
      }
      some.now += 200ms;
      some.update(static_cast<std::uint32_t>(*rc::gen::inRange<std::size_t>(1, count + 1)));
      const bool any = std::any_of(some.links.begin(), some.links.end(), [](auto& each) { return !each.silent; });
      RC_ASSERT(any == !some.shared.members().empty());
      double sum = 0;
      for (auto& each : some.shared.members()) {
        sum += each.share;
        RC_ASSERT(!some.at(each.link).silent);
      }
      if (!any) continue;
      RC_ASSERT(std::abs(sum - 1) < 1e-6);
      for (int i = 0; i < 50; ++i) {
        const auto whose = some.shared.next(*rc::gen::inRange<std::size_t>(1, 65536));
        RC_ASSERT(some.shared.share_of(whose) > 0);
      }
    }
  });
}

TEST_CASE("a link of another class or medium, with short packets, far away, or without admission has no share") {
  auto verdict = [](auto change) {
    neighbour two{2};
    change(two.at(2));
    two.measure({{40e6, true}, {40e6, true}});
    CHECK(two.shared.members().size() == 1);
    return two.shared.verdict_of(2);
  };
  CHECK(verdict([](auto& link) { link.link_class = "local"; }) == stripe_verdict::other_class);
  CHECK(verdict([](auto& link) { link.link_class = "control"; }) == stripe_verdict::is_refused);
  CHECK(verdict([](auto& link) { link.bulk = link::bulk_wish::no; }) == stripe_verdict::is_refused);
  CHECK(verdict([](auto& link) { link.medium = "tcp"; }) == stripe_verdict::other_medium);
  CHECK(verdict([](auto& link) { link.packet_bytes_max = 600; }) == stripe_verdict::short_packets);
  CHECK(verdict([](auto& link) { link.rtt_min = 90ms; }) == stripe_verdict::far_round_trip);
  CHECK(verdict([](auto& link) { link.silent = true; }) == stripe_verdict::is_silent);
}

TEST_CASE("a link that is like the leader stays a while when it is less so, and one that is not does not come in") {
  neighbour two{2};
  two.measure({{40e6, true}, {12e6, true}});
  REQUIRE(two.shared.members().size() == 2);
  two.at(2).rtt_min = 45ms;                 // too far to come in
  two.measure({{40e6, true}, {8e6, true}}); // too slow to come in
  CHECK(two.shared.members().size() == 2);
  neighbour fresh{2};
  fresh.at(2).rtt_min = 45ms;
  fresh.measure({{40e6, true}, {12e6, true}});
  CHECK(fresh.shared.members().size() == 1);
}

TEST_CASE("a link that shows itself much slower is left out, for longer each time") {
  neighbour two{2};
  two.measure({{40e6, true}, {2e6, true}});
  CHECK(two.shared.verdict_of(2) == stripe_verdict::is_slow);
  two.now += two.tuning.left_out_first;
  two.update();
  CHECK(two.shared.verdict_of(2) == stripe_verdict::is_tried);
  two.measure({{40e6, true}, {2e6, true}});
  two.now += two.tuning.left_out_first;
  two.update();
  CHECK(two.shared.verdict_of(2) == stripe_verdict::is_slow);
}

TEST_CASE("what all links lose is congestion; the one that loses more is left out, even if it is the announced one") {
  neighbour two{2};
  for (int i = 0; i < 20; ++i) two.measure({{40e6, true}, {40e6, true}}, 0.02);
  CHECK(two.shared.members().size() == 2);
  for (int i = 0; i < 20; ++i) {
    two.at(1).load = {two.at(1).load.sample + 1, 40e6, 0.05, true};
    two.at(2).load = {two.at(2).load.sample + 1, 40e6, 0, false};
    two.now += 200ms;
    two.update();
  }
  CHECK(two.shared.verdict_of(1) == stripe_verdict::is_lossy);
  CHECK(two.shared.verdict_of(2) == stripe_verdict::leads);
}

TEST_CASE("one burst of losses, as when a queue overflows, leaves nobody out") {
  neighbour two{2};
  for (int i = 0; i < 5; ++i) two.measure({{40e6, true}, {40e6, true}});
  two.at(2).load.loss = 0.6, ++two.at(2).load.sample;
  two.update();
  for (int i = 0; i < 10; ++i) {
    two.measure({{40e6, true}, {40e6, true}});
    CHECK(two.shared.members().size() == 2);
  }
}

TEST_CASE("what was measured on another path is forgotten") {
  neighbour two{2};
  two.measure({{40e6, true}, {40e6, true}});
  two.at(2).load = {};
  two.update();
  CHECK(two.shared.verdict_of(2) == stripe_verdict::is_tried);
}

TEST_CASE("with sharing off the best link has all") {
  neighbour two{2};
  two.tuning.several = false;
  two.measure({{40e6, true}, {40e6, true}});
  CHECK(two.shared.members().size() == 1);
  CHECK_FALSE(two.shared.measures());
  CHECK(two.deal(5).begin()->first == 1);
}

TEST_CASE(
  "bulk over two links to one neighbour is shared, interactive packets are not, and a dead link's share moves in the same call") {
  mesh net{2, 3};
  const auto one = net.connect(0, 1, 10ms);
  const auto other = net.connect(0, 1, 10ms);
  net.run_for(1s);
  net.load(one, 40e6);
  net.load(other, 40e6);
  auto links_of = [&](traffic_class traffic) {
    std::vector<byte_string> payloads(200, byte_string(1000, 1));
    auto effects = net.at(0).machine->on_payloads(net.id_of(1), traffic, true, packet_batch{payloads}, net.now);
    std::map<std::uint32_t, std::size_t> out;
    for (auto& each : effects)
      if (auto* sent = std::get_if<send_packets>(&each)) {
        CHECK(sent->shared == (traffic == traffic_class::bulk));
        out[sent->link] += sent->packets.size();
      }
    return out;
  };
  auto bulk = links_of(traffic_class::bulk);
  CHECK(bulk[1] > 80);
  CHECK(bulk[2] > 80);
  CHECK(bulk[1] + bulk[2] == 200);
  CHECK(links_of(traffic_class::interactive).size() == 1);
  CHECK(net.at(0).machine->shares().size() == 2);
  const auto why = net.at(0).machine->explain(net.id_of(1));
  const auto& way = why.table_of(traffic_class::bulk).ways.at(0);
  CHECK(way.links.size() == 2);
  CHECK(link_verdict_in_words(why, traffic_class::bulk, way, way.links[1]) == "taken: carries 50 % of it");
  CHECK(decision_in_words(why, traffic_class::bulk, [](auto&) { return "n1"; })
        == "via n1 by local link 1 (link 0), 50 % and local link 2 (link 1), 50 %: the only feasible way");
  net.silence(other, true);
  CHECK(links_of(traffic_class::bulk) == std::map<std::uint32_t, std::size_t>{{1, 200}});
  net.silence(other, false);
  CHECK(links_of(traffic_class::bulk).size() == 2);
  net.cut(one);
  CHECK(net.at(0).machine->shares().empty());
  std::vector<byte_string> payloads(200, byte_string(1000, 1));
  auto effects = net.at(0).machine->on_payloads(net.id_of(1), traffic_class::bulk, true, packet_batch{payloads}, net.now);
  REQUIRE(effects.size() >= 1);
  for (auto& each : effects)
    if (auto* sent = std::get_if<send_packets>(&each)) CHECK(sent->link == other + 1);
}

TEST_CASE("a relay shares the bulk that it forwards, too") {
  mesh net{3, 3};
  net.connect(0, 1, 10ms);
  const auto one = net.connect(1, 2, 10ms);
  const auto other = net.connect(1, 2, 10ms);
  net.run_for(2s);
  net.load(one, 40e6);
  net.load(other, 40e6);
  std::vector<byte_string> packets(
    200, put_overlay_header({packet_kind::data, traffic_class::bulk, false, 9, net.id_of(0), net.id_of(2)}, byte_string(900, 1)));
  auto effects = net.at(1).machine->on_packets(1, packet_batch{packets}, net.now);
  std::map<std::uint32_t, std::size_t> links;
  for (auto& each : effects)
    if (auto* sent = std::get_if<send_packets>(&each)) links[sent->link] += sent->packets.size();
  CHECK(links.size() == 2);
  CHECK(links[static_cast<std::uint32_t>(one) + 1] > 80);
}

TEST_CASE("a link whose packets are shorter than the best one's is asked to try longer ones") {
  mesh net{2, 3};
  const auto one = net.connect(0, 1, 10ms, 0, "local", 9000);
  const auto other = net.connect(0, 1, 10ms);
  net.run_for(1s);
  CHECK(net.asked_to_try[other] > 0);
  CHECK(net.asked_to_try[one] == 0);
}
