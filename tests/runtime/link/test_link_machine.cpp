#include "runtime/base/limits.hpp"
#include "tests/runtime/link/alice_and_bob.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;
using namespace glow::link::alice_and_bob;

TEST_CASE("strangers shake hands with XX and exchange packets both ways") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  REQUIRE(pair.a.ups.size() == 1);
  CHECK(pair.a.ups[0].member.id == bob.keys->id());
  CHECK(pair.a.ups[0].member.name == "bob");
  CHECK(pair.b.ups[0].member.id == alice.keys->id());
  CHECK(pair.b.ups[0].listening == dialling().listening);
  pair.send(pair.a, "one");
  pair.send(pair.b, "two");
  pair.run_for(50ms);
  CHECK(pair.b.delivered == std::vector<std::string>{"one"});
  CHECK(pair.a.delivered == std::vector<std::string>{"two"});
  CHECK(pair.a.machine.figures(pair.now).packet_bytes_max == limits::udp_datagram_bytes_max - 25);
}

TEST_CASE("IK needs one round trip where XX needs more") {
  simulated_pair known{dialling(true), answering()};
  known.faults.delay = 50ms;
  known.start();
  auto begun = known.now;
  REQUIRE(known.run_until([&] { return known.a.machine.is_up(); }));
  CHECK(known.now - begun == 100ms);
  REQUIRE(known.run_until([&] { return known.b.machine.is_up(); }));
  CHECK(known.now - begun == 150ms);
  for (auto* side : {&known.a, &known.b}) CHECK(side->machine.figures(known.now).rtt == 100ms); // before any ping came back
  simulated_pair unknown{dialling(), answering()};
  unknown.faults.delay = 50ms;
  unknown.start();
  begun = unknown.now;
  REQUIRE(unknown.run_until([&] { return unknown.a.machine.is_up(); }));
  CHECK(unknown.now - begun == 200ms);
}

TEST_CASE("handshakes of both kinds complete over a channel that loses, repeats and reorders") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    simulated_pair pair{dialling(seed % 2 == 0), answering(), seed};
    pair.faults = {0.3, 0.3, 1ms, 20ms, false};
    pair.start();
    bool up = pair.run_until([&] { return pair.both_up(); }, 4900ms);
    // 0.7^n: a few seeds run out of tries, which must end in an error on both sides, not hang
    if (!up) {
      pair.run_for(10s);
      CHECK((pair.a.ended || pair.a.machine.is_up()));
      continue;
    }
    pair.faults = {0, 0.5, 1ms, 0ms, false};
    for (int i = 0; i < 20; ++i) pair.send(pair.a, std::to_string(i));
    pair.run_for(50ms);
    CHECK(pair.b.delivered.size() == 20);
    CHECK(pair.a.ups.size() == 1);
    CHECK(pair.b.ups.size() == 1);
  }
}

TEST_CASE("a peer without a valid certificate is refused and can read why") {
  SECTION("the responder refuses after message 3") {
    auto stranger = dialling();
    stranger.certificate.clear();
    simulated_pair pair{stranger, answering()};
    pair.start();
    pair.run_for(10s);
    REQUIRE(pair.a.ended);
    REQUIRE(pair.b.ended);
    CHECK(pair.a.ended->code == error_code::not_a_member);
    CHECK(pair.a.ended->message == "the other side refused: no certificate");
    CHECK(pair.b.ended->code == error_code::not_a_member);
    CHECK(pair.a.ups.empty());
    CHECK(pair.b.ups.empty());
  }
  SECTION("the responder refuses within message 2 of IK") {
    auto stranger = dialling(true);
    stranger.certificate.clear();
    simulated_pair pair{stranger, answering()};
    pair.start();
    pair.run_for(10s);
    CHECK(pair.a.ended->message == "the other side refused: no certificate");
    CHECK(pair.b.ended->code == error_code::not_a_member);
  }
  SECTION("the initiator refuses, without showing who it is") {
    auto stranger = answering();
    stranger.certificate.clear();
    simulated_pair pair{dialling(), stranger};
    pair.start();
    pair.run_for(10s);
    CHECK(pair.a.ended->code == error_code::not_a_member);
    REQUIRE(pair.b.ended);
    CHECK(pair.b.ended->message == "the other side refused: no certificate");
    CHECK_FALSE(pair.b.machine.peer());
  }
  SECTION("the initiator refuses after message 2 of IK") {
    auto stranger = answering();
    stranger.certificate.clear();
    simulated_pair pair{dialling(true), stranger};
    pair.start();
    pair.run_for(10s);
    CHECK(pair.a.ended->code == error_code::not_a_member);
    CHECK(pair.b.ended->message == "the other side refused: no certificate");
  }
}

TEST_CASE("a refusal that was lost is repeated") {
  int heard = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto stranger = dialling();
    stranger.certificate.clear();
    simulated_pair pair{stranger, answering(), seed};
    pair.faults.loss = 0.3;
    pair.start();
    pair.run_for(12s);
    REQUIRE(pair.a.ended);
    REQUIRE(pair.b.ended);
    heard += pair.a.ended->code == error_code::not_a_member ? 1 : 0;
  }
  CHECK(heard >= 16);
}

TEST_CASE("nodes of different namespaces part with a clear word") {
  auto other = answering();
  other.space.value[0] = 10;
  simulated_pair pair{dialling(), other};
  pair.start();
  pair.run_for(10s);
  CHECK(pair.a.ended->code == error_code::not_a_member);
  CHECK_THAT(pair.a.ended->message, Catch::Contains("wrong namespace"));
  CHECK_THAT(pair.b.ended->message, Catch::Contains("wrong namespace"));
}

TEST_CASE("a node that dials itself or meets another than expected ends with an error") {
  simulated_pair self{dialling(), config_of(alice, role::responder, 202)};
  self.start();
  self.run_for(10s);
  CHECK_THAT(self.a.ended->message, Catch::Contains("this node itself"));
  auto wrong = answering();
  wrong.expected = bob.keys->id(); // the caller is alice
  simulated_pair other{dialling(), wrong};
  other.start();
  other.run_for(10s);
  CHECK(other.b.ended->code == error_code::tampered);
  // IK to a key that is not there: nobody can answer
  auto lost = dialling(true);
  lost.expected = make_node("carol", keys_random).keys->id();
  simulated_pair nobody{lost, answering()};
  nobody.start();
  nobody.run_for(10s);
  CHECK(nobody.a.ended->code == error_code::timed_out);
  CHECK(nobody.b.ended->code == error_code::tampered);
}

TEST_CASE("replayed, truncated and random datagrams leave a handshake and a link alone") {
  simulated_pair before{dialling(), answering()};
  before.start();
  REQUIRE(before.run_until([&] { return before.both_up(); }));
  auto old_tape = before.tape;

  simulated_pair pair{dialling(), answering(), 5};
  pair.faults.delay = 10ms;
  pair.start();
  seeded_random random{9};
  for (int round = 0; round < 40; ++round) {
    for (auto& each : {&pair.a, &pair.b}) {
      auto recorded = round % 2 ? pair.tape : old_tape;
      auto bytes = recorded[random.next_below(recorded.size())];
      if (round % 3 == 0) bytes.resize(random.next_below(bytes.size() + 1));
      if (round % 3 == 1) bytes[random.next_below(bytes.size())] ^= 0x40;
      pair.inject(*each, bytes);
    }
    pair.run_for(3ms);
  }
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.send(pair.a, "still here");
  pair.run_for(100ms);
  CHECK(pair.b.delivered == std::vector<std::string>{"still here"});
  auto tape = pair.tape;
  for (auto& each : tape) pair.inject(pair.b, each);
  pair.run_for(1s);
  CHECK(pair.b.delivered.size() == 1);
  CHECK(pair.both_up());
}

TEST_CASE("random bytes never crash a machine in any state") {
  REQUIRE(rc::check("garbage at a machine", [](const std::vector<byte_string>& garbage, std::uint8_t type, bool up) {
    simulated_pair pair{dialling(), answering()};
    pair.start();
    if (up) pair.run_for(100ms);
    for (auto bytes : garbage) {
      bytes.insert(bytes.begin(), static_cast<std::uint8_t>(type % 8));
      bytes.resize(bytes.size() + *rc::gen::inRange<std::size_t>(0, 100));
      if (bytes.size() > 5 && *rc::gen::arbitrary<bool>()) bytes[1] = 202, bytes[2] = bytes[3] = bytes[4] = 0;
      pair.inject(pair.b, bytes);
    }
    pair.run_for(2s);
    RC_ASSERT(pair.both_up());
  }));
}

TEST_CASE("a forged message 1 with a low-order key does not end the handshake of the true peer") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  byte_string forged(39, 0); // XX, index 1, an ephemeral key of order one
  forged[0] = forged[1] = forged[3] = 1;
  pair.inject(pair.b, forged);
  pair.run_for(2s);
  CHECK(pair.both_up());
}

TEST_CASE("a dead neighbour is noticed within 300 ms of unanswered data on a local channel") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(1s);
  pair.faults.cut = true;
  auto cut_at = pair.now;
  pair.send(pair.a, "anybody?");
  pair.run_for(1s);
  REQUIRE(pair.a.ended);
  CHECK(pair.a.ended->code == error_code::unreachable);
  CHECK(pair.a.ended_at - cut_at <= 300ms);
  CHECK(pair.a.announced_changes > 0);
}

TEST_CASE("acknowledgements and routing that is answered in time lead to no ping, and routing that is not finds the dead") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  for (int i = 0; i < 10; ++i) pair.send(pair.a, "traffic"), pair.run_for(1s); // measured well enough
  pair.a.datagrams_sent = pair.b.datagrams_sent = 0;
  for (int i = 0; i < 20; ++i) {
    pair.send(pair.a, "news", expectation::answer);
    pair.run_for(120ms);
    pair.send(pair.b, "heard", expectation::nothing);
    pair.run_for(200ms);
  }
  CHECK(pair.a.datagrams_sent <= 20 + 2); // a beat
  CHECK(pair.b.datagrams_sent <= 20 + 2);
  pair.faults.cut = true;
  auto cut_at = pair.now;
  pair.send(pair.a, "heard", expectation::nothing);
  pair.run_for(100ms);
  pair.send(pair.a, "news", expectation::answer);
  pair.run_for(2s);
  REQUIRE(pair.a.ended);
  CHECK(pair.a.ended_at - cut_at <= 100ms + 300ms + limits::answer_pause_max);
}

TEST_CASE("a dead neighbour far away is noticed within 3 RTT + 500 ms") {
  auto far = dialling();
  far.on_link = false;
  simulated_pair pair{far, answering()};
  pair.faults.delay = 40ms;
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(1s);
  pair.faults.cut = true;
  auto cut_at = pair.now;
  pair.send(pair.a, "anybody?");
  pair.run_for(2s);
  REQUIRE(pair.a.ended);
  CHECK(pair.a.ended_at - cut_at <= 3 * 80ms + 510ms);
  CHECK(pair.a.ended_at - cut_at > 400ms);
}

TEST_CASE("an idle link wakes each node about once in ten seconds and notices death all the same") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(20s);
  pair.a.ticks = pair.b.ticks = pair.a.datagrams_sent = pair.b.datagrams_sent = 0;
  pair.run_for(200s);
  CHECK(pair.both_up());
  CHECK(pair.a.ticks + pair.a.datagrams_sent <= 62); // beat, its timer and its answer
  CHECK(pair.b.ticks <= 20);
  CHECK(pair.b.datagrams_sent <= 21);
  pair.faults.cut = true;
  pair.run_for(40s);
  CHECK(pair.a.ended);
  CHECK(pair.b.ended);
}

TEST_CASE("goodbye ends the other side at once with the reason") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.close(pair.a, {error_code::stopped, "shutting down"});
  pair.run_for(10ms);
  CHECK(pair.a.ended->code == error_code::stopped);
  CHECK(pair.b.ended->code == error_code::stopped);
  CHECK(pair.b.ended->message == "the peer closed the link: shutting down");
}

TEST_CASE("the link follows a peer that speaks from another channel") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  auto old = pair.tape;
  pair.a.speaks_from = 33;
  pair.send(pair.a, "I moved");
  pair.run_for(50ms);
  CHECK(pair.b.moves == std::vector<channel_key>{33});
  CHECK(pair.b.machine.channel() == 33);
  CHECK(pair.b.delivered.size() == 1);
  // a replay from elsewhere moves nothing
  for (auto& each : old) pair.inject(pair.b, each);
  CHECK(pair.b.machine.channel() == 33);
}

TEST_CASE("an unanswered handshake gives up after five seconds and says so") {
  simulated_pair pair{dialling(), answering()};
  pair.faults.cut = true;
  pair.start();
  auto begun = pair.now;
  pair.run_for(20s);
  REQUIRE(pair.a.ended);
  CHECK(pair.a.ended->code == error_code::timed_out);
  CHECK(pair.a.ended_at - begun == 5s);
  CHECK(pair.a.datagrams_sent == 5); // at 0, 0.25, 0.75, 1.75 and 3.75 s
  CHECK(pair.b.ended);
}

TEST_CASE("an end-to-end session shakes hands by IK, keeps early packets, and ends when idle") {
  auto one = dialling(true);
  auto other = answering();
  for (auto* each : {&one, &other}) each->liveness = false, each->idle_close = 60s;
  simulated_pair pair{one, other};
  pair.faults.delay = 30ms;
  pair.start();
  pair.send(pair.a, "early");
  pair.run_for(200ms);
  CHECK(pair.b.delivered == std::vector<std::string>{"early"});
  pair.a.datagrams_sent = 0;
  pair.run_for(50s);
  CHECK(pair.a.datagrams_sent == 0);
  pair.run_for(20s);
  REQUIRE(pair.a.ended);
  CHECK(pair.a.ended->code == error_code::none);
  CHECK(pair.b.ended);
}

TEST_CASE("an end-to-end session survives that the other node started anew") {
  auto one = dialling(true);
  auto other = answering();
  for (auto* each : {&one, &other}) each->liveness = false;
  simulated_pair pair{one, other};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.a.machine = link_machine{one};
  auto begun = pair.a.machine.start(pair.now, pair.random);
  for (auto& each : begun)
    if (auto* sent = std::get_if<send_datagrams>(&each)) pair.inject(pair.b, sent->datagrams.packets()[0]);
  pair.run_for(100ms);
  REQUIRE(pair.b.ups.size() == 2);
  pair.send(pair.b, "hello again");
  pair.run_for(100ms);
  CHECK(pair.a.delivered == std::vector<std::string>{"hello again"});
}

TEST_CASE("a link counts what it carried, refused and dropped, by reason") {
  simulated_pair pair{dialling(), answering()};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(1s);
  pair.tape.clear();
  pair.send(pair.a, "one");
  pair.send(pair.a, std::string(limits::udp_datagram_bytes_max, 'x')); // longer than the channel carries
  pair.run_for(50ms);
  REQUIRE_FALSE(pair.tape.empty());
  const auto wire = pair.tape.front();
  auto forged = wire;
  forged[9] ^= 1; // its counter was used: known to be late before it is opened
  pair.inject(pair.b, forged);
  pair.inject(pair.b, wire);                            // a replay
  for (std::size_t i = 5; i < 9; ++i) forged[i] = 0x7f; // a counter of the future
  pair.inject(pair.b, forged);
  pair.inject(pair.b, to_bytes("garbage"));
  auto foreign = wire;
  foreign[1] ^= 0x55; // another receiver's
  pair.inject(pair.b, foreign);
  const auto& sent = pair.a.machine.counters();
  CHECK(sent.packets_out == 1);
  CHECK(sent.dropped_too_long == 1);
  const auto& seen = pair.b.machine.counters();
  CHECK(seen.packets_in == 1);
  CHECK(seen.rejected_replayed == 2);
  CHECK(seen.rejected_forged == 1);
  CHECK(seen.rejected_foreign == 2);
  CHECK(pair.a.machine.measured().pings().answered > 0);
  REQUIRE(pair.a.machine.measured().round_trips());
  CHECK(pair.a.machine.measured().round_trips()->count() == pair.a.machine.measured().pings().answered);
  pair.close(pair.a, {error_code::none, "bye"});
  (void)pair.a.machine.on_packets_to_send(packet_batch::of(to_bytes("late")), pair.now);
  CHECK(pair.a.machine.counters().dropped_not_up == 1);
}
