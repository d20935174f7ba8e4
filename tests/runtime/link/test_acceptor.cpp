#include "runtime/link/acceptor.hpp"
#include "runtime/link/limits.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

constexpr auto nobody = [](std::uint32_t) { return false; };
constexpr auto crowd = limits::pending_handshakes_max;

byte_string knock(std::optional<cookie> echoed = std::nullopt) {
  byte_string ephemeral(32, 3);
  return encode(handshake_1{pattern_code::xx, 9, std::nullopt, echoed, ephemeral});
}

} // namespace

TEST_CASE("only a well-formed first handshake message opens a link") {
  acceptor door;
  seeded_random random{1};
  CHECK(std::holds_alternative<accept>(door.judge(knock(), "x", 0, nobody, steady_time{1s}, random)));
  auto cut = knock();
  cut.pop_back();
  CHECK(std::holds_alternative<ignore>(door.judge(cut, "x", 0, nobody, steady_time{1s}, random)));
  auto second = encode(handshake_2{1, 2, byte_string(64, 1)});
  CHECK(std::holds_alternative<ignore>(door.judge(second, "x", 0, nobody, steady_time{1s}, random)));
  CHECK(door.counters().malformed == 2);
}

TEST_CASE("a sealed datagram goes to the link whose index it carries") {
  acceptor door;
  seeded_random random{1};
  byte_string sealed(40, 0);
  sealed[0] = 5;
  sealed[1] = 7;
  auto known = [](std::uint32_t index) { return index == 7; };
  auto verdict = door.judge(sealed, "x", 0, known, steady_time{1s}, random);
  REQUIRE(std::holds_alternative<roamed>(verdict));
  CHECK(std::get<roamed>(verdict).index == 7);
  CHECK(std::holds_alternative<ignore>(door.judge(sealed, "x", 0, nobody, steady_time{1s}, random)));
  CHECK(door.counters().unknown_session == 1);
}

TEST_CASE("in a crowd a stranger must echo the cookie of its own address") {
  acceptor door;
  seeded_random random{1};
  steady_time now{1s};
  auto verdict = door.judge(knock(), "udp://a:1", crowd, nobody, now, random);
  REQUIRE(std::holds_alternative<answer_cookie>(verdict));
  auto reply = decode_cookie_reply(std::get<answer_cookie>(verdict).datagram);
  REQUIRE(reply.ok());
  CHECK(reply->receiver == 9);
  CHECK(std::get<answer_cookie>(verdict).datagram.size() <= knock().size()); // no amplification
  CHECK(std::holds_alternative<accept>(door.judge(knock(reply->value), "udp://a:1", crowd, nobody, now, random)));
  CHECK(std::holds_alternative<answer_cookie>(door.judge(knock(reply->value), "udp://b:1", crowd, nobody, now, random)));
  // good for one to two lives of the secret, then no more
  now += limits::cookie_secret_life;
  CHECK(std::holds_alternative<accept>(door.judge(knock(reply->value), "udp://a:1", crowd, nobody, now, random)));
  now += limits::cookie_secret_life;
  CHECK(std::holds_alternative<answer_cookie>(door.judge(knock(reply->value), "udp://a:1", crowd, nobody, now, random)));
  CHECK(door.counters().cookies_wrong == 2);
}

TEST_CASE("outer formats decode to what was encoded") {
  byte_string noise(100, 8);
  digest ticket;
  ticket.value[3] = 1;
  cookie echoed;
  echoed.value[5] = 2;
  auto bytes = encode(handshake_1{pattern_code::xxpsk3, 77, ticket, echoed, noise});
  auto back = decode_handshake_1(bytes);
  REQUIRE(back.ok());
  CHECK(back->pattern == pattern_code::xxpsk3);
  CHECK(back->sender == 77);
  CHECK(back->ticket_id == ticket);
  CHECK(back->echoed == echoed);
  CHECK(to_bytes(back->noise) == noise);
}

TEST_CASE("random bytes never crash the acceptor or the outer decoders") {
  REQUIRE(rc::check("garbage at the door", [](byte_string bytes, std::uint8_t type, bool crowded) {
    bytes.resize(bytes.size() + *rc::gen::inRange<std::size_t>(0, 120));
    bytes.insert(bytes.begin(), static_cast<std::uint8_t>(type % 8));
    acceptor door;
    seeded_random random{1};
    (void)door.judge(bytes, "x", crowded ? crowd : 0, nobody, steady_time{1s}, random);
    (void)decode_handshake_1(bytes);
    (void)decode_handshake_2(bytes);
    (void)decode_handshake_3(bytes);
    (void)decode_cookie_reply(bytes);
  }));
}
