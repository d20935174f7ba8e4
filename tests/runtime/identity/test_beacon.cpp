#include "runtime/identity/beacon.hpp"
#include "runtime/identity/limits.hpp"

#include "runtime/identity/discovery_plan.hpp"
#include "tests/runtime/identity/a_namespace.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <algorithm>

using namespace glow;
using namespace glow::identity;
using namespace glow::identity::testing;

namespace {

seeded_random dice{5};
const auto secret = dice.next_id<namespace_secret>();
const auto other_secret = dice.next_id<namespace_secret>();
const beacon ours{id_of(2), true, {{"udp", 7400}, {"tcp", 7401}}};

byte_string sent(wall_time when = at(0)) { return encode_beacon(ours, secret, when, dice); }
steady_time steady(std::int64_t ms) { return steady_time{} + 1h + std::chrono::milliseconds{ms}; }

} // namespace

TEST_CASE("a member reads a beacon, a stranger learns that it is a stranger's") {
  auto read = decode_beacon(sent(), secret, at(0));
  REQUIRE(read);
  CHECK(*read == ours);
  CHECK(decode_beacon(sent(), other_secret, at(0)).why().code == error_code::not_a_member);
  CHECK(decode_beacon(sent(), namespace_secret{}, at(0)).why().code == error_code::not_a_member);
}

TEST_CASE("a beacon shows no identity, and no two are alike but for magic and version") {
  auto one = sent(), two = sent();
  auto id = ours.node.view();
  CHECK(std::search(one.begin(), one.end(), id.begin(), id.begin() + 8) == one.end());
  CHECK(one.size() == beacon_size_bytes);
  CHECK(encode_beacon({id_of(3), false, {}}, secret, at(0), dice).size() == beacon_size_bytes);
  std::size_t same = 0;
  for (std::size_t i = 5; i < one.size(); ++i) same += one[i] == two[i] ? 1u : 0u;
  CHECK(same < 12);
}

TEST_CASE("clocks may differ by one slot, not by two") {
  CHECK(decode_beacon(sent(at(600)), secret, at(659)));
  CHECK(decode_beacon(sent(at(600)), secret, at(541)));
  CHECK_FALSE(decode_beacon(sent(at(600)), secret, at(760)));
  CHECK_FALSE(decode_beacon(sent(at(600)), secret, at(440)));
}

TEST_CASE("every altered or missing byte is noticed") {
  auto whole = sent();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto broken = whole;
    broken[i] ^= 1;
    CHECK_FALSE(decode_beacon(broken, secret, at(0)));
    CHECK_FALSE(decode_beacon(byte_view{whole}.first(i), secret, at(0)));
  }
  whole.push_back(0);
  CHECK(decode_beacon(whole, secret, at(0)).why().code == error_code::malformed);
}

TEST_CASE("random bytes are no beacon") {
  REQUIRE(rc::check([](const std::vector<std::uint8_t>& junk) { RC_ASSERT(!decode_beacon(junk, secret, at(0)).ok()); }));
}

TEST_CASE("listening places beyond the bound stay out") {
  beacon many{id_of(2), false, {}};
  for (std::uint16_t i = 0; i < 20; ++i) many.listening.push_back({"abcdefghijkl", i});
  many.listening.insert(many.listening.begin(), {"toolongascheme", 1});
  auto read = decode_beacon(encode_beacon(many, secret, at(0), dice), secret, at(0));
  REQUIRE(read);
  CHECK(read->listening.size() == limits::beacon_ports_max);
  CHECK(read->listening.front().scheme == "abcdefghijkl");
}

TEST_CASE("discovery bursts, then slows down to one beacon in half a minute") {
  discovery_plan plan{id_of(1)};
  plan.burst(steady(0));
  std::vector<std::int64_t> when;
  for (std::int64_t ms = 0; ms < 70'000; ms += 10)
    if (auto beacon = plan.next_beacon(steady(ms)); beacon.due) {
      CHECK(beacon.asks == (ms < 1000));
      when.push_back(ms);
    }
  CHECK(when == std::vector<std::int64_t>{0, 100, 300, 700, 30'700, 60'700});
}

TEST_CASE("a member's beacon tells its places and is answered, once in a while") {
  discovery_plan plan{id_of(1)};
  auto heard = plan.on_datagram(sent(), "10.0.0.7", secret, at(0), steady(0));
  CHECK(heard.answer_now);
  REQUIRE(heard.sightings.size() == 2);
  CHECK(heard.sightings[0].node == ours.node);
  CHECK(to_string(heard.sightings[0].uri) == "udp://10.0.0.7:7400");
  heard = plan.on_datagram(sent(), "10.0.0.7", secret, at(0), steady(50));
  CHECK_FALSE(heard.answer_now);
  CHECK(heard.sightings.empty());
  heard = plan.on_datagram(sent(), "10.0.0.7", secret, at(0), steady(6000));
  CHECK(heard.answer_now);
  CHECK(heard.sightings.size() == 2);
}

TEST_CASE("one's own beacon and a stranger's give nothing") {
  discovery_plan plan{ours.node};
  auto heard = plan.on_datagram(sent(), "10.0.0.7", secret, at(0), steady(0));
  CHECK((heard.sightings.empty() && !heard.answer_now));
  discovery_plan stranger{id_of(1)};
  heard = stranger.on_datagram(sent(), "10.0.0.7", other_secret, at(0), steady(0));
  CHECK((heard.sightings.empty() && !heard.answer_now));
}

TEST_CASE("a flood of beacons from invented hosts is bounded") {
  discovery_plan plan{id_of(1)};
  std::size_t told = 0, answers = 0;
  auto replayed = sent();
  for (int i = 0; i < 5000; ++i) {
    auto heard = plan.on_datagram(replayed, "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), secret, at(0),
                                  steady(i / 10));
    told += heard.sightings.size();
    answers += heard.answer_now ? 1u : 0u;
  }
  CHECK(told <= 2 * limits::beacons_per_second_max);
  CHECK(answers <= 3);
}
