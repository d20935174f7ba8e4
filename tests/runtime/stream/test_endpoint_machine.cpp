#include "runtime/stream/limits.hpp"
#include "tests/runtime/stream/machine_network.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::stream;
using glow::stream::test::machine_network;

namespace {

byte_string random_body(machine_network& net, std::size_t size) {
  byte_string out(size);
  net.random.fill(out);
  return out;
}

bool echoes(machine_network& net, std::size_t from, std::size_t to, std::size_t size, duration timeout = 10min) {
  auto body = random_body(net, size);
  auto ticket = net.ask(from, to, body, timeout);
  if (!net.run([&] { return net.has_answer(from, ticket); }, timeout + 1s)) return false;
  auto& answer = net.answer(from, ticket);
  return answer.ok() && *answer == body;
}

error_code failure_of(machine_network& net, std::size_t from, std::size_t to, duration timeout) {
  auto ticket = net.ask(from, to, {1}, timeout);
  net.run([&] { return net.has_answer(from, ticket); }, timeout + 1s);
  return net.answer(from, ticket).ok() ? error_code::none : net.answer(from, ticket).why().code;
}

/// 0 ─ 1 ─ 2: the ends share no link.
machine_network chain(std::uint64_t seed, std::size_t packet_bytes = 1200) {
  machine_network net{3, seed};
  net.link(0, 1, packet_bytes);
  net.link(1, 2, packet_bytes);
  return net;
}

constexpr auto keep_waiting = [](const request_arrived&) -> std::optional<result<byte_string>> { return {}; };

} // namespace

TEST_CASE("neighbours answer each other under their link's session alone") {
  machine_network net{2, 1};
  net.link(0, 1, 1200);
  for (std::size_t size : {0u, 1u, 50000u, 4u << 20}) CHECK(echoes(net, 0, 1, size));
  CHECK(net.sent_far == 0);
}

TEST_CASE("nodes that share no link answer each other through a relay that reads nothing") {
  auto net = chain(2);
  net.tap = true;
  auto body = to_bytes(std::string_view{"a very secret body, long enough to be found, repeated not at all"});
  auto ticket = net.ask(0, 2, body);
  REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 1s));
  CHECK(*net.answer(0, ticket) == body);
  CHECK(net.sent_direct == 0);
  for (auto& each : net.tapped) CHECK(as_text(each).find("secret") == std::string_view::npos);
  for (std::size_t size : {0u, 300000u, 4u << 20}) CHECK(echoes(net, 2, 0, size));
}

TEST_CASE("random bodies arrive exactly over relays that lose, reorder and repeat") {
  REQUIRE(rc::check("exact delivery", [] {
    auto net = chain(*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::element<std::size_t>(600, 1232, 65000));
    net.loss = *rc::gen::element(0.0, 0.05, 0.2);
    net.duplication = 0.05;
    net.jitter = 2ms;
    auto sizes =
      *rc::gen::container<std::vector<std::uint32_t>>(4, rc::gen::resize(100, rc::gen::inRange<std::uint32_t>(0, 1u << 17)));
    std::map<std::uint64_t, byte_string> sent;
    for (auto size : sizes) {
      auto body = random_body(net, size);
      sent[net.ask(0, 2, body, 1h)] = body;
    }
    RC_ASSERT(net.run([&] { return net.nodes[0].answers.size() == sent.size(); }, 1h));
    for (auto& [ticket, body] : sent) RC_ASSERT(net.answer(0, ticket).ok() && *net.answer(0, ticket) == body);
    RC_ASSERT(net.nodes[2].served[7] == static_cast<int>(sent.size()));
    RC_ASSERT(net.answered_twice == 0);
  }));
}

TEST_CASE("a request that stays at home needs no network") {
  machine_network net{1, 3};
  auto ticket = net.ask(0, 0, {1, 2});
  REQUIRE(net.has_answer(0, ticket));
  CHECK(*net.answer(0, ticket) == byte_string{1, 2});
  net.nodes[0].serve = keep_waiting;
  CHECK(failure_of(net, 0, 0, 2s) == error_code::timed_out);
}

TEST_CASE("a service's error travels back with code and text") {
  auto net = chain(4);
  net.nodes[2].serve = [](const request_arrived&) -> std::optional<result<byte_string>> {
    return result<byte_string>{error{error_code::exhausted, "disk full"}};
  };
  auto ticket = net.ask(0, 2, {});
  REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 1s));
  CHECK(net.answer(0, ticket).why() == error{error_code::exhausted, "disk full"});
}

TEST_CASE("without a route a request waits until its deadline, then says unreachable") {
  machine_network net{2, 5};
  auto started = net.now;
  CHECK(failure_of(net, 0, 1, 3s) == error_code::unreachable);
  CHECK(net.now - started >= 3s);
  auto ticket = net.ask(0, 1, {1}, 10s);
  net.rest(2s);
  net.link(0, 1, 1200);
  CHECK(net.run([&] { return net.has_answer(0, ticket) && net.answer(0, ticket).ok(); }, 1s));
}

TEST_CASE("a route that vanishes for longer than the grace fails what was under way over it") {
  auto net = chain(6);
  net.nodes[2].serve = keep_waiting;
  auto ticket = net.ask(0, 2, {1}, 1h);
  net.rest(100ms);
  auto lost_at = net.now;
  net.link(1, 2, 0);
  REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 1min));
  CHECK(net.answer(0, ticket).why().code == error_code::unreachable);
  CHECK(net.now - lost_at >= limits::stream_route_grace);
  CHECK(net.now - lost_at <= limits::stream_route_grace + 100ms);
}

TEST_CASE("a route that returns within the grace costs nothing but time") {
  auto net = chain(7);
  net.latency = 20ms;
  auto body = random_body(net, 300000);
  auto ticket = net.ask(0, 2, body, 1h);
  net.rest(150ms);
  net.link(1, 2, 0);
  net.rest(900ms);
  REQUIRE_FALSE(net.has_answer(0, ticket));
  net.link(1, 2, 1200);
  REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 1min));
  CHECK(net.answer(0, ticket).ok());
  CHECK(net.nodes[2].served[7] == 1);
}

TEST_CASE("a silent service times out, and its late answer is ignored") {
  auto net = chain(8);
  net.nodes[2].serve = keep_waiting;
  CHECK(failure_of(net, 0, 2, 2s) == error_code::timed_out);
  net.rest(1s);
  net.perform(2, net.nodes[2].machine->respond(net.nodes[2].held_tokens.at(0), byte_string{1}, net.now));
  net.rest(1s);
  CHECK(net.nodes[0].answers.size() == 1);
  CHECK(net.nodes[2].machine->figures().at(0).requests_in == 0);
}

TEST_CASE("switching between direct and relayed in mid-message loses and repeats nothing") {
  for (std::uint64_t seed : {9u, 10u, 11u}) {
    auto net = chain(seed);
    net.loss = 0.02;
    net.latency = 5ms;
    auto body = random_body(net, 4u << 20);
    auto ticket = net.ask(0, 2, body, 1h);
    for (int i = 0; i < 6; ++i) {
      net.rest(60ms);
      net.link(0, 2, i % 2 == 0 ? 9000 : 0);
    }
    REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 1h));
    CHECK(*net.answer(0, ticket) == body);
    CHECK(net.nodes[2].served[7] == 1);
    CHECK(net.sent_direct > 0);
    CHECK(net.sent_far > 0);
  }
}

TEST_CASE("an acknowledgement that falls due after the way became a relayed one is waited for, not spun for") {
  auto net = chain(36);
  net.link(0, 2, 1400);
  auto ticket = net.ask(0, 2, byte_string(100)); // direct: no session yet
  REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 5s));
  net.link(0, 2, 0);
  net.rest(50ms);
  CHECK(net.ticks_in_vain == 0);
}

TEST_CASE("both ends may open their session at the same moment") {
  for (std::uint64_t seed = 20; seed < 30; ++seed) {
    auto net = chain(seed);
    net.jitter = seed % 2 == 0 ? 0ms : 2ms;
    auto a = net.ask(0, 2, {1}, 10s);
    auto b = net.ask(2, 0, {2}, 10s);
    REQUIRE(net.run([&] { return net.has_answer(0, a) && net.has_answer(2, b); }, 3s));
    CHECK(net.answer(0, a).ok());
    CHECK(net.answer(2, b).ok());
  }
}

TEST_CASE("a peer that restarts in mid-request serves it in its new life, direct or relayed") {
  for (bool direct : {true, false}) {
    INFO(direct);
    auto net = chain(31);
    if (direct) net.link(0, 2, 1200);
    net.latency = 5ms;
    auto body = random_body(net, 1u << 20);
    auto ticket = net.ask(0, 2, body, 1h);
    net.rest(100ms);
    net.restart(2);
    REQUIRE(net.run([&] { return net.has_answer(0, ticket); }, 1min));
    CHECK(*net.answer(0, ticket) == body);
    CHECK(net.nodes[2].served[7] == 1);
  }
}

/// 0 ─ 1 ─ 3 and 0 ─ 2 ─ 3; the way over 1 is taken.
machine_network two_ways(std::uint64_t seed) {
  machine_network net{4, seed};
  for (std::size_t relay : {1u, 2u})
    for (std::size_t end : {0u, 3u}) net.link(end, relay, 1200);
  return net;
}

TEST_CASE("what a blackhole held up goes on in the same session as soon as there is another way") {
  for (duration silence : {50ms, 100ms, 300ms, 900ms, 4000ms}) {
    auto net = two_ways(42);
    REQUIRE(echoes(net, 0, 3, 100000));
    net.loss = 1;
    auto there = net.ask(0, 3, random_body(net, 5000)), back = net.ask(3, 0, random_body(net, 5000));
    net.rest(silence);
    net.loss = 0;
    net.link(0, 1, 0);
    CHECK(net.run([&] { return net.has_answer(0, there) && net.has_answer(3, back); }, 30ms));
    for (std::size_t end : {0u, 3u}) CHECK(net.nodes[end].machine->figures().at(0).has_session);
  }
}

TEST_CASE("a relayed peer that started anew in the blackhole is found by a new session") {
  auto net = two_ways(43);
  REQUIRE(echoes(net, 0, 3, 1000));
  net.loss = 1;
  auto ticket = net.ask(0, 3, random_body(net, 5000));
  net.rest(60s);
  net.restart(3);
  net.loss = 0;
  CHECK(net.run([&] { return net.has_answer(0, ticket); }, limits::stream_probe_wait_max + 1s));
  CHECK(net.nodes[3].served[7] == 1);
}

TEST_CASE("a requester that restarts finds its peers again, and their old answers do not confuse it") {
  for (bool direct : {true, false}) {
    auto net = chain(32);
    if (direct) net.link(0, 2, 1200);
    net.nodes[2].serve = keep_waiting;
    (void)net.ask(0, 2, {1}, 1h);
    net.rest(100ms);
    net.restart(0);
    net.nodes[2].serve = [](const request_arrived& e) -> std::optional<result<byte_string>> {
      return result<byte_string>{e.body};
    };
    CHECK(echoes(net, 0, 2, 5000, 10s));
    net.perform(2, net.nodes[2].machine->respond(net.nodes[2].held_tokens.at(0), byte_string{9}, net.now));
    CHECK(echoes(net, 0, 2, 10, 10s));
    CHECK(echoes(net, 2, 0, 10, 10s));
  }
}

TEST_CASE("whoever is no member is neither asked nor heard") {
  auto net = chain(33);
  net.link(0, 2, 1200);
  net.everybody_is_member(2);
  net.tell_roster(0);
  net.tell_roster(1);
  CHECK(failure_of(net, 0, 2, 5s) == error_code::not_a_member);
  CHECK(failure_of(net, 2, 0, 2s) != error_code::none);
  CHECK(net.nodes[0].served[7] == 0);
  net.link(0, 2, 0); // by relay it is no better
  CHECK(failure_of(net, 2, 0, 2s) != error_code::none);
  CHECK(net.nodes[0].served[7] == 0);
}

TEST_CASE("an expelled peer's requests end at once, and its session with them") {
  auto net = chain(34);
  net.nodes[2].serve = keep_waiting;
  auto ticket = net.ask(0, 2, {1}, 1h);
  net.rest(100ms);
  net.everybody_is_member(2);
  net.tell_roster(0);
  REQUIRE(net.has_answer(0, ticket));
  CHECK(net.answer(0, ticket).why().code == error_code::not_a_member);
  CHECK(net.nodes[0].machine->figures().empty());
  net.rest(1s);
  CHECK_FALSE(net.nodes[2].machine->figures().at(0).has_session);
}

TEST_CASE("random payloads, direct or relayed, change nothing") {
  auto net = chain(35);
  REQUIRE(echoes(net, 0, 2, 1000));
  for (int i = 0; i < 5000; ++i) {
    std::vector<byte_string> junk(1);
    junk[0].resize(net.random.next_below(200));
    net.random.fill(junk[0]);
    if (i % 3 == 0 && !junk[0].empty()) junk[0][0] = static_cast<std::uint8_t>(1 + i % 6);
    net.perform(2, net.nodes[2].machine->on_payloads(net.id(0), i % 2 == 0, packet_batch{junk}, net.now));
    net.perform(2, net.nodes[2].machine->on_payloads(net.id(1), false, packet_batch{junk}, net.now));
  }
  CHECK(echoes(net, 0, 2, 100000));
  CHECK(net.nodes[2].served[7] == 2);
}

TEST_CASE("a conversation packet that arrives unsealed over a relay is dropped") {
  auto net = chain(36);
  byte_string packet;
  append_header(packet, {traffic_class::interactive, 5, 0, 0});
  append_message(packet, {message_kind::request, 1, 7, 1000, 0, 0, {}});
  net.perform(2, net.nodes[2].machine->on_payloads(net.id(0), false, packet_batch::of(packet), net.now));
  CHECK(net.nodes[2].served[7] == 0);
  net.perform(2, net.nodes[2].machine->on_payloads(net.id(0), true, packet_batch::of(packet), net.now));
  CHECK(net.nodes[2].served[7] == 1);
}

TEST_CASE("a member that asks without end is held to the bound, and gets an answer for each") {
  machine_network net{2, 37};
  net.link(0, 1, 1200);
  net.nodes[1].serve = keep_waiting;
  std::size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    auto ticket = net.ask(0, 1, {1}, 1h);
    if (net.has_answer(0, ticket)) ++refused;
  }
  CHECK(refused == 3000 - limits::stream_requests_outstanding_max - limits::stream_requests_queued_max);
  net.rest(1s);
  CHECK(net.nodes[1].machine->figures().at(0).requests_in == limits::stream_requests_outstanding_max);
  net.nodes[1].serve = [](const request_arrived& e) -> std::optional<result<byte_string>> { return result<byte_string>{e.body}; };
  auto tokens = net.nodes[1].held_tokens;
  for (auto token : tokens) net.perform(1, net.nodes[1].machine->respond(token, byte_string{}, net.now));
  CHECK(net.run([&] { return net.nodes[0].answers.size() == 3000; }, 10s));
}

TEST_CASE("a body beyond the bound is refused at once") {
  auto net = chain(38);
  auto ticket = net.ask(0, 2, byte_string(limits::message_bytes_max + 1));
  REQUIRE(net.has_answer(0, ticket));
  CHECK(net.answer(0, ticket).why().code == error_code::exhausted);
}

TEST_CASE("an idle endpoint sleeps, then forgets its peers, then finds them again") {
  auto net = chain(39);
  REQUIRE(echoes(net, 0, 2, 100000));
  net.rest(10s);
  auto turns = net.turns;
  net.rest(1min);
  CHECK(net.turns - turns <= 2);
  net.rest(2 * limits::stream_peer_idle);
  CHECK(net.nodes[0].machine->figures().empty());
  CHECK(net.nodes[2].machine->figures().empty());
  CHECK_FALSE(net.nodes[0].machine->wake_at());
  CHECK(echoes(net, 0, 2, 1000));
}

TEST_CASE("a peer that alone was forgotten is found again") {
  for (bool direct : {true, false}) {
    auto net = chain(40);
    if (direct) net.link(0, 2, 1200);
    REQUIRE(echoes(net, 0, 2, 1000));
    net.restart(2); // as if it had dropped us
    CHECK(echoes(net, 0, 2, 1000, 10s));
    CHECK(echoes(net, 2, 0, 1000, 10s));
  }
}

TEST_CASE("the machine tells how far a node is") {
  auto net = chain(41);
  CHECK(net.nodes[0].machine->hops_to(net.id(1)) == 1);
  CHECK(net.nodes[0].machine->hops_to(net.id(2)) == 2);
  CHECK(net.nodes[0].machine->hops_to(net.id(0)) == 0);
}
