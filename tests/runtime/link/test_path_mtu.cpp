#include "runtime/link/path_mtu.hpp"

#include "runtime/base/random.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

constexpr std::size_t base = 1232;

/// A search over a path that carries `path_bytes`, while a megabyte a second flows; pongs take 20 ms.
struct search {
  explicit search(std::size_t ceiling, std::size_t path) : path_bytes{path} { mtu.enable(ceiling); }

  /// A tenth of a second of traffic, ended by a ping.
  void flow(std::size_t datagrams = 70) {
    now += 100ms;
    for (std::size_t i = 0; i < datagrams; ++i) say(mtu.datagram_bytes());
    probe();
    ping();
  }
  void flow_for(duration time) {
    for (auto end = now + time; now < end;) flow();
  }
  void say(std::size_t bytes) {
    bytes_sent += bytes;
    mtu.on_sent(bytes, mtu.is_long(bytes));
    if (passes(bytes)) arrived += bytes;
  }
  void probe() {
    auto length = mtu.wants_probe(bytes_sent, 20ms, now);
    if (!length) return;
    ++probes;
    longest_probe = std::max(longest_probe, *length);
    probe_bytes += *length;
    auto number = mtu.on_probe_sent(bytes_sent, now);
    CHECK(path_mtu::is_probe(number));
    CHECK(path_mtu::length_of(number) == *length);
    if (passes(*length)) changes += mtu.on_probe_answered(number, now + 20ms);
  }
  void ping() {
    say(42);
    mtu.on_ping_sent(++pings, 20ms, now);
    if (!answers_pings) return;
    auto verdict = mtu.on_pong(pings, arrived, now + 20ms);
    falls += verdict.shrank;
    if (verdict.confirm_with == 0) return;
    ++doubts;
    auto number = mtu.next_confirmation();
    for (unsigned i = 0; i < verdict.confirm_with; ++i)
      if (passes(path_mtu::length_of(number))) (void)mtu.on_probe_answered(number, now + 40ms);
    say(42);
    mtu.on_doubted(++pings);
    falls += mtu.on_pong(pings, arrived, now + 40ms).shrank;
  }
  bool passes(std::size_t bytes) { return bytes <= path_bytes && random.next_unit() >= loss; }

  path_mtu mtu{base};
  seeded_random random{5};
  std::size_t path_bytes;
  double loss = 0;
  bool answers_pings = true;
  steady_time now{100s};
  std::uint64_t bytes_sent = 0;
  std::uint64_t arrived = 0;
  std::uint32_t pings = 0;
  int probes = 0;
  std::size_t longest_probe = 0;
  std::uint64_t probe_bytes = 0;
  int changes = 0;
  int doubts = 0;
  int falls = 0;
};

} // namespace

TEST_CASE("a path that carries what its interface does is found with one probe, after it has carried something") {
  search s{1472, 1472};
  CHECK(s.mtu.datagram_bytes() == base);
  CHECK_FALSE(s.mtu.wants_probe(limits::path_mtu_first_probe_bytes - 1, 20ms, s.now));
  s.flow();
  CHECK(s.mtu.datagram_bytes() == 1472);
  CHECK(s.mtu.is_complete());
  s.flow_for(1h);
  CHECK(s.probes == 1);
  CHECK(s.changes == 1);
  CHECK(s.doubts == 0);
}

TEST_CASE("on any path the search ends with a usual length that passes, and the next longer one does not") {
  struct expected {
    std::size_t path, found;
  };
  const std::vector<expected> paths{{1232, 1232}, {1251, 1232}, {1252, 1252}, {1372, 1372}, {1400, 1392},
                                    {1452, 1452}, {1471, 1464}, {1472, 1472}, {4051, 1472}, {4052, 4052},
                                    {8952, 8952}, {8971, 8952}, {8972, 8972}, {65507, 8972}};
  for (auto [path, found] : paths) {
    INFO(path);
    search s{8972, path};
    s.flow_for(1min);
    CHECK(s.mtu.datagram_bytes() == found);
    CHECK(s.mtu.is_complete());
    CHECK(s.probes <= 5 * static_cast<int>(limits::path_mtu_probes_max));
    CHECK(s.changes <= 4);
    CHECK(static_cast<double>(s.probe_bytes) < 0.025 * static_cast<double>(s.bytes_sent));
  }
}

TEST_CASE("nothing longer than the ceiling is tried, and with none beyond the base nothing at all") {
  search s{1452, 9000};
  s.flow_for(1h);
  CHECK(s.longest_probe == 1452);
  CHECK(s.mtu.datagram_bytes() == 1452);
  for (std::size_t ceiling : {std::size_t{0}, base}) {
    search none{ceiling, 9000};
    none.flow_for(1min);
    CHECK(none.probes == 0);
    CHECK_FALSE(none.mtu.is_enabled());
  }
  search longest{1u << 20, 1u << 20};
  longest.flow_for(1min);
  CHECK(longest.mtu.datagram_bytes() == 65535);
}

TEST_CASE("a link that carries nothing is not probed, however long it is up") {
  search s{1472, 1472};
  for (int i = 0; i < 1000; ++i) s.now += 10s, s.probe(), s.ping();
  CHECK(s.probes == 0);
  CHECK(s.mtu.datagram_bytes() == base);
}

TEST_CASE("a lost probe is repeated, and three lost ones end that length only") {
  search s{1472, 1472};
  s.say(70'000);
  auto first = s.mtu.wants_probe(s.bytes_sent, 20ms, s.now);
  REQUIRE(first == 1472u);
  (void)s.mtu.on_probe_sent(s.bytes_sent, s.now); // lost
  s.say(1'000'000);
  CHECK_FALSE(s.mtu.wants_probe(s.bytes_sent, 20ms, s.now + limits::path_mtu_probe_timeout_min - 1ms));
  s.now += limits::path_mtu_probe_timeout_min;
  CHECK(s.mtu.wants_probe(s.bytes_sent, 20ms, s.now) == 1472u);
  s.probe();
  CHECK(s.mtu.datagram_bytes() == 1472);

  search unlucky{1472, 1471};
  for (unsigned i = 0; i < limits::path_mtu_probes_max; ++i) unlucky.say(200'000), unlucky.probe(), unlucky.now += 1s;
  unlucky.path_bytes = 1472;
  unlucky.flow_for(1min);
  CHECK(unlucky.mtu.datagram_bytes() == 1464);
}

TEST_CASE("a long round trip is waited for") {
  search s{1472, 1472};
  s.say(70'000);
  REQUIRE(s.mtu.wants_probe(s.bytes_sent, 2s, s.now));
  auto number = s.mtu.on_probe_sent(s.bytes_sent, s.now);
  s.say(1'000'000);
  CHECK_FALSE(s.mtu.wants_probe(s.bytes_sent, 2s, s.now + 5s));
  CHECK(s.mtu.on_probe_answered(number, s.now + 5s));
}

TEST_CASE("ten minutes after a search that stayed below the ceiling longer datagrams are tried again") {
  search s{1472, 1372};
  s.flow_for(1min);
  REQUIRE(s.mtu.datagram_bytes() == 1372);
  auto probes = s.probes;
  s.path_bytes = 1472;
  s.flow_for(8min);
  CHECK(s.probes == probes);
  s.flow_for(2min);
  CHECK(s.mtu.datagram_bytes() == 1472);
}

TEST_CASE("a path that shrinks without a word is a black hole: base at once, then what it does carry") {
  search s{1472, 1472};
  s.flow_for(10s);
  REQUIRE(s.mtu.datagram_bytes() == 1472);
  s.path_bytes = 1400;
  s.flow();
  CHECK(s.falls == 1);
  CHECK(s.mtu.datagram_bytes() == base);
  s.flow_for(30s);
  CHECK(s.mtu.datagram_bytes() == 1392);
  CHECK(s.falls == 1);
  s.path_bytes = 1472;
  s.flow_for(11min);
  CHECK(s.mtu.datagram_bytes() == 1472);
}

TEST_CASE("little traffic finds the black hole, too") {
  search s{1472, 1472};
  s.flow_for(1s);
  s.path_bytes = 1300;
  for (int i = 0; i < 2; ++i) s.now += 1s, s.say(1472), s.say(100), s.ping();
  CHECK(s.falls == 1);
}

TEST_CASE("while not even pings are answered nothing is concluded") {
  search s{1472, 1472};
  s.flow_for(1s);
  s.path_bytes = 0;
  s.answers_pings = false;
  s.flow_for(10s);
  CHECK(s.mtu.datagram_bytes() == 1472);
}

TEST_CASE("plain loss is no black hole") {
  for (double loss : {0.01, 0.05, 0.2, 0.4}) {
    search s{1472, 1472};
    s.flow_for(1s);
    REQUIRE(s.mtu.datagram_bytes() == 1472);
    s.loss = loss;
    s.flow_for(30s);
    CHECK(s.falls == 0);
    CHECK(s.mtu.datagram_bytes() == 1472);
  }
}

TEST_CASE("a doubt that a confirmation refutes changes nothing, and doubts grow rare") {
  search s{1472, 1472};
  s.flow_for(1s);
  for (int i = 0; i < 600; ++i) { // a peer whose count of bytes stands still
    s.now += 100ms;
    auto before = s.arrived;
    s.say(1472), s.say(1472);
    s.arrived = before;
    s.ping();
  }
  CHECK(s.falls == 0);
  CHECK(s.doubts >= 10);
  CHECK(s.doubts <= 30);
}

TEST_CASE("answers to probes of before a fall, of another path and of no probe prove nothing") {
  search s{1472, 1472};
  s.flow_for(1s);
  auto before = s.mtu.next_confirmation();
  s.path_bytes = 1232;
  s.flow();
  REQUIRE(s.mtu.datagram_bytes() == base);
  CHECK_FALSE(s.mtu.on_probe_answered(before, s.now));
  CHECK(s.mtu.datagram_bytes() == base);

  search moved{1472, 1472};
  moved.flow_for(1s);
  before = moved.mtu.next_confirmation();
  moved.mtu.on_path_changed();
  CHECK(moved.mtu.datagram_bytes() == base);
  CHECK_FALSE(moved.mtu.on_probe_answered(before, moved.now));
  CHECK_FALSE(moved.mtu.on_probe_answered(moved.mtu.next_confirmation() - base + 65535, moved.now)); // beyond the ceiling
  moved.flow();
  CHECK(moved.mtu.datagram_bytes() == 1472); // and the search begins at once
}

TEST_CASE("what the network says is too long ends a probe at once, and names the next length") {
  search s{1472, 1400};
  s.say(70'000);
  REQUIRE(s.mtu.wants_probe(s.bytes_sent, 20ms, s.now) == 1472u);
  (void)s.mtu.on_probe_sent(s.bytes_sent, s.now);
  auto verdict = s.mtu.on_too_long(1400, false, s.now);
  CHECK_FALSE(verdict.shrank);
  CHECK(verdict.confirm_with == 0);
  s.say(200'000);
  s.probe();
  CHECK(s.mtu.datagram_bytes() == 1400);
  CHECK(s.mtu.is_complete());
}

TEST_CASE("this machine's own word shrinks datagrams at once, a stranger's only makes us look") {
  search s{8972, 8972};
  s.flow_for(10s);
  REQUIRE(s.mtu.datagram_bytes() == 8972);
  CHECK(s.mtu.on_too_long(1400, false, s.now).confirm_with == limits::path_mtu_confirmations);
  CHECK(s.mtu.datagram_bytes() == 8972);
  CHECK(s.mtu.on_too_long(1472, true, s.now).shrank);
  CHECK(s.mtu.datagram_bytes() == base);
  s.path_bytes = 1472;
  s.flow_for(5s);
  CHECK(s.mtu.datagram_bytes() == 1472);
  CHECK_FALSE(s.mtu.on_too_long(9000, true, s.now).shrank);
  CHECK_FALSE(s.mtu.on_too_long(0, false, s.now).shrank);
  CHECK(s.mtu.on_too_long(500, true, s.now).shrank);
  CHECK(s.mtu.is_complete()); // nothing between the base and what fits
}

TEST_CASE("whatever is heard, datagrams are between base and ceiling, and longer only by an answered probe") {
  REQUIRE(rc::check("path MTU under fire", [] {
    auto ceiling = *rc::gen::inRange<std::size_t>(1000, 10'000);
    path_mtu mtu{base};
    mtu.enable(ceiling);
    steady_time now{10s};
    std::uint64_t sent = 0;
    std::vector<std::uint32_t> asked;
    auto steps = *rc::gen::container<std::vector<std::tuple<int, std::uint16_t>>>(
      rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::arbitrary<std::uint16_t>()));
    std::uint32_t ping = 0;
    for (auto [what, value] : steps) {
      const auto before = mtu.datagram_bytes();
      now += std::chrono::milliseconds{value % 3000};
      switch (what) {
      case 0: sent += value * 100u; break;
      case 1:
        if (auto length = mtu.wants_probe(sent, 20ms, now)) {
          RC_ASSERT(*length > before && *length <= ceiling);
          asked.push_back(mtu.on_probe_sent(sent, now));
        }
        break;
      case 2:
        if (!asked.empty()) (void)mtu.on_probe_answered(asked[value % asked.size()], now);
        break;
      case 3: (void)mtu.on_too_long(value, value % 2 == 0, now); break;
      case 4: mtu.on_sent(value, mtu.is_long(value)); break;
      case 5: mtu.on_ping_sent(++ping, 20ms, now); break;
      case 6:
        if (mtu.on_pong(value % 4 == 0 ? ping : value, value, now).confirm_with > 0) mtu.on_doubted(++ping);
        break;
      default: mtu.on_path_changed(); break;
      }
      RC_ASSERT(mtu.datagram_bytes() >= base && mtu.datagram_bytes() <= std::max(ceiling, base));
      if (mtu.datagram_bytes() > before) RC_ASSERT(what == 2);
    }
  }));
}
