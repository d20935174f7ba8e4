#include "runtime/link/record_plan.hpp"
#include "runtime/link/records.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::link;

namespace {

constexpr std::size_t datagram_bytes = limits::udp_datagram_bytes_max;
constexpr std::size_t one_datagram = datagram_bytes - sealed_overhead_bytes;

/// A plan, and a peer that answers pings once a second while a megabyte a second flows.
struct plan_under_test {
  explicit plan_under_test() { plan.enable(datagram_bytes); }

  bool probe_and_answer() {
    REQUIRE(plan.wants_probe(true, now));
    return plan.on_pong(plan.on_probe_sent(now), arrived, true, now);
  }
  /// One second; `lost`: share of its bytes. Returns whether the offer changed.
  bool second(double lost, bool local = true) {
    now += 1s;
    sent += 1'000'000;
    arrived += static_cast<std::uint64_t>((1 - lost) * 1'000'000);
    plan.on_ping_sent(++ping, sent);
    return plan.on_pong(ping, arrived, local, now);
  }
  /// Seconds without loss until a probe is wanted.
  int seconds_of_rest() {
    int out = 0;
    for (; !plan.wants_probe(true, now) && out < 10'000; ++out) (void)second(0);
    return out;
  }

  record_plan plan;
  steady_time now{100s};
  std::uint32_t ping = 0;
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0;
};

} // namespace

TEST_CASE("records are offered once a probe was answered, not before") {
  plan_under_test t;
  CHECK(t.plan.packet_bytes_max(one_datagram) == one_datagram);
  CHECK_FALSE(t.second(0));
  CHECK(t.probe_and_answer());
  CHECK(t.plan.packet_bytes_max(one_datagram) == record_packet_bytes_max(datagram_bytes));
  CHECK_FALSE(t.plan.wants_probe(true, t.now + 1h));
}

TEST_CASE("a plan that was not enabled never probes and never offers") {
  record_plan plan;
  CHECK_FALSE(plan.wants_probe(true, steady_time{100s}));
  CHECK_FALSE(plan.on_pong(1, 0, true, steady_time{100s}));
  CHECK(plan.packet_bytes_max(one_datagram) == one_datagram);
  CHECK(plan.cut_bytes_max() == 0);
}

TEST_CASE("unanswered probes grow rare") {
  plan_under_test t;
  int probes = 0;
  for (int i = 0; i < 3600; ++i, t.now += 1s)
    if (t.plan.wants_probe(true, t.now)) (void)t.plan.on_probe_sent(t.now), ++probes;
  CHECK(probes >= 10);
  CHECK(probes <= 25);
}

TEST_CASE("only the answer to the last probe counts") {
  plan_under_test t;
  auto first = t.plan.on_probe_sent(t.now);
  auto second = t.plan.on_probe_sent(t.now);
  CHECK_FALSE(t.plan.on_pong(first, 0, true, t.now));
  CHECK(t.plan.on_pong(second, 0, true, t.now));
}

TEST_CASE("a link that is not local probes nothing, and one that ceases to be offers no records") {
  plan_under_test t;
  CHECK_FALSE(t.plan.wants_probe(false, t.now));
  REQUIRE(t.probe_and_answer());
  CHECK(t.second(0, false));
  CHECK_FALSE(t.plan.offers_records());
  CHECK_FALSE(t.plan.wants_probe(true, t.now + 1s)); // with hysteresis
}

TEST_CASE("loss of a few records is no reason, lasting loss and a hole are") {
  plan_under_test t;
  REQUIRE(t.probe_and_answer());
  for (int i = 0; i < 20; ++i) CHECK_FALSE(t.second(0.01));
  CHECK_FALSE(t.second(0.2)); // one overflow of a queue
  CHECK_FALSE(t.second(0));
  CHECK_FALSE(t.second(0.1));
  CHECK(t.second(0.1));
  CHECK(t.plan.packet_bytes_max(one_datagram) == one_datagram);
  CHECK(t.plan.cut_bytes_max() > one_datagram); // what is on its way still goes

  plan_under_test hole;
  REQUIRE(hole.probe_and_answer());
  CHECK(hole.second(1));
}

TEST_CASE("too few bytes say nothing of loss, until they have added up") {
  plan_under_test t;
  REQUIRE(t.probe_and_answer());
  bool fell = false;
  int seconds = 0;
  for (; !fell && seconds < 20; ++seconds) {
    t.now += 1s;
    t.sent += 16'000;
    t.plan.on_ping_sent(++t.ping, t.sent);
    fell = t.plan.on_pong(t.ping, t.arrived, true, t.now);
  }
  CHECK(fell);
  CHECK(seconds >= 3);
}

TEST_CASE("rests double with every fall that follows soon, up to a bound, and loss of single datagrams prolongs them") {
  plan_under_test t;
  int before = 0;
  for (int falls = 0; falls < 8; ++falls) {
    REQUIRE(t.probe_and_answer());
    (void)t.second(0.3);
    REQUIRE(t.second(0.3));
    auto rest = t.seconds_of_rest();
    CHECK(rest >= std::min<int>(2 * before, 299));
    CHECK(rest <= 300);
    before = rest;
  }
  REQUIRE(t.probe_and_answer());
  for (int i = 0; i < 1000; ++i) (void)t.second(0);
  (void)t.second(0.3);
  REQUIRE(t.second(0.3));
  for (int i = 0; i < 100; ++i) {
    (void)t.second(0.01);
    CHECK_FALSE(t.plan.wants_probe(true, t.now));
  }
  CHECK(t.seconds_of_rest() <= 11); // it had held for long: the rest is short again
}

TEST_CASE("a lost ping does not stop the counting") {
  plan_under_test t;
  REQUIRE(t.probe_and_answer());
  t.plan.on_ping_sent(++t.ping, t.sent += 1'000'000); // neither this ping nor these bytes arrive
  bool fell = false;
  for (int i = 0; i < 8 && !fell; ++i) fell = t.second(1);
  CHECK(fell);
}

TEST_CASE("on another path everything must be proven anew") {
  plan_under_test t;
  REQUIRE(t.probe_and_answer());
  t.plan.on_path_changed();
  CHECK_FALSE(t.plan.offers_records());
  CHECK(t.probe_and_answer());
}
