// Who opens a link when both sides dial, or another node is there than the one that was dialled; and what a link seals.
#include "tests/runtime/link/alice_and_bob.hpp"

using namespace glow;
using namespace glow::link;
using namespace glow::link::alice_and_bob;

TEST_CASE("both sides dialling one channel at the same time end with one link") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (bool known : {false, true}) {
      INFO("seed " << seed << " known " << known);
      auto other = config_of(bob, role::initiator, 202);
      if (known) other.expected = alice.keys->id();
      simulated_pair pair{dialling(known), other, seed};
      pair.start();
      REQUIRE(pair.run_until([&] { return pair.both_up(); }));
      pair.send(pair.a, "from a");
      pair.send(pair.b, "from b");
      pair.run_for(2s);
      CHECK(pair.both_up());
      CHECK(pair.b.delivered == std::vector<std::string>{"from a"});
      CHECK(pair.a.delivered == std::vector<std::string>{"from b"});
    }
  }
}

TEST_CASE("another member at the address that was dialled is answered before the own attempt has timed out") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (bool known : {false, true}) { // bob, who has come to carol's place, dials with XX or IK
      INFO("seed " << seed << " known " << known);
      auto one = dialling();
      one.expected = make_node("carol", keys_random).keys->id();
      one.answers_any_member = true;
      auto other = config_of(bob, role::initiator, 202);
      if (known) other.expected = alice.keys->id();
      simulated_pair pair{one, other, seed};
      pair.start();
      // IK shows at once who it is
      REQUIRE(pair.run_until([&] { return pair.both_up(); }, known ? duration{20ms} : duration{2s}));
      CHECK(pair.a.ups[0].member.id == bob.keys->id());
    }
  }
}

TEST_CASE("whoever expects one node alone refuses every other, as responder too") {
  auto one = dialling();
  one.expected = make_node("carol", keys_random).keys->id();
  auto other = config_of(bob, role::initiator, 202);
  simulated_pair pair{one, other};
  pair.start();
  pair.run_for(10s);
  CHECK(pair.a.ups.empty());
  CHECK(pair.b.ups.empty());
}

TEST_CASE("heads alone are sealed for a peer that knows that, and for no other") {
  for (bool knows : {true, false}) {
    INFO("knows " << knows);
    auto one = dialling();
    auto other = answering();
    one.features = feature_heads;
    other.features = knows ? feature_heads : 0;
    simulated_pair pair{one, other};
    pair.start();
    REQUIRE(pair.run_until([&] { return pair.both_up(); }));
    const auto before = pair.tape.size();
    pair.send(pair.a, std::string(300, 'x'), expectation::traffic, sealing::head);
    pair.send(pair.a, std::string(20, 'y'), expectation::traffic, sealing::head); // no head is that short
    const auto first = pair.tape.at(before);
    pair.run_for(50ms);
    CHECK(pair.b.delivered == std::vector<std::string>{std::string(300, 'x'), std::string(20, 'y')});
    CHECK(type_of(first) == (knows ? datagram_type::sealed_head : datagram_type::sealed_packet));
    CHECK((to_text(first).find(std::string(100, 'x')) != std::string::npos) == knows);
  }
}

TEST_CASE("labels alone are sealed for a peer that knows that, and for no other") {
  for (bool knows : {true, false}) {
    INFO("knows " << knows);
    auto one = dialling();
    auto other = answering();
    one.features = feature_heads | feature_labels;
    other.features = feature_heads | (knows ? feature_labels : 0);
    simulated_pair pair{one, other};
    pair.start();
    REQUIRE(pair.run_until([&] { return pair.both_up(); }));
    const auto before = pair.tape.size();
    pair.send(pair.a, "abc" + std::string(300, 'x'), expectation::traffic, sealing::label);
    const auto first = pair.tape.at(before);
    pair.run_for(50ms);
    CHECK(pair.b.delivered == std::vector<std::string>{"abc" + std::string(300, 'x')});
    CHECK(type_of(first) == (knows ? datagram_type::sealed_label : datagram_type::sealed_packet));
    CHECK(to_text(first).find("abc") == std::string::npos);
    CHECK((to_text(first).find(std::string(300, 'x')) != std::string::npos) == knows);
    if (!knows) continue;
    auto forged = first; // as if more, or less, of it had been sealed
    for (auto type : {datagram_type::sealed_head, datagram_type::sealed_packet}) {
      forged[0] = static_cast<std::uint8_t>(type);
      forged[5] = 200;
      const auto rejected = pair.b.machine.counters().rejected_forged;
      pair.inject(pair.b, forged);
      CHECK(pair.b.machine.counters().rejected_forged == rejected + 1);
    }
  }
}

TEST_CASE("an end-to-end session takes no sealed heads and labels: nobody else guards their tails") {
  auto one = dialling();
  one.features = feature_heads;
  simulated_pair pair{one, answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  byte_string forged(200, 3);
  forged[1] = 202, forged[2] = forged[3] = forged[4] = 0;
  for (auto type : {datagram_type::sealed_head, datagram_type::sealed_label, datagram_type::compact_packet}) {
    forged[0] = static_cast<std::uint8_t>(type);
    pair.inject(pair.b, forged);
  }
  CHECK(pair.b.machine.counters().rejected_foreign == 3);
}
