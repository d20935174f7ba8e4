#include "runtime/link/limits.hpp"
#include "tests/runtime/link/two_sides.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;
using glow::link::test::two_sides;

namespace {

byte_string sealed(session& by, std::string_view text, steady_time now) {
  auto bytes = to_bytes(text);
  by.seal(datagram_type::sealed_packet, bytes, now);
  return bytes;
}

} // namespace

TEST_CASE("what one side seals the other opens, 25 bytes longer on the way") {
  two_sides s;
  auto wire = sealed(s.a, "hello", s.start);
  CHECK(wire.size() == 5 + sealed_overhead_bytes);
  CHECK(sealed_overhead_bytes == 25);
  CHECK(type_of(wire) == datagram_type::sealed_packet);
  CHECK(receiver_index_of(wire) == 11);
  REQUIRE(s.b.open(wire));
  CHECK(to_text(wire) == "hello");
}

TEST_CASE("every changed bit of a sealed datagram is noticed, the type included") {
  two_sides s;
  auto wire = sealed(s.a, "hello", s.start);
  for (std::size_t i = 0; i < wire.size(); ++i) {
    auto forged = wire;
    forged[i] ^= 1;
    CHECK_FALSE(s.b.open(forged));
  }
  CHECK(s.b.rejected() == wire.size());
  CHECK(s.b.open(wire));
}

TEST_CASE("a sealed head protects its first 66 bytes and leaves the tail to the ends") {
  two_sides s;
  byte_string plain(sealed_head_bytes + 100, 7);
  auto wire = plain;
  wire.insert(wire.begin(), 20, 0);
  REQUIRE(s.a.seal(datagram_type::sealed_head, wire, s.start, 20) == 20 - sealed_header_bytes);
  wire.erase(wire.begin(), wire.begin() + 20 - sealed_header_bytes);
  REQUIRE(wire.size() == plain.size() + sealed_overhead_bytes);
  CHECK(type_of(wire) == datagram_type::sealed_head);
  const byte_view tail = byte_view{wire}.subspan(sealed_header_bytes + sealed_head_bytes, 100);
  CHECK(std::equal(tail.begin(), tail.end(), plain.begin() + sealed_head_bytes));
  const byte_view head = byte_view{wire}.subspan(sealed_header_bytes, sealed_head_bytes);
  CHECK_FALSE(std::equal(head.begin(), head.end(), plain.begin()));
  for (std::size_t i = 0; i < wire.size(); ++i) {
    const bool in_tail = i >= sealed_header_bytes + sealed_head_bytes && i < wire.size() - sealed_tag_bytes;
    if (in_tail) continue;
    auto forged = wire;
    forged[i] ^= 1;
    CHECK_FALSE(s.b.open(forged));
  }
  REQUIRE(s.b.open(wire));
  CHECK(wire == plain);
}

TEST_CASE("datagrams are sealed and opened behind headroom without being moved") {
  two_sides s;
  byte_string packet(84, 0);
  append(packet, to_bytes(std::string(1000, 'x')));
  packet.reserve(packet.size() + sealed_tag_bytes);
  const auto* where = packet.data();
  REQUIRE(s.a.seal(datagram_type::sealed_packet, packet, s.start, 84) == 75);
  CHECK(packet.data() == where);
  CHECK(packet.size() == 84 + 1000 + sealed_tag_bytes);
  REQUIRE(s.b.open_in_place(packet, 75));
  CHECK(packet.data() == where);
  CHECK(to_text(byte_view{packet}.subspan(84)) == std::string(1000, 'x'));
}

TEST_CASE("a sealed datagram opens once") {
  two_sides s;
  auto wire = sealed(s.a, "hello", s.start);
  auto again = wire;
  CHECK(s.b.open(wire));
  auto forged = sealed(s.a, "hello", s.start);
  forged.back() ^= 1;
  CHECK_FALSE(s.b.open(forged));
  CHECK_FALSE(s.b.last_was_replay());
  CHECK_FALSE(s.b.open(again));
  CHECK(s.b.last_was_replay());
}

TEST_CASE("a sealed datagram cut short anywhere is rejected") {
  two_sides s;
  auto wire = sealed(s.a, "hello", s.start);
  for (std::size_t length = 0; length < wire.size(); ++length) {
    auto cut = byte_string(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_FALSE(s.b.open(cut));
  }
}

TEST_CASE("keys change with time and packets of the epoch before still open") {
  two_sides s;
  auto early = sealed(s.a, "early", s.start);
  auto late_arrival = sealed(s.a, "late arrival", s.start);
  REQUIRE(s.b.open(early));
  auto next_epoch = sealed(s.a, "next epoch", s.start + limits::session_epoch_life);
  CHECK(read_le<std::uint32_t>(next_epoch.data() + 5) == 1u << epoch_bits);
  REQUIRE(s.b.open(next_epoch));
  CHECK(to_text(next_epoch) == "next epoch");
  // its counter is far behind now: the window, not the key, decides
  CHECK_FALSE(s.b.open(late_arrival));
}

TEST_CASE("a receiver follows lost epochs up to its bound and no further") {
  two_sides s;
  auto now = s.start;
  byte_string wire;
  for (std::uint64_t i = 0; i <= limits::session_epochs_ahead_max; ++i) {
    wire = sealed(s.a, "x", now);
    now += limits::session_epoch_life;
  }
  auto in_reach = wire;
  CHECK(s.b.open(in_reach));
  two_sides t;
  now = t.start;
  for (std::uint64_t i = 0; i <= limits::session_epochs_ahead_max + 1; ++i) {
    wire = sealed(t.a, "x", now);
    now += limits::session_epoch_life;
  }
  CHECK_FALSE(t.b.open(wire));
}

TEST_CASE("a forged counter of a later epoch does not move the keys") {
  two_sides s;
  auto forged = sealed(s.a, "x", s.start);
  forged[7] = 0x30; // three epochs ahead
  CHECK_FALSE(s.b.open(forged));
  auto good = sealed(s.a, "good", s.start);
  CHECK(s.b.open(good));
}

TEST_CASE("sealed packets survive reordering, duplication and loss, each delivered at most once") {
  REQUIRE(rc::check("lossy channel", [](const std::vector<std::string>& texts) {
    two_sides s;
    auto now = s.start;
    std::vector<std::pair<std::size_t, byte_string>> wire;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      now += *rc::gen::inRange(0, 2) ? 1s : 1ms;
      auto bytes = sealed(s.a, texts[i], now);
      for (int copies = *rc::gen::inRange(0, 3); copies > 0; --copies) wire.emplace_back(i, bytes);
    }
    std::vector<int> delivered(texts.size());
    while (!wire.empty()) {
      auto pick = *rc::gen::inRange<std::size_t>(0, wire.size());
      auto [index, bytes] = wire[pick];
      wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(pick));
      bool first = delivered[index] == 0;
      RC_ASSERT(s.b.open(bytes) == first);
      if (first) RC_ASSERT(to_text(bytes) == texts[index]);
      ++delivered[index];
    }
  }));
}

TEST_CASE("random bytes never open and never crash") {
  REQUIRE(rc::check("garbage", [](byte_string bytes) {
    two_sides s;
    RC_ASSERT(!s.b.open(bytes));
  }));
}
