#include "transports/stranger_gate.hpp"

#include "tests/transports/raw_peer.hpp"
#include "tests/transports/transport_probe.hpp"

using namespace glow;
using namespace glow::test;
using transports::stranger_gate;
using transports::stranger_rules;

namespace {

/// A message 1 as far as anybody can tell without keys.
byte_string knock() {
  byte_string out{1, 1, 0, 7, 0, 0, 0};
  out.resize(out.size() + 32, 9);
  return out;
}

byte_string garbage(seeded_random& random) {
  byte_string out(1 + random.next_below(1400));
  random.fill(out);
  return out;
}

} // namespace

TEST_CASE("without rules every datagram of a stranger passes") {
  stranger_gate gate{{}};
  for (int i = 0; i < 100'000; ++i) REQUIRE(gate.admit(byte_string{1}, 0));
}

TEST_CASE("strangers bring so many datagrams in a second, and no more after a pause than at once") {
  stranger_gate gate{{nullptr, 1000}};
  auto admitted = [&](std::uint64_t from_ms, std::uint64_t to_ms) {
    std::size_t count = 0;
    for (auto now = from_ms; now < to_ms; ++now)
      for (int i = 0; i < 20; ++i) count += gate.admit(byte_string{1}, now) ? 1 : 0;
    return count;
  };
  auto burst = limits::stranger_datagrams_burst;
  CHECK(admitted(1, 1001) <= burst + 1000);
  CHECK(admitted(1001, 2001) >= 990);
  CHECK(admitted(1'000'000'000, 1'000'000'001) == 20);
  CHECK(admitted(1'000'000'001, 1'000'001'001) <= burst + 1000);
}

TEST_CASE("nearly all garbage is no knock, and a true one is") {
  stranger_gate gate{{transports::production_stranger_rules().is_knock, 0}};
  CHECK(gate.admit(knock(), 0));
  seeded_random random{5};
  int passed = 0;
  for (int i = 0; i < 100'000; ++i) passed += gate.admit(garbage(random), 0) ? 1 : 0;
  CHECK(passed < 2000);
}

TEST_CASE("a stranger's garbage makes no channel, its knock does, and a claimed channel takes any bytes") {
  transport_world world{transports::production_stranger_rules()};
  auto server = world.open("udp", uri("udp://127.0.0.1:0"));
  raw_peer stranger{uri("udp://127.0.0.1:" + std::to_string(world.place_of(server).port))};
  for (int i = 0; i < 1000; ++i) REQUIRE(stranger.send({0xff, 1, 2, 3}));
  REQUIRE(stranger.send(knock()));
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  auto channel = server.listener.notes->look([](auto& h) {
    CHECK(h.opened.size() == 1);
    return h.opened.at(0).channel;
  });
  auto owner = world.make_probe();
  world.claim(server, channel, owner);
  REQUIRE(stranger.send({0xff}));
  bool heard = false;
  for (int tries = 0; tries < 100 && !heard; ++tries) { // the claim is on its way
    REQUIRE(stranger.send({0xff}));
    heard = owner.notes->wait([](auto& h) { return !h.datagrams.empty(); }, 50ms);
  }
  CHECK(heard);
}
