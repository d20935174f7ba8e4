#include "runtime/base/limits.hpp"
#include "tests/runtime/link/simulated_pair.hpp"

using namespace glow;
using namespace glow::link;

namespace {

seeded_random keys_random{78};
const test_node alice = make_node("alice", keys_random);
const test_node bob = make_node("bob", keys_random);
constexpr std::size_t one_datagram = limits::udp_datagram_bytes_max - sealed_overhead_bytes;
constexpr std::size_t one_record = 15857;

link_config with_records(const test_node& node, role as, std::uint32_t index) {
  auto out = config_of(node, as, index);
  out.features = feature_records;
  return out;
}
simulated_pair both_with_records(std::uint64_t seed = 1) {
  return {with_records(alice, role::initiator, 101), with_records(bob, role::responder, 202), seed};
}
std::size_t offer(const simulated_pair& pair, const simulated_side& side) {
  return side.machine.figures(pair.now).packet_bytes_max;
}

/// A packet of this length, told apart by its first bytes.
std::string packet(std::size_t number, std::size_t bytes) {
  auto out = std::to_string(number) + " ";
  out.resize(bytes, 'x');
  return out;
}

/// Both sides have something to send, and find out that records pass.
void start_with_records(simulated_pair& pair) {
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(100ms);
  for (std::size_t sent = 0; sent <= limits::record_body_bytes_max * 16; sent += one_datagram)
    for (auto* side : {&pair.a, &pair.b}) pair.send(*side, packet(0, one_datagram));
  REQUIRE(pair.run_until([&] { return offer(pair, pair.a) == one_record && offer(pair, pair.b) == one_record; }));
  pair.run_for(100ms);
  pair.a.delivered.clear();
  pair.b.delivered.clear();
}

/// Bulk from a to b, as long as the link offers; b answers each packet, as streams do.
void flow(simulated_pair& pair, duration how_long) {
  for (auto end = pair.now + how_long; pair.now < end; pair.run_for(3ms)) { // paced: longer than a round trip
    pair.send(pair.a, packet(0, offer(pair, pair.a)));
    pair.send(pair.b, "acknowledged");
  }
}

} // namespace

TEST_CASE("two sides that know records offer them once a probe came through, and long packets arrive whole") {
  auto pair = both_with_records();
  start_with_records(pair);
  CHECK(pair.a.announced_changes >= 1);
  for (std::size_t bytes : {one_datagram, one_datagram + 1, std::size_t{5000}, one_record}) {
    pair.send(pair.a, packet(bytes, bytes));
    pair.run_for(50ms);
    REQUIRE_FALSE(pair.b.delivered.empty());
    CHECK(pair.b.delivered.back() == packet(bytes, bytes));
  }
  auto count = pair.b.delivered.size();
  pair.send(pair.a, packet(0, one_record + 1));
  pair.run_for(50ms);
  CHECK(pair.b.delivered.size() == count);
  CHECK(pair.a.bytes_max_sent <= limits::udp_datagram_bytes_max);
}

TEST_CASE("a link that carries little is not probed") {
  auto pair = both_with_records();
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  for (int i = 0; i < 60; ++i) pair.send(pair.a, "little"), pair.run_for(1s);
  CHECK(offer(pair, pair.a) == one_datagram);
  for (auto& each : pair.tape) CHECK(each.size() < 1000);
}

TEST_CASE("a peer that does not know records never sees a piece") {
  for (bool old_one_dials : {false, true}) {
    auto a = old_one_dials ? config_of(alice, role::initiator, 101) : with_records(alice, role::initiator, 101);
    auto b = old_one_dials ? with_records(bob, role::responder, 202) : config_of(bob, role::responder, 202);
    simulated_pair pair{a, b};
    pair.start();
    REQUIRE(pair.run_until([&] { return pair.both_up(); }));
    flow(pair, 5s);
    CHECK(offer(pair, pair.a) == one_datagram);
    CHECK(offer(pair, pair.b) == one_datagram);
    for (auto& each : pair.tape) CHECK(each[0] < static_cast<std::uint8_t>(datagram_type::piece_of_packet));
  }
}

TEST_CASE("records pass a channel that repeats and reorders, each once") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto pair = both_with_records(seed);
    start_with_records(pair);
    pair.faults = {.repeat = 0.2, .delay = 1ms, .jitter = 1ms};
    for (std::size_t i = 0; i < 4; ++i) pair.send(pair.a, packet(i, one_record));
    pair.run_for(100ms);
    auto got = pair.b.delivered;
    std::sort(got.begin(), got.end());
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < 4; ++i) expected.push_back(packet(i, one_record));
    REQUIRE(got == expected);
  }
}

TEST_CASE("on a link that begins to lose, packets fall back to one datagram, and return when it is clean again") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto pair = both_with_records(seed);
    start_with_records(pair);
    flow(pair, 3s);
    CHECK(offer(pair, pair.a) == one_record);
    pair.faults.loss = 0.02;
    flow(pair, 6s);
    CHECK(offer(pair, pair.a) == one_datagram);
    flow(pair, 20s);
    CHECK(offer(pair, pair.a) == one_datagram);
    pair.faults.loss = 0;
    flow(pair, 60s);
    CHECK(pair.a.machine.figures(pair.now).link_class == "local");
    CHECK(offer(pair, pair.a) == one_record);
  }
}

TEST_CASE("packets that were made for records still pass when the offer has shrunk") {
  auto pair = both_with_records();
  start_with_records(pair);
  pair.faults.loss = 0.02;
  flow(pair, 6s);
  REQUIRE(offer(pair, pair.a) == one_datagram);
  pair.faults.loss = 0;
  pair.b.delivered.clear();
  pair.send(pair.a, packet(1, one_record));
  pair.run_for(50ms);
  CHECK(pair.b.delivered == std::vector<std::string>{packet(1, one_record)});
}

TEST_CASE("pieces from another channel than the link's are ignored: nobody else can spoil a record") {
  auto pair = both_with_records();
  start_with_records(pair);
  pair.tape.clear();
  pair.faults.cut = true;
  pair.send(pair.a, packet(1, one_record));
  auto pieces = pair.tape;
  REQUIRE(pieces.size() == 13);
  pair.faults.cut = false;
  auto forged = pieces[3];
  forged.back() = static_cast<std::uint8_t>(forged.back() + 1);
  (void)pair.b.machine.on_datagrams_from(99, packet_batch::of(forged), pair.now, pair.random);
  for (auto& each : pieces) pair.inject(pair.b, each);
  CHECK(pair.b.delivered == std::vector<std::string>{packet(1, one_record)});
}

TEST_CASE("a roamed peer starts with single datagrams, and offers records when they are proven there") {
  auto pair = both_with_records();
  start_with_records(pair);
  pair.a.speaks_from = 7;
  pair.send(pair.a, "hello from elsewhere");
  pair.run_for(2ms);
  REQUIRE(pair.b.moves == std::vector<channel_key>{7});
  CHECK(offer(pair, pair.b) == one_datagram);
  flow(pair, 15s);
  CHECK(offer(pair, pair.b) == one_record);
}
