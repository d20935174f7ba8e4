#include "runtime/route/limits.hpp"
#include "tests/runtime/route/mesh_network.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;

namespace {

/// A table for node 0, whose neighbour is node 1; node 2 is a member behind it, node 3 is none.
struct fixture {
  seeded_random random{1};
  distance_vector table{keys_of(0), 1000, random, eager};
  steady_time now{1h};
  std::uint64_t number = 0;
  std::size_t answers = 0;

  fixture() {
    std::vector<node_id> members{id(0), id(1), id(2)};
    std::sort(members.begin(), members.end());
    (void)table.set_members(members, now);
    (void)table.set_neighbour(id(1), between(1000), now);
  }
  static node_id id(unsigned n) { return keys_of(n).id(); }
  static adjacency between(metric cost) { return {{cost, cost}, {1200, 1200}, 1198, 10ms, 1e9}; }

  std::vector<control_packet> hear(control_packet packet, unsigned from = 1) {
    auto effects = table.on_control(id(from), encode(packet), now);
    std::vector<control_packet> out;
    for (auto& each : effects.send) out.push_back(*decode_control_packet(each.body));
    return out;
  }
  std::vector<control_packet> hear(route_update update, std::uint64_t session = 77) {
    control_packet packet{session, ++number, 0, {}, {}, {}};
    packet.updates.push_back(std::move(update));
    return hear(packet);
  }
  static route_update offer_of(unsigned origin, claim what, metric cost, std::uint8_t hops = 1) {
    offer told{cost, hops, 1000};
    return {id(origin), sign_claim(keys_of(origin), what), {told, told}};
  }
  bool knows(unsigned n) const { return table.best(id(n), metric_class::interactive).has_value(); }
};

} // namespace

TEST_CASE("an announcement signed by its origin becomes a route in both tables") {
  fixture f;
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  for (auto c : each_metric_class) {
    auto found = f.table.best(fixture::id(2), c);
    REQUIRE(found);
    CHECK(found->via == fixture::id(1));
    CHECK(found->cost == over_hop(c, 1000, 2000));
    CHECK(found->hops == 2);
    CHECK(found->packet_bytes_max == 1000);
  }
}

TEST_CASE("a forged announcement is refused") {
  fixture f;
  SECTION("signed by the relay instead of the origin") {
    auto update = fixture::offer_of(2, {500, 1}, 2000);
    update.said = sign_claim(keys_of(1), {500, 1});
    f.hear(update);
  }
  SECTION("the sequence number raised by the relay") {
    auto update = fixture::offer_of(2, {500, 1}, 2000);
    update.said.what.seqno = 9;
    f.hear(update);
  }
  SECTION("the signature left out") {
    auto update = fixture::offer_of(2, {500, 1}, 2000);
    update.said.by_origin = {};
    f.hear(update);
  }
  SECTION("a relay that says it is the origin") { f.hear(fixture::offer_of(2, {500, 1}, 0, 0)); }
  CHECK_FALSE(f.knows(2));
  CHECK(f.table.counters().forged == 1);
}

TEST_CASE("a valid claim does not open the door for a forged newer one") {
  fixture f;
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  auto update = fixture::offer_of(2, {500, 1}, 10);
  update.said.what.seqno = 2;
  f.hear(update);
  CHECK(f.table.counters().forged == 1);
  CHECK(f.table.best(fixture::id(2), metric_class::interactive)->cost == 3000);
}

TEST_CASE("a claim that is known does not open the door for its forged signature") {
  fixture f;
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  const auto forged = f.table.counters().forged;
  auto update = fixture::offer_of(2, {500, 1}, 1000);
  update.said.by_origin.value[3] ^= 1;
  f.hear(update);
  CHECK(f.table.counters().forged == forged + 1);
  CHECK(f.table.best(fixture::id(2), metric_class::interactive)->cost == over_hop(metric_class::interactive, 1000, 2000));
}

TEST_CASE("strangers are not routed to, and the expelled are forgotten at once") {
  fixture f;
  f.hear(fixture::offer_of(3, {500, 1}, 2000));
  CHECK_FALSE(f.knows(3));
  CHECK(f.table.counters().strangers == 1);
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  REQUIRE(f.knows(2));
  auto effects = f.table.set_members({fixture::id(1)}, f.now);
  CHECK(effects.changed);
  CHECK_FALSE(f.knows(2));
}

TEST_CASE("an older epoch is refused, and its origin is shown its own newer word") {
  fixture f;
  f.hear(fixture::offer_of(1, {500, 7}, 0, 0));
  REQUIRE(f.knows(1));
  auto answers = f.hear(fixture::offer_of(1, {400, 1}, 0, 0));
  CHECK(f.table.counters().outdated == 1);
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0].requests.size() == 1);
  CHECK(answers[0].requests[0].newer_than.what == claim{500, 7});
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  f.hear(fixture::offer_of(2, {499, 9}, 1));
  CHECK(f.table.best(fixture::id(2), metric_class::interactive)->cost == 3000);
}

TEST_CASE("a node raises its claim only over words that it has signed itself") {
  fixture f;
  auto ask = [&](signed_claim newer_than) {
    control_packet packet{77, ++f.number, 0, {}, {}, {}};
    packet.requests.push_back({fixture::id(0), newer_than, metric_class::interactive, 4});
    f.now += 1s;
    return f.hear(packet);
  };
  ask({{1000, 1}, {}});
  CHECK(f.table.own_claim() == claim{1000, 2});
  ask({{5000, 1}, {}}); // nobody can push it ahead
  CHECK(f.table.own_claim() == claim{1000, 2});
  CHECK(f.table.counters().forged == 1);
  ask(sign_claim(keys_of(0), {5000, 3})); // from a life when the clock was ahead
  CHECK(f.table.own_claim() == claim{5000, 4});
  ask({{900, 1}, {}});
  CHECK(f.table.own_claim() == claim{5000, 4});
}

TEST_CASE("an overtaken packet and an earlier session change nothing") {
  fixture f;
  control_packet late{77, 1, 0, {}, {fixture::offer_of(2, {500, 1}, 2000)}, {}};
  f.number = 1;
  f.hear(fixture::offer_of(2, {500, 1}, infinite_metric));
  f.hear(late);
  CHECK_FALSE(f.knows(2));
  CHECK(f.table.counters().outdated == metric_classes);
  f.hear(fixture::offer_of(2, {500, 1}, 2000), 78);
  REQUIRE(f.knows(2));
  f.number = 50;
  f.hear(fixture::offer_of(2, {500, 1}, infinite_metric), 77);
  CHECK(f.knows(2));
}

TEST_CASE("a neighbour's new session voids what the old one said") {
  fixture f;
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  REQUIRE(f.knows(2));
  f.hear(fixture::offer_of(1, {500, 1}, 0, 0), 78);
  CHECK_FALSE(f.knows(2));
  CHECK(f.knows(1));
}

TEST_CASE("updates are repeated until they are acknowledged, then nothing is said before the refresh") {
  fixture f;
  auto first = f.table.wake_at();
  CHECK(first <= f.now + limits::route_retransmit_unmeasured);
  auto effects = f.table.on_tick(first);
  REQUIRE(effects.send.size() == 1);
  auto packet = *decode_control_packet(effects.send[0].body);
  REQUIRE(packet.updates.size() == 1);
  CHECK(packet.updates[0].origin == fixture::id(0));
  f.hear(control_packet{77, 0, packet.session, {packet.number, packet.number - 1}, {}, {}});
  // the first word of the neighbour has it all told once more, as it may have missed what came before
  auto again = f.table.on_tick(f.table.wake_at());
  CHECK(f.table.wake_at() > f.now);
}

TEST_CASE("a digest of what a neighbour told keeps its ways alive, and another one is answered by asking for everything") {
  fixture f;
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  const offer told{2000, 1, 1000};
  const auto same = offer_digest(fixture::id(2), metric_class::interactive, told, {500, 1})
                    + offer_digest(fixture::id(2), metric_class::bulk, told, {500, 1});
  auto hear_digest = [&](std::uint64_t digest) {
    control_packet packet{77, ++f.number, 0, {}, {}, {}};
    packet.digest = digest;
    auto answers = f.hear(packet);
    return std::any_of(answers.begin(), answers.end(), [](auto& each) { return each.asks_table; });
  };
  for (int k = 0; k < 4; ++k) { // longer than routes live
    f.now += limits::route_life / 2;
    CHECK_FALSE(hear_digest(same));
    (void)f.table.on_tick(f.now);
    REQUIRE(f.knows(2));
  }
  CHECK(hear_digest(same + 1));
  f.now += limits::route_life + 1s;
  (void)f.table.on_tick(f.now);
  CHECK_FALSE(f.knows(2));
}

TEST_CASE("who asks for everything is told everything") {
  fixture f;
  (void)f.table.set_neighbour(fixture::id(2), fixture::between(1000), f.now);
  f.hear(fixture::offer_of(2, {500, 1}, 2000));
  control_packet packet{77, ++f.number, 0, {}, {}, {}};
  packet.asks_table = true;
  std::set<node_id> told;
  for (auto& each : f.hear(packet))
    for (auto& update : each.updates) told.insert(update.origin);
  CHECK(told.contains(fixture::id(0)));
}

TEST_CASE("a neighbour that never answers is left alone until the refresh") {
  fixture f;
  std::size_t sent = 0;
  while (f.table.wake_at() < f.now + 29s) {
    auto effects = f.table.on_tick(f.table.wake_at());
    sent += effects.send.size();
    REQUIRE(sent < 20);
  }
  CHECK(sent >= 5);
}

TEST_CASE("ways that keep changing do not starve the others on a slow link") {
  fixture f;
  constexpr unsigned slow = 40;
  std::vector<node_id> members, origins;
  for (unsigned i = 0; i <= slow; ++i) members.push_back(fixture::id(i));
  std::sort(members.begin(), members.end());
  (void)f.table.set_members(members, f.now);
  auto narrow = fixture::between(1000);
  narrow.rate_bps = 1e6; // some fifteen updates a second of its share
  (void)f.table.set_neighbour(fixture::id(slow), narrow, f.now);
  for (unsigned i = 2; i < slow; ++i) {
    f.hear(fixture::offer_of(i, {1000, 1}, 2000));
    origins.push_back(fixture::id(i));
  }
  std::sort(origins.begin(), origins.end());
  std::set<node_id> told;
  std::uint64_t acks = 0;
  auto take = [&](table_effects effects) {
    for (auto& each : effects.send) {
      if (each.to != fixture::id(slow)) continue;
      auto packet = *decode_control_packet(each.body);
      for (auto& update : packet.updates) told.insert(update.origin);
      control_packet ack{88, ++acks, packet.session, {packet.number}, {}, {}};
      (void)f.table.on_control(fixture::id(slow), encode(ack), f.now);
    }
  };
  for (std::uint32_t round = 2; round < 200; ++round) { // ten seconds, in which the first third never rests
    for (unsigned i = 2; i < slow; ++i)
      if (fixture::id(i) < origins[origins.size() / 3]) f.hear(fixture::offer_of(i, {1000, round}, round % 2 ? 2000 : 20'000));
    f.now += 50ms;
    take(f.table.on_tick(f.now));
  }
  for (auto& each : origins) CHECK(told.contains(each));
}

TEST_CASE("any bytes as a routing packet are counted and change nothing") {
  REQUIRE(rc::check("hostile bodies", [] {
    fixture f;
    auto body = *rc::gen::arbitrary<byte_string>();
    (void)f.table.on_control(fixture::id(1), body, f.now);
    control_packet good{77, 1, 0, {1, 2, 3}, {fixture::offer_of(2, {500, 1}, 2000)}, {}};
    good.requests.push_back({fixture::id(2), sign_claim(keys_of(2), {1, 1}), metric_class::bulk, 3});
    auto bytes = encode(good);
    for (int k = 0; k < 5; ++k) bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<std::uint8_t>();
    (void)f.table.on_control(fixture::id(1), bytes, f.now);
    auto found = f.table.best(fixture::id(2), metric_class::interactive);
    if (found) RC_ASSERT(found->via == fixture::id(1));
  }));
}

TEST_CASE("a routing packet with too long lists is malformed") {
  control_packet packet{77, 1, 0, std::vector<std::uint64_t>(limits::route_entries_per_packet_max + 1), {}, {}};
  CHECK(decode_control_packet(encode(packet)).why().code == error_code::malformed);
  packet.acks.pop_back();
  CHECK(decode_control_packet(encode(packet)).ok());
}

TEST_CASE("the promised sizes of entries are upper bounds") {
  control_packet packet{77, 1, 5, {1, 2, 3, 4}, {}, {}};
  for (int k = 0; k < 20; ++k) {
    packet.updates.push_back(fixture::offer_of(2, {500, 1}, 2000));
    packet.requests.push_back({fixture::id(2), sign_claim(keys_of(2), {1, 1}), metric_class::bulk, 3});
    const auto bound = control_packet_bytes + packet.acks.size() * ack_bytes + packet.updates.size() * route_update_bytes
                       + packet.requests.size() * seqno_request_bytes;
    REQUIRE(encode(packet).size() <= bound);
  }
}

namespace {

/// Node 0 between three neighbours: node 2 is reached through node 1 or, dearer, through node 4; node 5 listens and acknowledges.
struct between_three : fixture {
  std::vector<offer> heard; ///< by node 5, of node 2, interactive

  between_three() {
    std::vector<node_id> members{id(0), id(1), id(2), id(4), id(5)};
    std::sort(members.begin(), members.end());
    (void)table.set_members(members, now);
    for (auto each : {4u, 5u}) take(table.set_neighbour(id(each), between(1000), now));
    say(1, {500, 1}, 1000);
    say(4, {500, 1}, 3000);
  }
  void say(unsigned from, claim what, metric cost) {
    control_packet packet{70 + from, ++number, 0, {}, {}, {}};
    packet.updates.push_back(offer_of(2, what, cost));
    take(table.on_control(id(from), encode(packet), now));
  }
  void take(const table_effects& effects) {
    for (auto& each : effects.send) {
      auto packet = *decode_control_packet(each.body);
      if (each.to == id(5))
        for (auto& update : packet.updates)
          if (update.origin == id(2) && update.offers[0]) heard.push_back(*update.offers[0]);
      if (packet.number == 0) continue;
      unsigned from = each.to == id(1) ? 1 : each.to == id(4) ? 4 : 5;
      control_packet answer{70 + from, 0, packet.session, {packet.number}, {}, {}};
      take(table.on_control(each.to, encode(answer), now));
    }
  }
  void run_for(duration time) {
    for (auto end = now + time; table.wake_at() <= end;) {
      now = std::max(now, table.wake_at());
      take(table.on_tick(now));
    }
  }
};

} // namespace

TEST_CASE("the loss of a last feasible way is told only when a newer claim does not come soon") {
  between_three f;
  REQUIRE(f.heard.size() == 1);
  REQUIRE(f.heard.back().cost == 2000);
  f.take(f.table.drop_neighbour(fixture::id(1), f.now));
  CHECK_FALSE(f.knows(2));
  f.run_for(limits::route_hold / 2);
  CHECK(f.heard.size() == 1);
  SECTION("it comes: the others hear of the new way alone") {
    f.say(4, {500, 2}, 3000);
    CHECK(f.knows(2));
    f.run_for(5s);
    REQUIRE(f.heard.size() == 2);
    CHECK(f.heard.back().cost == 4000);
  }
  SECTION("it does not: they hear that there is none") {
    f.run_for(limits::route_hold);
    REQUIRE(f.heard.size() == 2);
    CHECK(f.heard.back().cost == infinite_metric);
  }
  SECTION("the other way is withdrawn: they hear it at once") {
    f.say(4, {500, 1}, infinite_metric);
    REQUIRE(f.heard.size() == 2);
    CHECK(f.heard.back().cost == infinite_metric);
  }
}

TEST_CASE("a newer claim of the same life goes to nobody who did not ask, one of another life to all at the refresh") {
  between_three f;
  f.say(1, {500, 2}, 1000);
  f.run_for(limits::route_refresh_max + 1s);
  CHECK(f.heard.size() == 1);
  f.say(1, {600, 1}, 1000);
  f.run_for(limits::route_refresh_max + 1s);
  CHECK(f.heard.size() == 2);
}
