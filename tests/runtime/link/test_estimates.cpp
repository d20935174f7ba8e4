#include "runtime/link/estimates.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::link;

namespace {

/// One ping that is answered after `rtt`, while `offered` bytes were sent and `arrived` reached the peer since the last.
struct measured_link {
  explicit measured_link(bool on_link, std::string declared = {}) : books{on_link, std::move(declared)} {}
  estimates books;
  steady_time now{100s};
  std::uint64_t peer_has = 0;

  void round(duration rtt, std::uint64_t offered = 0, std::uint64_t arrived = 0) {
    books.on_bytes_sent(offered);
    peer_has += arrived;
    auto number = books.on_ping_sent(now);
    books.on_pong(number, peer_has, now + rtt);
    now += 1s;
  }
};

} // namespace

TEST_CASE("an unmeasured link is local when directly attached, else wan") {
  CHECK(measured_link{true}.books.link_class() == "local");
  CHECK(measured_link{false}.books.link_class() == "wan");
  CHECK(measured_link{true, "control"}.books.link_class() == "control");
}

TEST_CASE("a long round trip makes a link wan, but only when it lasts") {
  measured_link link{true};
  link.round(2ms);
  link.round(2ms);
  CHECK(link.books.link_class() == "local");
  link.round(500ms);
  CHECK(link.books.link_class() == "local");
  for (int i = 0; i < 5; ++i) link.round(500ms);
  CHECK(link.books.link_class() == "wan");
  CHECK_THAT(link.books.why(), Catch::Contains("RTT"));
}

TEST_CASE("answers that are held up now and then do not move the round trip") {
  measured_link link{true};
  for (int i = 0; i < 40; ++i) link.round(i % 5 == 1 || i % 5 == 3 ? 50ms : 2ms);
  CHECK(link.books.rtt() == 2ms);
  CHECK(link.books.rtt_min() == 2ms);
}

TEST_CASE("a link that delivers less than 1 Mbit/s of more is a control link; a light load is not") {
  measured_link slow{false};
  for (int i = 0; i < 6; ++i) slow.round(50ms, 400000, 50000);
  CHECK(slow.books.link_class() == "control");
  CHECK(slow.books.rate_bps() == Approx(400000.0));
  measured_link idle{false};
  for (int i = 0; i < 6; ++i) idle.round(50ms, 80000, 80000);
  CHECK(idle.books.link_class() == "wan");
}

TEST_CASE("unanswered pings count as loss, answers to unknown pings as nothing") {
  measured_link link{true};
  for (int i = 0; i < 100; ++i) {
    link.now += 1s;
    (void)link.books.on_ping_sent(link.now);
  }
  CHECK(link.books.loss() > 0.8);
  estimates fresh{true, {}};
  fresh.on_pong(5, 0, steady_time{1s});
  fresh.on_pong(0, 0, steady_time{1s});
  CHECK(fresh.rtt() == 0ns);
}

TEST_CASE("news is told at most once a second") {
  measured_link link{true};
  CHECK(link.books.worth_telling(link.now));
  link.round(5ms);
  CHECK(link.books.worth_telling(link.now));
  link.round(60ms);
  CHECK_FALSE(link.books.worth_telling(link.now - 900ms));
  link.round(60ms);
  CHECK(link.books.worth_telling(link.now));
  CHECK_FALSE(link.books.worth_telling(link.now + 10s));
}

TEST_CASE("a link is measured often at first and under load, rarely under little, and never for routing alone") {
  measured_link link{true};
  auto pings_within = [&](duration time, std::size_t bytes_each, bool traffic) {
    int pings = 0;
    for (auto end = link.now + time; link.now < end; link.now += 100ms) {
      link.books.on_bytes_sent(bytes_each);
      if (!link.books.worth_measuring(link.now, traffic)) continue;
      ++pings;
      link.books.on_pong(link.books.on_ping_sent(link.now), 0, link.now + 2ms);
    }
    return pings;
  };
  CHECK(pings_within(5s, 100, false) == 5); // nothing is known yet
  CHECK(pings_within(60s, 100, false) == 0);
  CHECK(pings_within(60s, 100, true) == 12);
  CHECK(pings_within(60s, 20'000, true) >= 59);
}

TEST_CASE("where bulk is shared the load is measured five times a second, and the class takes as long as ever") {
  measured_link link{false};
  std::uint64_t heard = 0;
  unsigned pings = 0, told = 0;
  auto carry = [&](duration time, std::size_t offered_each, std::size_t arriving_each, duration rtt) {
    pings = told = 0;
    for (auto end = link.now + time; link.now < end; link.now += 10ms) {
      link.books.on_shared_load(link.now);
      link.books.on_bytes_sent(offered_each);
      heard += arriving_each;
      if (!link.books.worth_measuring(link.now, true)) continue;
      ++pings;
      link.books.on_pong(link.books.on_ping_sent(link.now), heard, link.now + rtt);
      told += link.books.worth_telling(link.now);
    }
  };
  carry(2s, 20'000, 20'000, 5ms);
  CHECK(pings == 10);
  CHECK(told >= 8);
  CHECK(link.books.load().rate_bps == Approx(16e6).epsilon(0.1));
  CHECK_FALSE(link.books.load().full);
  CHECK(link.books.load().loss == 0);
  carry(1s, 20'000, 19'000, 5ms); // it loses
  CHECK(link.books.load().full);
  CHECK(link.books.load().loss == Approx(0.05).margin(0.005));
  carry(1s, 20'000, 20'000, 9ms); // or a queue stands
  CHECK(link.books.load().full);
  CHECK(link.books.link_class() == "wan");
  carry(1500ms, 20'000, 500, 5ms); // slow, seven measurements long, but not for three seconds
  CHECK(link.books.link_class() == "wan");
  carry(5s, 20'000, 500, 5ms);
  CHECK(link.books.link_class() == "control");
  link.books.on_path_changed();
  CHECK(link.books.load().sample == 0);
}

TEST_CASE("a load that came and went between two measurements says nothing of the rate") {
  measured_link link{true};
  link.round(5ms);
  link.round(5ms, 20'000'000, 20'000'000); // a second apart
  CHECK(link.books.rate_bps() > 0);
  CHECK(link.books.load().sample == 0);
}

TEST_CASE("a rate that is too low for its class is told with the time it was seen for") {
  measured_link slow{false};
  for (int i = 0; i < 31; ++i) slow.round(50ms, 400000, 50000);
  CHECK(slow.books.link_class() == "control");
  CHECK(slow.books.why() == "rate 0.4 Mbit/s over 30 s");
  CHECK(slow.books.pings().class_changes == 1);
}

TEST_CASE("a round trip is told with the time it was measured for") {
  measured_link link{true};
  CHECK(link.books.why() == "directly attached, not yet measured");
  link.books.on_peer_rtt(4ms);
  CHECK(link.books.why() == "RTT 4.0 ms so far, directly attached");
  link.round(2ms);
  CHECK(link.books.why() == "RTT 2.0 ms so far, directly attached");
  for (int i = 0; i < 3; ++i) link.round(2ms);
  CHECK(link.books.why() == "RTT 2.0 ms over 3.0 s, directly attached");
  for (int i = 0; i < 296; ++i) link.round(2ms);
  CHECK(link.books.why() == "RTT 2.0 ms over 5 min, directly attached");
  link.round(2ms, 20'000'000, 20'000'000);
  CHECK(link.books.why() == "RTT 2.0 ms over 5 min, rate at least 160.0 Mbit/s over 1.0 s");
  link.books.on_path_changed();
  CHECK(link.books.why() == "not yet measured on this path");
}

TEST_CASE("a class that is about to change says so before it does") {
  measured_link link{true};
  for (int i = 0; i < 5; ++i) link.round(2ms);
  for (int i = 0; i < 20 && link.books.rtt() < 10ms; ++i) link.round(50ms);
  CHECK(link.books.link_class() == "local");
  CHECK_THAT(link.books.why(), Catch::EndsWith(", rate not measured: wan if it lasts, 1 of 3 measurements"));
  link.round(50ms);
  link.round(50ms);
  CHECK(link.books.link_class() == "wan");
  CHECK_THAT(link.books.why(), Catch::EndsWith(", rate not measured"));
}

TEST_CASE("loss is part of the reason, and of what is counted") {
  measured_link link{false};
  for (int i = 0; i < 40; ++i) {
    link.round(30ms);
    (void)link.books.on_ping_sent(link.now); // one that nobody answers
    link.now += 2s;
  }
  CHECK_THAT(link.books.why(), Catch::Contains(" % of pings lost"));
  CHECK(link.books.pings().sent == 80);
  CHECK(link.books.pings().answered == 40);
  CHECK(link.books.pings().lost >= 35);
  REQUIRE(link.books.round_trips());
  CHECK(link.books.round_trips()->count() == 40);
  CHECK(link.books.round_trips()->quantile(0.5) >= 30ms);
}

TEST_CASE("a rate that the medium knows counts until more is measured, also after a change of path") {
  estimates known{true, "control", "9600 baud", 7680};
  CHECK(known.rate_bps() == 7680);
  known.on_path_changed();
  CHECK(known.rate_bps() == 7680);
  estimates fast{true, {}, {}, 1.2e6};
  for (int i = 0; i < 3; ++i) fast.on_peer_rtt(2ms);
  CHECK(fast.link_class() == "wan"); // directly attached and near, but its rate is no local network's
}

TEST_CASE("a declared class stays, whatever is measured, and tells how the medium knows it") {
  estimates declared{true, "control", "9600 baud"};
  CHECK(declared.link_class() == "control");
  CHECK(declared.why() == "declared by the transport: 9600 baud");
  estimates silent{true, "drop"};
  CHECK(silent.why() == "declared by the transport");
}

TEST_CASE("a queue that a link's own traffic fills does not change its class, a longer way does") {
  measured_link link{true};
  for (int i = 0; i < 5; ++i) link.round(200us);
  for (int i = 0; i < 60; ++i) link.round(15ms, 50'000'000, 50'000'000);
  CHECK(link.books.link_class() == "local");
  CHECK_THAT(link.books.why(), Catch::Contains("0.2 ms when idle"));
  for (int i = 0; i < 60; ++i) link.round(15ms);
  CHECK(link.books.link_class() == "wan");
}

TEST_CASE("a link that was found slow once is tried again, ever more rarely while it stays slow") {
  measured_link link{true};
  for (int i = 0; i < 5; ++i) link.round(2ms);
  auto make_slow = [&] {
    for (int i = 0; i < 5 && link.books.link_class() != "control"; ++i) link.round(2ms, 400'000, 80'000);
  };
  auto rounds_until_tried = [&] {
    int rounds = 0;
    for (; link.books.link_class() == "control" && rounds < 10'000; ++rounds) link.round(2ms);
    return rounds;
  };
  make_slow();
  REQUIRE(link.books.link_class() == "control");
  const auto first = rounds_until_tried();
  CHECK(first >= 55);
  CHECK(first <= 70);
  CHECK(link.books.link_class() == "local");
  make_slow();
  REQUIRE(link.books.link_class() == "control");
  CHECK(rounds_until_tried() >= 2 * first - 10);
  estimates known{true, {}, {}, 300e3};
  CHECK(known.rate_bps() == 300e3);
}
