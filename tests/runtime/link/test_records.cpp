#include "runtime/link/records.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

constexpr std::size_t datagram_bytes = limits::udp_datagram_bytes_max;
constexpr steady_time start{1s};

/// What seal() leaves, without the cipher: header, then bytes that say where they belong.
byte_string sealed_one(std::uint32_t counter, std::size_t packet_bytes) {
  byte_string out{static_cast<std::uint8_t>(datagram_type::sealed_packet)};
  append_le(out, std::uint32_t{77});
  append_le(out, counter);
  for (std::size_t i = 0; i < packet_bytes + sealed_tag_bytes; ++i) out.push_back(static_cast<std::uint8_t>(i * 7 + counter));
  return out;
}

std::vector<byte_string> pieces_of(const byte_string& sealed, std::size_t each_bytes = datagram_bytes) {
  std::vector<byte_string> out;
  const auto run = cut_record(sealed, each_bytes);
  for (auto& each : datagrams_of(run, each_bytes)) out.push_back(to_bytes(each));
  return out;
}

} // namespace

TEST_CASE("the longest record fills its pieces, and one byte more than a datagram makes two") {
  auto longest = record_packet_bytes_max(datagram_bytes);
  CHECK(longest > 15000);
  auto pieces = pieces_of(sealed_one(1, longest));
  REQUIRE(pieces.size() == record_pieces_max(datagram_bytes));
  for (auto& each : pieces) CHECK(each.size() == datagram_bytes);
  auto two = pieces_of(sealed_one(2, datagram_bytes - sealed_overhead_bytes + 1));
  REQUIRE(two.size() == 2);
  CHECK(two[0].size() == datagram_bytes);
}

TEST_CASE("channels whose datagrams are nearly as long as a record have none, nor have those that hold no piece") {
  CHECK(record_pieces_max(16000) == 0);
  CHECK(record_packet_bytes_max(65535) == 0);
  CHECK(record_pieces_max(12) == 0);
  CHECK(record_packet_bytes_max(limits::link_datagram_bytes_min) > limits::link_datagram_bytes_min);
}

TEST_CASE("in any order, with pieces lost and repeated, exactly the complete records come out, within the bounds") {
  REQUIRE(rc::check("records over a channel that does what it likes", [] {
    auto records = *rc::gen::inRange<std::uint32_t>(1, limits::records_under_way_max + 1);
    std::vector<byte_string> sent;
    std::vector<std::pair<std::uint32_t, byte_string>> flying;
    std::vector<bool> complete(records, true);
    for (std::uint32_t i = 0; i < records; ++i) {
      auto each_bytes = *rc::gen::elementOf(std::vector<std::size_t>{200, datagram_bytes, 1472, 4000}); // as paths change
      sent.push_back(sealed_one(i, *rc::gen::inRange<std::size_t>(each_bytes, record_packet_bytes_max(each_bytes) + 1)));
      for (auto& piece : pieces_of(sent.back(), each_bytes)) {
        auto copies = *rc::gen::weightedElement<int>({{1, 0}, {20, 1}, {2, 2}});
        if (copies == 0) complete[i] = false;
        for (int c = 0; c < copies; ++c) flying.emplace_back(i, piece);
      }
    }
    auto shuffled = *rc::gen::arbitrary<bool>();
    if (shuffled) {
      seeded_random random{*rc::gen::arbitrary<std::uint64_t>()};
      for (auto i = flying.size(); i > 1; --i) std::swap(flying[i - 1], flying[random.next_below(i)]);
    }
    record_joiner joiner;
    std::vector<int> came(records, 0);
    for (auto& [from, piece] : flying) {
      if (came[from] > 0) continue; // the session knows that counter: link_machine asks it before
      if (auto whole = joiner.on_piece(piece, start)) {
        RC_ASSERT(*whole == sent[from]);
        ++came[from];
      }
      RC_ASSERT(joiner.records_under_way() <= limits::records_under_way_max);
      RC_ASSERT(joiner.bytes_held() <= limits::records_under_way_max * (limits::record_body_bytes_max + sealed_header_bytes));
    }
    for (std::uint32_t i = 0; i < records; ++i) RC_ASSERT(came[i] == (complete[i] ? 1 : 0));
  }));
}

TEST_CASE("malformed pieces leave nothing behind") {
  record_joiner joiner;
  auto good = pieces_of(sealed_one(1, 5000));
  auto with = [&](std::size_t at, int value) {
    auto bad = good[0];
    bad[at] = static_cast<std::uint8_t>(value);
    return bad;
  };
  auto too_long = good[0]; // five of those would be longer than a record
  too_long.resize(piece_header_bytes + limits::record_body_bytes_max / 5 + 1);
  byte_string empty(good[0].begin(), good[0].begin() + static_cast<std::ptrdiff_t>(piece_header_bytes));
  for (auto& bad :
       {with(10, 0), with(10, 1), with(9, 200), with(10, 255), with(10, 65), too_long, empty, byte_string{7}, byte_string{}})
    CHECK_FALSE(joiner.on_piece(bad, start));
  CHECK(joiner.records_under_way() == 0);
  std::optional<byte_string> whole;
  for (auto& each : good) whole = joiner.on_piece(each, start);
  CHECK(whole == sealed_one(1, 5000));
}

TEST_CASE("pieces of another length than the first that came are not taken, nor is a last one that is longer") {
  record_joiner joiner;
  auto good = pieces_of(sealed_one(1, 5000));
  REQUIRE_FALSE(joiner.on_piece(good[0], start));
  auto shorter = good[1];
  shorter.pop_back();
  auto longer = good[1];
  longer.push_back(0);
  auto longer_last = good.back();
  longer_last.resize(datagram_bytes + 1);
  for (auto& bad : {shorter, longer, longer_last}) CHECK_FALSE(joiner.on_piece(bad, start));
  std::optional<byte_string> whole;
  for (auto& each : good) whole = joiner.on_piece(each, start);
  CHECK(whole == sealed_one(1, 5000));

  REQUIRE_FALSE(joiner.on_piece(longer_last, start)); // the last one first: how long the others are is not known yet
  for (auto& each : good) CHECK_FALSE(joiner.on_piece(each, start));
  CHECK(joiner.bytes_held() <= limits::record_body_bytes_max + sealed_header_bytes);
}

TEST_CASE("forged pieces cost no more than their bound, and a record that comes after them arrives") {
  record_joiner joiner;
  for (std::uint32_t counter = 0; counter < 10'000; ++counter)
    (void)joiner.on_piece(pieces_of(sealed_one(counter, 9000))[0], start);
  CHECK(joiner.records_under_way() == limits::records_under_way_max);
  CHECK(joiner.bytes_held() <= limits::records_under_way_max * (limits::record_body_bytes_max + sealed_header_bytes));
  auto sealed = sealed_one(20'000, 15'000);
  std::optional<byte_string> whole;
  for (auto& each : pieces_of(sealed)) whole = joiner.on_piece(each, start);
  CHECK(whole == sealed);
}

TEST_CASE("a record that lost a piece is forgotten after its time") {
  record_joiner joiner;
  auto pieces = pieces_of(sealed_one(1, 5000));
  (void)joiner.on_piece(pieces[0], start);
  joiner.forget_stale(start + limits::record_life - 1ms);
  CHECK(joiner.records_under_way() == 1);
  joiner.forget_stale(start + limits::record_life);
  CHECK(joiner.records_under_way() == 0);
  CHECK(joiner.bytes_held() == 0);
}
