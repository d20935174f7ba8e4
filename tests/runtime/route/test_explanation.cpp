#include "runtime/route/explanation.hpp"

#include "tests/runtime/route/mesh_network.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;

namespace {

constexpr auto every_class = {traffic_class::control, traffic_class::interactive, traffic_class::bulk};

struct explained {
  mesh& net;
  std::size_t from;
  std::size_t to;
  explanation what = net.at(from).machine->explain(net.id_of(to));

  name_lookup names() const {
    return [this](const node_id& node) { return "n" + std::to_string(net.index(node)); };
  }
  std::string decision(traffic_class traffic = traffic_class::interactive) const {
    return decision_in_words(what, traffic, names());
  }
  const judged_way& way_via(std::size_t via, traffic_class traffic = traffic_class::interactive) const {
    for (auto& each : what.table_of(traffic).ways)
      if (each.what.via == net.id_of(via)) return each;
    FAIL("no way via n" << via);
    std::abort();
  }
  std::string verdict(std::size_t via, traffic_class traffic = traffic_class::interactive) const {
    return verdict_in_words(what, traffic, way_via(via, traffic), names());
  }
};

const judged_way* taken(const judged_table& table) {
  for (auto& each : table.ways)
    if (each.what.chosen && each.what.feasible && each.what.cost != infinite_metric) return &each;
  return nullptr;
}

} // namespace

TEST_CASE("a way that is the only one is explained with its link") {
  mesh net{2, 1};
  net.connect(0, 1, 10ms);
  net.run_for(1s);
  CHECK(explained{net, 0, 1}.decision() == "via n1 by local link 1 (link 0): the only feasible way");
  CHECK(explained{net, 0, 1}.verdict(1) == "taken: the only feasible way");
}

TEST_CASE("of two ways the dearer one is told with both costs") {
  mesh net{4, 1}; // 0 ─ 1 ─ 3 and 0 ─ 2 ─ 3
  net.connect(0, 1, 10ms);
  net.connect(1, 3, 10ms);
  net.connect(0, 2, 20ms);
  net.connect(2, 3, 20ms);
  net.run_for(2s);
  explained why{net, 0, 3};
  CHECK(why.decision() == "via n1 by local link 1 (link 0): the cheapest of 2 feasible ways");
  CHECK(why.way_via(1).promised < why.way_via(1).what.cost);
  CHECK(why.verdict(2) == "ready; costs 22.0 ms, the way taken 12.0 ms");
}

TEST_CASE("a way that is kept by hysteresis says how much cheaper the other one is, and how much it would take") {
  route_tuning patient = eager;
  patient.switch_share = 0.5;
  mesh net{4, 1, patient};
  net.connect(0, 1, 20ms);
  net.connect(1, 3, 20ms);
  net.run_for(1s);
  net.connect(0, 2, 15ms);
  net.connect(2, 3, 15ms);
  net.run_for(2s);
  explained why{net, 0, 3};
  CHECK(why.decision()
        == "via n1 by local link 1 (link 0): kept, although the way via n2 is 23 % cheaper: a change must save 50 %");
  CHECK(why.verdict(2) == "ready; 23 % cheaper than the way taken, and a change must save 50 %");
}

TEST_CASE("bulk over a control link is refused with the link's name, interactive traffic is not") {
  mesh net{2, 1};
  net.connect(0, 1, 900ms, 0, "control");
  net.run_for(30s);
  explained why{net, 0, 1};
  CHECK(why.decision(traffic_class::control) == "via n1 by control link 1 (link 0): the only feasible way");
  CHECK(why.decision(traffic_class::bulk)
        == "no way: n1: bulk is refused over control link 1 (link 0): it carries control and small interactive messages");
}

TEST_CASE("of several links to one neighbour each says what speaks for or against it") {
  mesh net{2, 1};
  net.connect(0, 1, 10ms);
  net.connect(0, 1, 40ms);
  net.connect(0, 1, 900ms, 0, "control");
  net.run_for(2s);
  explained why{net, 0, 1};
  auto words = [&](traffic_class traffic) {
    std::vector<std::string> out;
    auto& way = why.way_via(1, traffic);
    for (auto& each : way.links) out.push_back(link_verdict_in_words(why.what, traffic, way, each));
    return out;
  };
  CHECK(words(traffic_class::interactive)
        == std::vector<std::string>{"taken", "ready; costs 21.0 ms, link 1 6.0 ms, and a change must save 0 %",
                                    "ready; costs 451 ms, link 1 6.0 ms, and a change must save 0 %"});
  CHECK(words(traffic_class::bulk).at(2)
        == "bulk is refused over control link 3 (link 2): it carries control and small interactive messages");
}

TEST_CASE("a way that was lost leaves the infeasible one, with the distance that it breaks") {
  mesh net{4, 1}; // 0 ─ 3 near; 0 ─ 1 ─ 3 longer, and 1 has no other way than through 0 when its own link goes
  net.connect(0, 3, 10ms);
  net.connect(0, 1, 10ms);
  net.connect(1, 3, 60ms);
  net.run_for(2s);
  explained why{net, 0, 3};
  CHECK(why.way_via(1).promised == infinite_metric); // 1's own way leads through 0
  CHECK(why.verdict(1) == "n1 offers no interactive way: it has none, or its own leads through here");
  net.measure(0, 400ms); // 0's way is dear now, 1 goes its own, which 0 must not trust before a newer claim
  bool told = false;
  for (int i = 0; i < 200 && !told; ++i) {
    net.run_for(1ms);
    explained now{net, 0, 3};
    if (now.way_via(1).what.feasible || now.way_via(1).promised == infinite_metric) continue;
    CHECK_THAT(now.verdict(1),
               Catch::StartsWith("not feasible: its promise of 31.0 ms is not below the feasible distance 6.0 ms"));
    CHECK_THAT(now.decision(), Catch::EndsWith(": the only feasible way")); // cheaper or not, the other one is none
    told = true;
  }
  CHECK(told);
  net.run_for(2s);
  CHECK_THAT(explained(net, 0, 3).decision(), Catch::StartsWith("via n1 "));
}

TEST_CASE("nodes without a way, strangers and this node itself are told apart") {
  mesh net{4, 1};
  CHECK(explained{net, 0, 0}.decision() == "this is the node itself");
  CHECK(explained{net, 0, 1}.decision() == "no way: no neighbour is linked");
  net.connect(0, 1, 10ms);
  net.run_for(1s);
  CHECK(explained{net, 0, 2}.decision() == "no way: no neighbour offers one");
  net.expel(3);
  CHECK(explained{net, 0, 3}.decision() == "no way: it is no member of this namespace");
}

TEST_CASE("an explanation tells of the very way that packets take, in any mesh, at any time") {
  CHECK(rc::check([] {
    const auto count = *rc::gen::inRange<std::size_t>(2, 7);
    mesh net{count, *rc::gen::inRange<std::uint64_t>(1, 1000)};
    const auto pairs = *rc::gen::container<std::vector<std::pair<std::size_t, std::size_t>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, count), rc::gen::inRange<std::size_t>(0, count)));
    for (auto [a, b] : pairs) {
      if (a == b) continue;
      const auto kind = *rc::gen::element<std::string>("local", "wan", "control", "drop");
      net.connect(a, b, std::chrono::milliseconds{*rc::gen::inRange(1, 200)}, 0, kind);
      net.run_for(std::chrono::milliseconds{*rc::gen::inRange(0, 300)});
    }
    if (net.links() > 0) net.cut(*rc::gen::inRange<std::size_t>(0, net.links()));
    for (std::size_t from = 0; from < count; ++from)
      for (std::size_t to = 0; to < count; ++to) {
        explained why{net, from, to};
        for (auto traffic : every_class) {
          const auto best = net.at(from).machine->best_way(net.id_of(to), metric_class_of(traffic));
          auto* told = taken(why.what.table_of(traffic));
          RC_ASSERT((told != nullptr) == best.has_value());
          if (told)
            RC_ASSERT(told->what.via == best->via && told->what.cost == best->cost
                      && told == &why.what.table_of(traffic).ways[0]);
          const auto words = why.decision(traffic);
          RC_ASSERT(words.starts_with(told ? "via " : from == to ? "this" : "no way"));
          for (auto& each : why.what.table_of(traffic).ways)
            RC_ASSERT(verdict_in_words(why.what, traffic, each, why.names()).starts_with("taken") == (&each == told));
        }
      }
  }));
}

TEST_CASE("costs are told as times") {
  CHECK(cost_in_words(metric_class::interactive, 1500) == "1.5 ms");
  CHECK(cost_in_words(metric_class::interactive, 451'000) == "451 ms");
  CHECK(cost_in_words(metric_class::bulk, 84'000) == "84.0 ms per MiB");
  CHECK(cost_in_words(metric_class::bulk, infinite_metric) == "infinite");
}
