#include "runtime/route/limits.hpp"
#include "tests/runtime/route/mesh_network.hpp"

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;

namespace {

struct line_of_three {
  mesh net{3, 11};
  std::size_t left = net.connect(0, 1, 10ms);
  std::size_t right = net.connect(1, 2, 20ms);
  line_of_three() { net.run_for(1s); }
};

} // namespace

TEST_CASE("a packet between the ends of a line is relayed and arrives with its source") {
  line_of_three l;
  l.net.send(0, 2, "hello");
  l.net.run_for(20ms);
  REQUIRE(l.net.at(2).arrived.size() == 1);
  CHECK(l.net.at(2).arrived[0].from == l.net.id_of(0));
  CHECK_FALSE(l.net.at(2).arrived[0].direct);
  CHECK(l.net.at(2).arrived[0].text == "hello");
  CHECK(l.net.at(1).machine->forwarded() == 1);
}

TEST_CASE("routes through a lost middle vanish at once and return within a second") {
  line_of_three l;
  l.net.cut(l.left);
  CHECK_FALSE(l.net.reaches(0, 1));
  CHECK_FALSE(l.net.reaches(0, 2));
  l.net.run_for(11ms); // one way to the other end
  CHECK_FALSE(l.net.reaches(2, 0));
  CHECK(l.net.reaches(2, 1));
  l.net.raise(l.left);
  l.net.run_for(999ms);
  CHECK(l.net.all_reach_all());
}

TEST_CASE("a relay that restarts is back within a second, its clock set back or not") {
  for (std::uint64_t epoch : {2000u, 10u}) {
    line_of_three l;
    l.net.cut(l.left);
    l.net.cut(l.right);
    l.net.start(1, epoch);
    l.net.run_for(300ms);
    l.net.raise(l.left);
    l.net.raise(l.right);
    l.net.run_for(999ms);
    CHECK(l.net.all_reach_all());
  }
}

TEST_CASE("a node whose epoch went back is believed again by those who know only its earlier word, however far away") {
  mesh net{4, 6}; // 0 ── 1 ── 2 ── 3
  net.connect(0, 1, 10ms);
  auto middle = net.connect(1, 2, 10ms);
  net.connect(2, 3, 10ms);
  net.run_for(1s);
  net.cut(middle);
  net.start(0, 10); // and its neighbour forgot as well
  net.start(1, 2000);
  net.find_again(0, 0);
  net.find_again(0, 1);
  net.raise(middle);
  net.run_for(999ms);
  CHECK(net.all_reach_all());
}

TEST_CASE("what a neighbour forwards by the word of an earlier life is dropped instead of sent round") {
  mesh net{4, 5}; // 3 ── 1, and the triangle 0 1 2
  auto leaf = net.connect(3, 1, 10ms);
  auto slow = net.connect(1, 0, 200ms);
  net.connect(0, 2, 10ms);
  auto slower = net.connect(2, 1, 400ms);
  net.run_for(3s);
  REQUIRE(net.row(2, 3)->next == net.id_of(0));
  net.start(1, 2000);
  net.cut(leaf);
  net.find_again(slower, 1);
  net.run_for(1s);
  REQUIRE(net.row(1, 3)->next == net.id_of(2)); // which goes by 0, and that by node 1's earlier life
  net.find_again(slow, 1);
  net.send(0, 3, "round");
  net.run_for(150ms);
  CHECK(net.at(1).machine->forwarded() == 0);
  CHECK(net.at(1).machine->drops().stale_neighbour == 1);
  net.run_for(2s);
  CHECK_FALSE(net.reaches(0, 3));
}

TEST_CASE("a direct payload reaches the neighbour only, and is proven to be from it") {
  line_of_three l;
  l.net.send(0, 1, "near", traffic_class::interactive, true);
  l.net.send(0, 2, "far", traffic_class::interactive, true);
  l.net.run_for(50ms);
  REQUIRE(l.net.at(1).arrived.size() == 1);
  CHECK(l.net.at(1).arrived[0].direct);
  CHECK(l.net.at(1).arrived[0].from == l.net.id_of(0));
  CHECK(l.net.at(2).arrived.empty());
  CHECK(l.net.at(0).machine->drops().not_a_neighbour == 1);
}

TEST_CASE("links are told which packets ask for an answer: payloads and routing do, acknowledgements do not") {
  line_of_three l;
  l.net.run_for(2s);
  l.net.sent.clear();
  l.net.run_for(2 * limits::route_refresh_max);
  CHECK(l.net.sent[link::expectation::answer] > 0);
  CHECK(l.net.sent[link::expectation::nothing] > 0);
  CHECK(l.net.sent[link::expectation::traffic] == 0);
  l.net.send(0, 2, "payload", traffic_class::interactive);
  CHECK(l.net.sent[link::expectation::traffic] > 0);
}

TEST_CASE("a payload to oneself is delivered without a link") {
  mesh net{1, 1};
  net.send(0, 0, "me");
  REQUIRE(net.at(0).arrived.size() == 1);
  CHECK(net.at(0).arrived[0].direct);
}

TEST_CASE("the longest payload of a route fits the smallest link on it, and a longer one is dropped and counted") {
  mesh net{3, 2};
  net.connect(0, 1, 10ms, 0, "local", 9000);
  net.connect(1, 2, 10ms, 0, "local", 1000);
  net.run_for(1s);
  CHECK(net.row(0, 1)->payload_bytes_max == 9000 - 2);
  REQUIRE(net.row(0, 2)->payload_bytes_max == 1000 - 66);
  net.send(0, 2, std::string(1000 - 66, 'x'));
  net.send(0, 2, std::string(1000 - 65, 'x'));
  net.run_for(50ms);
  CHECK(net.at(2).arrived.size() == 1);
  CHECK(net.at(1).machine->drops().too_long == 1);
}

TEST_CASE("bulk never crosses a control link, interactive packets do") {
  mesh net{2, 2};
  net.connect(0, 1, 10ms, 0, "control");
  net.run_for(2s);
  CHECK(net.row(0, 1, metric_class::interactive));
  CHECK_FALSE(net.row(0, 1, metric_class::bulk));
  net.send(0, 1, "small");
  net.send(0, 1, "big", traffic_class::bulk);
  net.run_for(50ms);
  CHECK(net.at(1).arrived.size() == 1);
  CHECK(net.at(0).machine->drops().no_route == 1);
}

TEST_CASE("of two links to one neighbour the better one carries, and the other takes over in the same call") {
  mesh net{2, 3};
  auto fast = net.connect(0, 1, 2ms);
  net.connect(0, 1, 40ms, 0, "wan");
  net.run_for(1s);
  CHECK(net.row(0, 1)->link == fast + 1);
  net.cut(fast);
  REQUIRE(net.row(0, 1));
  CHECK(net.row(0, 1)->link == fast + 2);
  net.send(0, 1, "still here");
  net.run_for(25ms);
  CHECK(net.at(1).arrived.size() == 1);
}

TEST_CASE("when a neighbour is lost a feasible way through another takes over in the same call") {
  mesh net{4, 4};
  auto near = net.connect(0, 1, 2ms);
  net.connect(1, 3, 10ms);
  net.connect(0, 2, 20ms);
  net.connect(2, 3, 2ms);
  net.run_for(1s);
  REQUIRE(net.row(0, 3)->next == net.id_of(1));
  net.cut(near);
  REQUIRE(net.row(0, 3));
  CHECK(net.row(0, 3)->next == net.id_of(2));
}

TEST_CASE("packets whose source or destination is no member are not carried") {
  line_of_three l;
  const auto stranger = keys_of(99).id();
  auto packet = [&](const node_id& from, const node_id& to, std::uint8_t hop_limit) {
    return packet_batch::of(
      put_overlay_header({packet_kind::data, traffic_class::interactive, false, hop_limit, from, to}, byte_string{}));
  };
  auto& relay = *l.net.at(1).machine;
  auto id = [&](std::size_t i) { return l.net.id_of(i); };
  const auto link = static_cast<std::uint32_t>(l.left + 1);
  auto sends = [&](packet_batch batch) {
    auto effects = relay.on_packets(link, std::move(batch), l.net.now);
    return std::count_if(effects.begin(), effects.end(), [](auto& e) { return std::holds_alternative<send_packets>(e); });
  };
  CHECK(sends(packet(id(0), id(2), 9)) == 1);
  CHECK(sends(packet(stranger, id(2), 9)) == 0);
  CHECK(sends(packet(id(0), stranger, 9)) == 0);
  CHECK(relay.drops().not_a_member == 2);
  CHECK(sends(packet(id(0), id(2), 1)) == 0);
  CHECK(sends(packet(id(0), id(2), 0)) == 0);
  CHECK(relay.drops().hop_limit == 2);
  CHECK(sends(packet(id(2), id(0), 9)) == 0); // back where it came from
  CHECK(relay.drops().returned == 1);
  CHECK(sends(packet(id(1), id(2), 9)) == 0); // its own, come back
  CHECK(relay.drops().returned == 2);
  l.net.expel(0);
  CHECK(sends(packet(id(0), id(2), 9)) == 0);
  CHECK_FALSE(l.net.reaches(2, 0));
}

TEST_CASE("a batch stays a batch on its way through a relay") {
  line_of_three l;
  std::vector<byte_string> packets;
  for (int i = 0; i < 40; ++i)
    packets.push_back(
      put_overlay_header({packet_kind::data, traffic_class::bulk, false, 9, l.net.id_of(0), l.net.id_of(2)}, byte_string{}));
  auto effects = l.net.at(1).machine->on_packets(static_cast<std::uint32_t>(l.left + 1), packet_batch{packets}, l.net.now);
  REQUIRE(effects.size() == 1);
  CHECK(std::get<send_packets>(effects[0]).packets.size() == 40);
}

TEST_CASE("links seal the head alone of what goes to a node that is no neighbour, and everything else as a whole") {
  line_of_three l;
  auto seal_of = [](const router_effects& effects) {
    REQUIRE(effects.size() == 1);
    return std::get<send_packets>(effects[0]).seal;
  };
  auto& left = *l.net.at(0).machine;
  auto payloads = [] { return packet_batch::of(byte_string(100, 1)); };
  CHECK(seal_of(left.on_payloads(l.net.id_of(2), traffic_class::bulk, false, payloads(), l.net.now)) == link::sealing::head);
  CHECK(seal_of(left.on_payloads(l.net.id_of(1), traffic_class::bulk, true, payloads(), l.net.now)) == link::sealing::whole);
  auto relayed = [&](packet_kind kind) {
    auto packet = put_overlay_header({kind, traffic_class::bulk, false, 9, l.net.id_of(0), l.net.id_of(2)}, byte_string(100, 1));
    return l.net.at(1).machine->on_packets(static_cast<std::uint32_t>(l.left + 1), packet_batch::of(packet), l.net.now);
  };
  CHECK(seal_of(relayed(packet_kind::data)) == link::sealing::head);
  CHECK(seal_of(relayed(packet_kind::trace)) == link::sealing::whole);
}

TEST_CASE("garbage from a link is counted and answered by nothing") {
  line_of_three l;
  seeded_random random{6};
  for (int i = 0; i < 3000; ++i) {
    byte_string packet(random.next_below(300));
    random.fill(packet);
    auto effects = l.net.at(1).machine->on_packets(static_cast<std::uint32_t>(l.left + 1), packet_batch::of(packet), l.net.now);
    for (auto& each : effects) CHECK_FALSE(std::holds_alternative<send_packets>(each));
  }
  CHECK(l.net.at(1).machine->drops().malformed > 1000);
  CHECK(l.net.all_reach_all());
}

TEST_CASE("a trace names every hop, its round trip and the links between") {
  line_of_three l;
  auto id = l.net.trace(0, 2);
  l.net.run_for(100ms);
  REQUIRE(l.net.at(0).traces.contains(id));
  auto& steps = *l.net.at(0).traces.at(id);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].node == l.net.id_of(1));
  CHECK(steps[0].rtt == 10ms);
  CHECK(steps[0].link == "link 0");
  CHECK(steps[1].node == l.net.id_of(2));
  CHECK(steps[1].rtt == 30ms);
  CHECK(steps[1].link == "link 1");
  CHECK(steps[1].link_class == "local");
}

TEST_CASE("a trace through loss repeats its probes, and one without a way ends with the reason") {
  mesh net{4, 21};
  net.connect(0, 1, 10ms, 0.4);
  net.connect(1, 2, 10ms, 0.4);
  net.run_for(5s);
  auto id = net.trace(0, 2, 30s);
  net.run_for(30s);
  CHECK(net.at(0).traces.at(id).ok());
  router_effects effects;
  auto none = net.at(0).machine->start_trace(net.id_of(3), 1s, net.now, effects);
  REQUIRE_FALSE(none.ok());
  CHECK(none.why().code == error_code::unreachable);
  auto lost = net.trace(0, 2, 1s);
  net.cut(0);
  net.run_for(2s);
  REQUIRE(net.at(0).traces.contains(lost));
  CHECK(net.at(0).traces.at(lost).why().code == error_code::timed_out);
}

TEST_CASE("packets are counted by traffic class, where they come in, pass and begin") {
  line_of_three l;
  auto traffic = [&](std::size_t node) { return l.net.at(node).machine->traffic(); };
  const auto before = traffic(1);
  CHECK(before.routing_in.packets > 0);
  CHECK(before.routing_out.packets > 0);
  CHECK(before.table_changes > 0);
  l.net.send(0, 2, "hello", traffic_class::bulk);
  l.net.send(0, 1, "near", traffic_class::interactive, true);
  l.net.run_for(50ms);
  const auto bulk = static_cast<std::size_t>(traffic_class::bulk);
  const auto interactive = static_cast<std::size_t>(traffic_class::interactive);
  CHECK(traffic(0).originated[bulk].packets == 1);
  CHECK(traffic(0).originated[bulk].bytes == routed_header_bytes + 5);
  CHECK(traffic(1).received[bulk].packets == 1);
  CHECK(traffic(1).forwarded[bulk].packets == 1);
  CHECK(traffic(1).forwarded[bulk].bytes == routed_header_bytes + 5);
  CHECK(traffic(1).received[interactive].bytes == direct_header_bytes + 4);
  CHECK(traffic(1).forwarded[interactive].packets == 0);
  CHECK(traffic(2).received[bulk].packets == 1);
}

TEST_CASE("of many changes the first ones after a quiet time are told at once, and the rest together") {
  mesh net{4, 15};
  std::vector<std::size_t> links;
  for (std::size_t to : {1u, 2u, 3u}) links.push_back(net.connect(0, to, 10ms));
  net.run_for(5s);
  auto& told = net.at(0).told_at;
  told.clear();
  for (int i = 0; i < 60; ++i) { // one link or another goes or comes back every 10 ms
    auto link = links[static_cast<std::size_t>(i % 3)];
    i % 6 < 3 ? net.cut(link) : net.raise(link);
    net.run_for(10ms);
  }
  net.run_for(1s);
  REQUIRE(told.size() >= 4);
  CHECK(told[2] - told[0] <= 20ms);
  CHECK(told[3] - told[0] >= limits::routes_told_pause);
  CHECK(told.size() <= 600ms / limits::routes_told_pause + limits::routes_told_in_a_row + 1);
  CHECK(told.back() - told[0] >= 600ms); // the last word is told, too
}
