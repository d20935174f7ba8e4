#include "runtime/stream/limits.hpp"
#include "tests/runtime/stream/conversation_pair.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::stream;
using glow::stream::test::conversation_pair;
using glow::stream::test::random_body;

namespace {

/// Sends one request of this size and returns true when exactly its echo came back.
bool echoes(conversation_pair& net, std::size_t size, duration patience = 10min) {
  auto body = random_body(net.random, size);
  auto id = net.sides[0]->send_request(7, body, net.now + patience);
  if (!id) return false;
  if (!net.run([&] { return net.answers.contains({0, *id}); }, patience)) return false;
  auto& answer = net.answers.at({0, *id});
  return answer.ok() && *answer == body;
}

bool all_quiet(conversation_pair& net) {
  return net.run([&] { return net.sides[0]->is_idle() && net.sides[1]->is_idle(); }, 1min);
}

} // namespace

TEST_CASE("a body of any size comes back unchanged over a clean path") {
  conversation_pair net{{}, 1};
  for (std::size_t size : {0u, 1u, 100u, 1100u, 1170u, 1200u, 16384u, 100000u, 1u << 20, 4u << 20}) {
    INFO(size);
    CHECK(echoes(net, size));
  }
  CHECK(net.longest <= 1200);
  CHECK(all_quiet(net));
}

TEST_CASE("a body comes back unchanged over paths that lose, reorder and duplicate") {
  for (double loss : {0.0, 0.05, 0.2}) {
    INFO(loss);
    conversation_pair net{{loss, 0.02, 2ms, 3ms}, 2};
    for (std::size_t size : {0u, 1u, 5000u, 300000u, 4u << 20}) CHECK(echoes(net, size));
    CHECK(net.served[1][7] == 5);
    CHECK(all_quiet(net));
  }
}

TEST_CASE("random bodies over random networks arrive exactly, each request served once") {
  REQUIRE(rc::check([] {
    auto loss = *rc::gen::inRange(0, 25) / 100.0;
    auto packet = static_cast<std::size_t>(*rc::gen::element(64, 200, 1200, 9000, 65000));
    conversation_pair net{{loss, 0.02, 1ms, 2ms}, *rc::gen::arbitrary<std::uint64_t>()};
    net.set_route(path{node_id{}, true, packet, 1ms});
    auto sizes = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 60000));
    std::map<std::uint64_t, byte_string> sent;
    for (auto size : sizes) {
      auto body = random_body(net.random, size);
      auto id = net.sides[0]->send_request(1, body, net.now + 1h);
      RC_ASSERT(id.ok());
      sent[*id] = body;
    }
    RC_ASSERT(net.run([&] { return net.answers.size() == sent.size(); }, 1h));
    for (auto& [id, body] : sent) RC_ASSERT(*net.answers.at({0, id}) == body);
    RC_ASSERT(net.served[1][1] == static_cast<int>(sent.size()));
    RC_ASSERT(net.longest <= packet);
  }));
}

TEST_CASE("both sides may ask at the same time") {
  conversation_pair net{{0.1, 0, 2ms, 1ms}, 3};
  auto a = random_body(net.random, 500000);
  auto b = random_body(net.random, 400000);
  auto first = net.sides[0]->send_request(1, a, net.now + 1min);
  auto second = net.sides[1]->send_request(2, b, net.now + 1min);
  REQUIRE(net.run([&] { return net.answers.size() == 2; }, 10min));
  CHECK(*net.answers.at({0, *first}) == a);
  CHECK(*net.answers.at({1, *second}) == b);
}

TEST_CASE("an error answer arrives with its code and text") {
  conversation_pair net{{}, 4};
  net.serve = [](const request_received&) -> result<byte_string> { return error{error_code::not_found, "no such path: /a"}; };
  auto id = net.sides[0]->send_request(1, {}, net.now + 1min);
  REQUIRE(net.run([&] { return !net.answers.empty(); }, 1min));
  CHECK(net.answers.at({0, *id}).why() == error{error_code::not_found, "no such path: /a"});
}

TEST_CASE("a small request overtakes a long one") {
  conversation_pair net{{0, 0, 10ms}, 5};
  auto bulk = net.sides[0]->send_request(1, random_body(net.random, 4u << 20), net.now + 1h);
  net.run([] { return false; }, 50ms);
  auto small = net.sides[0]->send_request(2, random_body(net.random, 100), net.now + 1h);
  REQUIRE(net.run([&] { return net.answers.contains({0, *small}); }, 1h));
  CHECK_FALSE(net.answers.contains({0, *bulk}));
  CHECK(net.run([&] { return net.answers.contains({0, *bulk}); }, 1h));
}

TEST_CASE("a long request is not starved by a stream of small ones") {
  conversation_pair net{{0, 0, 1ms}, 6};
  auto bulk = net.sides[0]->send_request(1, random_body(net.random, 100000), net.now + 1h);
  int small = 0;
  bool done = net.run(
    [&] {
      while (net.sides[0]->held_bytes() < 3000000) {
        if (!net.sides[0]->send_request(2, random_body(net.random, 12000), net.now + 1h)) break;
        ++small;
      }
      return net.answers.contains({0, *bulk});
    },
    5s);
  CHECK(done);
  CHECK(small > 100);
}

TEST_CASE("a request sent from scratch to a peer that restarted is served by its new incarnation") {
  conversation_pair net{{0.05, 0, 5ms}, 7};
  auto body = random_body(net.random, 1u << 20);
  auto id = net.sides[0]->send_request(1, body, net.now + 1h);
  net.run([] { return false; }, 40ms);
  net.restart(1);
  REQUIRE(net.run([&] { return net.answers.contains({0, *id}); }, 1min));
  CHECK(*net.answers.at({0, *id}) == body);
  CHECK(net.served[1][1] == 1);
}

TEST_CASE("a peer that restarted before it answered is asked again") {
  conversation_pair net{{0, 0, 5ms}, 8};
  net.serve = nullptr;
  auto id = net.sides[0]->send_request(1, {1, 2, 3}, net.now + 1h);
  net.run([&] { return net.served[1][1] == 1; }, 1s);
  net.run([] { return false; }, 1s); // acknowledged, not answered
  net.restart(1);
  net.serve = [](const request_received& e) -> result<byte_string> { return e.body; };
  SECTION("as soon as its route comes back") {
    net.set_route(std::nullopt);
    net.run([] { return false; }, 100ms);
    net.set_route(path{node_id{}, true, 1200, 1ms});
    CHECK(net.run([&] { return net.answers.contains({0, *id}); }, 100ms));
  }
  SECTION("at the latest when it was silent for long") {
    CHECK(net.run([&] { return net.answers.contains({0, *id}); }, limits::stream_keepalive + 1s));
  }
  CHECK(net.served[1][1] == 2);
}

TEST_CASE("a requester that restarted gets no answers of its former life") {
  conversation_pair net{{0, 0, 5ms}, 9};
  (void)net.sides[0]->send_request(1, {1}, net.now + 1h);
  net.serve = nullptr;
  net.run([&] { return net.served[1][1] == 1; }, 1s);
  net.restart(0);
  auto id = net.sides[0]->send_request(2, {2}, net.now + 1h);
  REQUIRE(net.run([&] { return net.served[1][2] == 1; }, 1min));
  CHECK(net.restarts_seen == 1);
  net.sides[1]->send_answer(*id, byte_string{3});
  REQUIRE(net.run([&] { return net.answers.contains({0, *id}); }, 1min));
  CHECK(*net.answers.at({0, *id}) == byte_string{3});
}

TEST_CASE("late packets of an earlier incarnation change nothing") {
  conversation_pair net{{}, 10};
  REQUIRE(echoes(net, 10));
  std::vector<byte_string> old;
  (void)net.sides[0]->send_request(9, {1}, net.now + 1h);
  net.sides[0]->collect_packets(net.now, old);
  net.restart(0);
  REQUIRE(echoes(net, 10));
  auto seen = net.restarts_seen;
  for (auto& each : old) net.arrive(1, each);
  CHECK(net.served[1][9] == 0);
  CHECK(net.restarts_seen == seen);
  CHECK(echoes(net, 1000));
}

TEST_CASE("a duplicated packet does not run a request twice") {
  conversation_pair net{{0, 1.0, 2ms, 3ms}, 11};
  REQUIRE(echoes(net, 50000));
  CHECK(net.served[1][7] == 1);
}

TEST_CASE("the path may shrink, grow and move in the middle of a message") {
  conversation_pair net{{0.02, 0, 5ms}, 12};
  net.set_route(path{node_id{}, true, 65000, 1ms});
  auto body = random_body(net.random, 4u << 20);
  auto id = net.sides[0]->send_request(1, body, net.now + 1h);
  net.run([] { return false; }, 20ms);
  net.longest = 0;
  net.set_route(path{node_id{}, true, 300, 1ms});
  CHECK(net.longest <= 300);
  net.run([] { return false; }, 20ms);
  auto other = node_id{};
  other.value[0] = 1;
  net.set_route(path{other, false, 1200, 9ms});
  REQUIRE(net.run([&] { return net.answers.contains({0, *id}); }, 1h));
  CHECK(*net.answers.at({0, *id}) == body);
  CHECK(net.served[1][1] == 1);
}

TEST_CASE("nothing is sent without a route, and all goes on when it returns") {
  conversation_pair net{{}, 13};
  auto id = net.sides[0]->send_request(1, random_body(net.random, 300000), net.now + 1h);
  net.run([] { return false; }, 10ms);
  net.set_route(std::nullopt);
  auto sent = net.sent;
  net.run([] { return false; }, 1min);
  CHECK(net.sent == sent);
  net.set_route(path{node_id{}, true, 1200, 1ms});
  CHECK(net.run([&] { return net.answers.contains({0, *id}); }, 2s));
}

TEST_CASE("a path that swallows everything for a while is probed until it works") {
  conversation_pair net{{}, 14};
  auto id = net.sides[0]->send_request(1, random_body(net.random, 300000), net.now + 1h);
  net.run([] { return false; }, 10ms);
  net.blackhole = true;
  auto sent = net.sent;
  net.run([] { return false; }, 1min);
  CHECK(net.sent - sent < 200); // probes back off
  CHECK(net.sides[0]->is_unheard());
  net.blackhole = false;
  CHECK(net.run([&] { return net.answers.contains({0, *id}); }, limits::stream_probe_wait_max + 5s));
}

TEST_CASE("conversations without work need no wake-up") {
  conversation_pair net{{}, 15};
  REQUIRE(echoes(net, 100000));
  REQUIRE(all_quiet(net));
  net.run([] { return false; }, 1s);
  CHECK_FALSE(net.sides[0]->wake_at());
  CHECK_FALSE(net.sides[1]->wake_at());
}

TEST_CASE("a cancelled request is dropped by the peer, half-received or not") {
  conversation_pair net{{}, 16};
  net.serve = nullptr;
  auto whole = net.sides[0]->send_request(1, {1}, net.now + 1h);
  auto half = net.sides[0]->send_request(2, random_body(net.random, 4u << 20), net.now + 1h);
  net.run([&] { return net.served[1][1] == 1; }, 1s);
  net.run([] { return false; }, 5ms);
  CHECK(net.sides[1]->held_bytes() > 0);
  net.sides[0]->cancel_request(*whole);
  net.sides[0]->cancel_request(*half);
  net.run([] { return false; }, 1s);
  CHECK(net.cancelled == 1);
  CHECK(net.sides[0]->is_idle());
  CHECK(net.sides[1]->is_idle());
  CHECK(net.sides[1]->held_bytes() == 0);
}

TEST_CASE("half a request is forgotten when its time has passed") {
  conversation_pair net{{}, 17};
  (void)net.sides[0]->send_request(1, random_body(net.random, 4u << 20), net.now + 2s);
  net.run([] { return false; }, 10ms);
  net.blackhole = true;
  CHECK(net.sides[1]->held_bytes() == 4u << 20);
  net.run([] { return false; }, 3s);
  CHECK(net.sides[1]->held_bytes() == 0);
}

TEST_CASE("more requests than may wait are refused") {
  conversation_pair net{{}, 18};
  net.set_route(std::nullopt);
  std::size_t taken = 0;
  for (;; ++taken) {
    auto id = net.sides[0]->send_request(1, {1}, net.now + 1h);
    if (id) continue;
    CHECK(id.why().code == error_code::exhausted);
    break;
  }
  CHECK(taken == limits::stream_requests_outstanding_max + limits::stream_requests_queued_max);
  net.set_route(path{node_id{}, true, 1200, 1ms});
  CHECK(net.run([&] { return net.answers.size() == taken; }, 1min));
}

TEST_CASE("more bytes than may be held are refused") {
  conversation_pair net{{}, 19};
  net.set_route(std::nullopt);
  std::size_t taken = 0;
  while (net.sides[0]->send_request(1, byte_string(limits::message_bytes_max), net.now + 1h)) ++taken;
  CHECK(taken == limits::stream_held_bytes_max / limits::message_bytes_max);
  CHECK_FALSE(net.sides[0]->send_request(1, byte_string(limits::message_bytes_max + 1), net.now + 1h));
}

TEST_CASE("random bytes do not disturb a conversation") {
  conversation_pair net{{}, 20};
  REQUIRE(echoes(net, 1000));
  for (int i = 0; i < 20000; ++i) {
    auto junk = random_body(net.random, net.random.next_below(120));
    if (junk.size() >= packet_header_bytes) {
      junk[0] = 0x12;
      std::memset(junk.data() + 5, 0, 4); // a fresh-looking peer, so that the frames are read
      std::memset(junk.data() + 1, 1, 4);
    }
    net.arrive(1, junk);
    if (i % 1000 == 0) net.flush();
  }
  CHECK(net.malformed > 10000);
  net.restart(0);
  CHECK(echoes(net, 100000));
}

TEST_CASE("a peer that claims many long messages is held to the bound") {
  conversation_pair net{{}, 21};
  conversation_events events;
  std::uint32_t number = 0;
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    byte_string packet;
    append_header(packet, {traffic_class::bulk, 77, 0, number++});
    byte_string one{1};
    append_message(packet, {message_kind::request, id, 1, 60000, limits::message_bytes_max, 0, one});
    net.arrive(1, packet);
  }
  CHECK(net.sides[1]->held_bytes() <= limits::stream_inbound_bytes_max);
  CHECK(net.sides[1]->held_bytes() > 0);
}
