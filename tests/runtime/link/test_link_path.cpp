// Link machines find out how long their datagrams may be, over channels that do not tell.
#include "tests/runtime/link/alice_and_bob.hpp"
#include "tests/runtime/link/simulated_pair.hpp"

using namespace glow;
using namespace glow::link;
using namespace glow::link::alice_and_bob;

namespace {

constexpr std::size_t base = limits::udp_datagram_bytes_max;
constexpr std::uint64_t all_features = feature_records | feature_heads | feature_piece_lengths;

link_config probing(const test_node& node, role as, std::uint32_t index, std::uint64_t features = 0, std::size_t ceiling = 1472) {
  auto out = config_of(node, as, index);
  out.features = features;
  out.datagram_bytes_ceiling = ceiling;
  return out;
}
simulated_pair both(std::uint64_t features = 0, std::size_t ceiling = 1472) {
  return {probing(alice, role::initiator, 101, features, ceiling), probing(bob, role::responder, 202, features, ceiling)};
}
link_figures figures(const simulated_pair& pair, const simulated_side& side) { return side.machine.figures(pair.now); }

/// Bulk from a to b, as long as the link offers; b answers each packet. Returns how many of them arrived.
std::size_t flow(simulated_pair& pair, duration how_long, duration pause = 3ms) {
  const auto before = pair.b.delivered.size();
  for (auto end = pair.now + how_long; pair.now < end; pair.run_for(pause)) {
    pair.send(pair.a, std::string(figures(pair, pair.a).packet_bytes_max, 'x'));
    if (pair.b.delivered.size() > before) pair.send(pair.b, "acknowledged");
  }
  return pair.b.delivered.size() - before;
}
void start(simulated_pair& pair) {
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(100ms);
}

} // namespace

TEST_CASE("under load packets grow to what the path carries, each direction by itself, and everybody is told") {
  auto pair = both();
  pair.b.path_bytes_max = 1400;
  start(pair);
  CHECK(figures(pair, pair.a).packet_bytes_max == base - sealed_overhead_bytes);
  auto told = pair.a.announced_changes;
  flow(pair, 1s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1472);
  CHECK(figures(pair, pair.a).packet_bytes_max == 1472 - sealed_overhead_bytes);
  CHECK(figures(pair, pair.b).datagram_bytes == base); // it has said little
  CHECK(pair.a.announced_changes > told);
  auto count = pair.b.delivered.size();
  pair.send(pair.a, std::string(1472 - sealed_overhead_bytes, 'y'));
  pair.send(pair.a, std::string(1472 - sealed_overhead_bytes + 1, 'z'));
  pair.run_for(50ms);
  CHECK(pair.b.delivered.size() == count + 1);
  CHECK(pair.a.bytes_max_sent == 1472);
  for (int i = 0; i < 30'000; ++i) pair.send(pair.b, std::string(1000, 'b')), pair.run_for(1ms);
  CHECK(figures(pair, pair.b).datagram_bytes == 1392);
}

TEST_CASE("a link that carries little sends no probe") {
  auto pair = both();
  start(pair);
  for (int i = 0; i < 60; ++i) pair.send(pair.a, "little"), pair.run_for(1s);
  CHECK(pair.a.bytes_max_sent < 1000);
}

TEST_CASE("probes stay within the lower ceiling of both sides, and a peer that tells none answers them all the same") {
  simulated_pair smaller{probing(alice, role::initiator, 101, 0, 8972), probing(bob, role::responder, 202, 0, 1452)};
  start(smaller);
  flow(smaller, 2s);
  CHECK(smaller.a.bytes_max_sent == 1452);
  CHECK(figures(smaller, smaller.a).datagram_bytes == 1452);
  simulated_pair old{probing(alice, role::initiator, 101, all_features), config_of(bob, role::responder, 202)};
  start(old);
  flow(old, 2s);
  CHECK(figures(old, old.a).datagram_bytes == 1472);
}

TEST_CASE("declared slow links are not probed") {
  auto slow = probing(alice, role::initiator, 101);
  slow.declared_class = "control";
  simulated_pair pair{slow, probing(bob, role::responder, 202)};
  start(pair);
  flow(pair, 5s);
  CHECK(pair.a.bytes_max_sent <= base);
}

TEST_CASE("lost probes are neither loss of the link nor a rate") {
  auto pair = both();
  pair.a.path_bytes_max = base;
  start(pair);
  flow(pair, 30s);
  auto got = figures(pair, pair.a);
  CHECK(got.datagram_bytes == base);
  CHECK(got.loss == 0);
  CHECK(got.link_class == "local");
  CHECK(pair.a.bytes_max_sent > base);
}

TEST_CASE("a black hole that opens on a busy link is left within half a second, on a far one soon after a round trip") {
  for (auto delay : {duration{1ms}, duration{50ms}}) {
    INFO(to_ms(delay));
    auto pair = both();
    pair.faults.delay = delay;
    start(pair);
    flow(pair, 3s);
    REQUIRE(figures(pair, pair.a).datagram_bytes == 1472);
    pair.a.path_bytes_max = 1300;
    auto began = pair.now;
    while (figures(pair, pair.a).datagram_bytes != base && pair.now - began < 5s) flow(pair, 3ms);
    INFO("took " << to_ms(std::chrono::duration_cast<duration>(pair.now - began)) << " ms");
    CHECK(pair.now - began < (delay == duration{1ms} ? duration{500ms} : duration{1500ms}));
    CHECK(pair.both_up());
    auto arrived = flow(pair, 1s);
    CHECK(arrived > 250);
    flow(pair, 20s);
    CHECK(figures(pair, pair.a).datagram_bytes == 1252);
    CHECK(figures(pair, pair.a).state == "up");
  }
}

TEST_CASE("what the machine's own network refuses is answered at once") {
  auto pair = both();
  start(pair);
  flow(pair, 1s);
  REQUIRE(figures(pair, pair.a).datagram_bytes == 1472);
  auto told = pair.a.machine.on_too_long(1372, true, pair.now);
  CHECK(std::any_of(told.begin(), told.end(), [](auto& each) { return std::holds_alternative<announce_changed>(each); }));
  CHECK(figures(pair, pair.a).packet_bytes_max == base - sealed_overhead_bytes);
  flow(pair, 2s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1372);
  CHECK(pair.a.machine.on_too_long(0, false, pair.now).size() <= 2); // from anybody: a few probes at most
}

TEST_CASE("records go in pieces of the length that was found, and fall back to shorter ones through a black hole") {
  auto pair = both(all_features);
  start(pair);
  flow(pair, 4s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1472);
  CHECK(figures(pair, pair.a).packet_bytes_max == record_packet_bytes_max(1472));
  pair.tape.clear();
  flow(pair, 100ms);
  CHECK(
    std::any_of(pair.tape.begin(), pair.tape.end(), [](auto& each) { return is_piece(type_of(each)) && each.size() == 1472; }));
  pair.a.path_bytes_max = 1400;
  auto began = pair.now;
  while (figures(pair, pair.a).datagram_bytes != base && pair.now - began < 5s) flow(pair, 3ms);
  CHECK(pair.now - began < 1s);
  flow(pair, 40s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1392);
  CHECK(flow(pair, 1s) > 250);
}

TEST_CASE("a peer that knows only the agreed length of pieces gets those, among longer single datagrams") {
  auto pair = simulated_pair{probing(alice, role::initiator, 101, all_features),
                             probing(bob, role::responder, 202, feature_records | feature_heads)};
  start(pair);
  flow(pair, 4s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1472);
  CHECK(figures(pair, pair.a).packet_bytes_max == record_packet_bytes_max(base));
  pair.b.delivered.clear();
  pair.tape.clear();
  packet_batch mixed{
    {byte_string(15'000, 'r'), byte_string(1400, 's'), byte_string(100, 't'), byte_string(15'000, 'u'), byte_string(1400, 'v')}};
  auto todo = pair.a.machine.on_packets_to_send(std::move(mixed), pair.now);
  std::size_t singles = 0;
  for (auto& each : todo)
    if (auto* sent = std::get_if<send_datagrams>(&each))
      for (auto& run : sent->datagrams.contents())
        for (auto& datagram : datagrams_of(run, sent->run_bytes)) {
          if (is_piece(type_of(datagram))) CHECK(datagram.size() <= base);
          singles += datagram.size() == 1400 + sealed_overhead_bytes;
          pair.inject(pair.b, to_bytes(datagram));
        }
  CHECK(singles == 2);
  CHECK(pair.b.delivered.size() == 5);
}

TEST_CASE("over jumbo frames single datagrams are longer than a record is worth, and a path that loses them gets records again") {
  auto pair = both(all_features, 8972);
  start(pair);
  flow(pair, 4s);
  CHECK(figures(pair, pair.a).packet_bytes_max == 8972 - sealed_overhead_bytes);
  pair.a.path_bytes_max = 1472;
  flow(pair, 60s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1472);
  CHECK(figures(pair, pair.a).packet_bytes_max == record_packet_bytes_max(1472));
}

TEST_CASE("a roamed peer is spoken to in datagrams of the base length, until longer ones are proven there") {
  auto pair = both(all_features);
  start(pair);
  for (int i = 0; i < 500; ++i) pair.send(pair.b, std::string(1200, 'b')), pair.run_for(1ms);
  REQUIRE(figures(pair, pair.b).datagram_bytes == 1472);
  pair.b.path_bytes_max = 1400;
  pair.a.speaks_from = 7;
  pair.send(pair.a, "hello from elsewhere");
  pair.run_for(2ms);
  REQUIRE(pair.b.moves == std::vector<channel_key>{7});
  CHECK(figures(pair, pair.b).datagram_bytes == base);
  for (int i = 0; i < 20'000; ++i) pair.send(pair.b, std::string(1000, 'b')), pair.run_for(1ms);
  CHECK(figures(pair, pair.b).datagram_bytes == 1392);
}

TEST_CASE("packets pass a lossy far path in datagrams of the length it carries") {
  auto pair = both(all_features);
  pair.faults = {.loss = 0.05, .delay = 20ms};
  start(pair);
  flow(pair, 20s);
  CHECK(figures(pair, pair.a).datagram_bytes == 1472);
  CHECK(figures(pair, pair.a).packet_bytes_max == 1472 - sealed_overhead_bytes);
}
