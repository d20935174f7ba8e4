#include "tests/runtime/link/alice_and_bob.hpp"
#include "tests/runtime/link/two_sides.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;
using namespace glow::link::alice_and_bob;

namespace {

struct two_sides : test::two_sides {
  byte_string sealed(std::string_view text, steady_time now) {
    auto bytes = to_bytes(text);
    a.seal_compact(bytes, now);
    return bytes;
  }
  bool opens(byte_string datagram) { return b.open_compact_in_place(datagram); }
};

link_config slow(link_config on, std::uint64_t features = feature_compact) {
  on.declared_class = "control";
  on.features = features;
  return on;
}

} // namespace

TEST_CASE("a compact datagram is nine bytes longer than what it carries") {
  two_sides s;
  byte_string plain = to_bytes(std::string_view{"hello"});
  for (std::size_t headroom : {0u, 1u, 20u}) {
    byte_string wire(headroom, 0xee);
    append(wire, plain);
    const auto begin = s.a.seal_compact(wire, s.start, headroom);
    CHECK(wire.size() - begin == plain.size() + 9);
    CHECK(type_of(byte_view{wire}.subspan(begin)) == datagram_type::compact_packet);
    REQUIRE(s.b.open_compact_in_place(wire, begin));
    CHECK(to_bytes(byte_view{wire}.subspan(begin + compact_header_bytes)) == plain);
  }
}

TEST_CASE("every changed bit of a compact datagram is noticed, and none opens twice") {
  two_sides s;
  auto wire = s.sealed("hello", s.start);
  for (std::size_t bit = 0; bit < wire.size() * 8; ++bit) {
    auto forged = wire;
    forged[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK_FALSE(s.opens(forged));
  }
  CHECK(s.b.compact_forgeries() == wire.size() * 8);
  CHECK(s.opens(wire));
  CHECK_FALSE(s.opens(wire));
  CHECK(s.b.last_was_replay());
  CHECK_FALSE(s.opens(byte_string(9, 0x80)));
}

TEST_CASE("long and compact datagrams share their counters and no keystream") {
  two_sides s;
  auto zeros = byte_string(64, 0);
  auto compact = zeros, whole = zeros;
  session again = s.a;
  s.a.seal_compact(compact, s.start);
  again.seal(datagram_type::sealed_packet, whole, s.start);
  CHECK_FALSE(std::equal(zeros.begin(), zeros.end(), compact.begin() + 1, compact.begin() + 65));
  CHECK_FALSE(std::equal(compact.begin() + 1, compact.begin() + 17, whole.begin() + sealed_header_bytes));
  CHECK(s.opens(compact));
  CHECK_FALSE(s.b.open(whole)); // that counter was used
}

TEST_CASE("a receiver finds the counter again after hundreds of lost packets, and after any number at the next long one") {
  for (int lost : {1, 63, 64, 127, 128, 500, 900}) {
    INFO("lost " << lost);
    two_sides s;
    REQUIRE(s.opens(s.sealed("first", s.start)));
    for (int i = 0; i < lost; ++i) s.sealed("lost", s.start);
    CHECK(s.opens(s.sealed("next", s.start)));
  }
  two_sides s;
  for (int i = 0; i < 5000; ++i) s.sealed("lost", s.start);
  CHECK_FALSE(s.opens(s.sealed("too far", s.start)));
  auto frame = to_bytes(std::string_view{"ping"});
  s.a.seal(datagram_type::sealed_frame, frame, s.start);
  REQUIRE(s.b.open(frame));
  CHECK(s.opens(s.sealed("next", s.start)));
}

TEST_CASE("a compact datagram opens in the key epoch that its sender skipped to") {
  two_sides s;
  auto late = s.sealed("late", s.start);
  REQUIRE(s.opens(s.sealed("first", s.start)));
  auto now = s.start + limits::session_epoch_life;
  s.sealed("lost", now);
  REQUIRE(s.opens(s.sealed("second", now)));
  CHECK_FALSE(s.opens(late)); // older than the window, as in the long form
  now += limits::session_epoch_life;
  s.sealed("an epoch that nobody heard of", now);
  now += limits::session_epoch_life;
  CHECK(s.opens(s.sealed("third", now)));
}

TEST_CASE("compact datagrams that overtake each other within 63 open, each once") {
  REQUIRE(rc::check("order", [] {
    two_sides s;
    std::vector<std::pair<std::size_t, byte_string>> wire;
    const auto count = *rc::gen::inRange<std::size_t>(1, 300);
    for (std::size_t i = 0; i < count; ++i) {
      auto datagram = s.sealed(std::to_string(i), s.start);
      wire.emplace_back(i + *rc::gen::inRange<std::size_t>(0, 60), datagram);
      if (*rc::gen::inRange(0, 4) == 0) wire.emplace_back(i + *rc::gen::inRange<std::size_t>(0, 60), datagram);
    }
    std::stable_sort(wire.begin(), wire.end(), [](auto& x, auto& y) { return x.first < y.first; });
    std::set<std::string> heard;
    for (auto& [at, datagram] : wire) {
      auto opened = datagram;
      if (!s.b.open_compact_in_place(opened)) continue;
      RC_ASSERT(heard.insert(to_text(byte_view{opened}.subspan(1))).second);
    }
    RC_ASSERT(heard.size() == count);
  }));
}

TEST_CASE("packets of a slow line are compact where both sides know that, and its frames never are") {
  for (bool knows : {true, false}) {
    INFO("knows " << knows);
    simulated_pair pair{slow(dialling()), slow(answering(), knows ? feature_compact : 0)};
    pair.start();
    REQUIRE(pair.run_until([&] { return pair.both_up(); }));
    pair.run_for(1s);
    const auto before = pair.tape.size();
    for (auto seal : {sealing::whole, sealing::head, sealing::label})
      pair.send(pair.a, std::string(300, 'x'), expectation::nothing, seal);
    REQUIRE(pair.tape.size() == before + 3);
    for (auto i = before; i < before + 3; ++i) {
      CHECK(type_of(pair.tape[i]) == (knows ? datagram_type::compact_packet : datagram_type::sealed_packet));
      CHECK(pair.tape[i].size() == 300 + (knows ? compact_overhead_bytes : sealed_overhead_bytes));
      CHECK(to_text(pair.tape[i]).find("xxxxxxxx") == std::string::npos); // as a whole: nothing is worth a long tail here
    }
    const auto packets = pair.tape.size();
    pair.run_for(60s);
    CHECK(pair.b.delivered == std::vector<std::string>(3, std::string(300, 'x')));
    CHECK(pair.tape.size() > packets);
    for (auto i = packets; i < pair.tape.size(); ++i) CHECK(type_of(pair.tape[i]) == datagram_type::sealed_frame);
  }
}

TEST_CASE("a compact datagram counts on its link's own channel alone") {
  simulated_pair pair{slow(dialling()), slow(answering())};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(1s);
  const auto foreign = pair.b.machine.counters().rejected_foreign;
  pair.a.speaks_from = 5;
  pair.send(pair.a, "from elsewhere");
  pair.run_for(1s);
  CHECK(pair.b.delivered.empty());
  CHECK(pair.b.machine.counters().rejected_foreign > foreign);
}

TEST_CASE("a link ends after so many forgeries that a short tag might be guessed") {
  simulated_pair pair{slow(dialling()), slow(answering())};
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.both_up(); }));
  pair.run_for(1s);
  byte_string forged(10, 0xe4); // a counter that is no replay
  for (std::uint64_t i = 0; i + 1 < limits::compact_forgeries_max; ++i) {
    for (std::size_t k = 0; k < 8; ++k) forged[1 + k] = static_cast<std::uint8_t>(i >> (8 * k));
    (void)pair.b.machine.on_datagrams(packet_batch::of(forged), pair.now, pair.random);
  }
  CHECK_FALSE(pair.b.machine.is_gone());
  CHECK(pair.b.machine.counters().rejected_forged == limits::compact_forgeries_max - 1);
  pair.inject(pair.b, forged);
  REQUIRE(pair.b.ended);
  CHECK(pair.b.ended->message.find("forged") != std::string::npos);
}
