#include "runtime/link/serial_framing.hpp"

#include "runtime/base/random.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

using batch = std::vector<byte_string>;
constexpr auto piece_max = limits::serial_piece_bytes_min;

byte_string filled(std::size_t size, std::uint64_t seed) {
  byte_string out(size);
  seeded_random{seed}.fill(out);
  return out;
}

byte_string joined(const std::vector<byte_string>& frames) {
  byte_string out;
  for (auto& each : frames) append(out, each);
  return out;
}

std::vector<byte_string> received(byte_view bytes) {
  serial_receiver receiver;
  std::vector<byte_string> out;
  receiver.feed(bytes, out);
  return out;
}

/// A datagram that is not empty and of a length the line carries.
rc::Gen<byte_string> any_datagram() {
  return rc::gen::map(
    rc::gen::pair(rc::gen::inRange<std::size_t>(1, limits::serial_datagram_bytes_max + 1), rc::gen::arbitrary<std::uint64_t>()),
    [](const auto& of) {
      auto out = filled(of.first, of.second);
      // runs without a zero and zeros alone are what byte stuffing is about
      if (of.second % 3 == 0) std::replace(out.begin(), out.end(), std::uint8_t{0}, std::uint8_t{7});
      if (of.second % 5 == 0) std::fill(out.begin(), out.end(), std::uint8_t{0});
      return out;
    });
}

} // namespace

TEST_CASE("the CRC is the one of RFC 3720") {
  CHECK(crc32c(as_bytes("123456789")) == 0xe3069283);
  CHECK(crc32c(byte_string(32, 0)) == 0x8a9136aa);
  CHECK(crc32c(byte_string(32, 0xff)) == 0x62a8ab43);
  CHECK(crc32c({}) == 0);
}

TEST_CASE("datagrams survive a serial line, however reads split it") {
  REQUIRE(rc::check("serial frames over random splits", [] {
    auto sent = *rc::gen::resize(6, rc::gen::container<std::vector<byte_string>>(any_datagram()));
    auto piece = *rc::gen::inRange(piece_max, limits::serial_datagram_bytes_max + 1);
    byte_string line;
    std::uint32_t number = 0;
    for (auto& each : sent)
      for (auto& frame : serial_frames(each, number++, piece)) {
        RC_ASSERT(frame.size() <= serial_frame_bytes(piece));
        RC_ASSERT(std::count(frame.begin(), frame.end(), 0) == 2);
        append(line, frame);
      }
    serial_receiver receiver;
    std::vector<byte_string> got;
    for (byte_view rest = line; !rest.empty();) {
      auto length = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
      receiver.feed(rest.first(length), got);
      rest = rest.subspan(length);
    }
    RC_ASSERT(got == sent);
    RC_ASSERT(receiver.rejected() == 0u);
    RC_ASSERT(receiver.waiting_bytes() == 0u);
  }));
}

TEST_CASE("noise between frames loses nothing, and noise in a frame loses that datagram only") {
  REQUIRE(rc::check("serial frames in noise", [] {
    auto sent = *rc::gen::resize(8, rc::gen::container<std::vector<byte_string>>(any_datagram()));
    byte_string line;
    std::vector<byte_string> whole;
    std::uint32_t number = 0;
    for (auto& each : sent) {
      append(line, filled(*rc::gen::inRange<std::size_t>(0, 3000), *rc::gen::arbitrary<std::uint64_t>()));
      auto bytes = joined(serial_frames(each, number++, piece_max));
      if (*rc::gen::inRange(0, 3) != 0) {
        whole.push_back(each);
      } else { // change, lose or insert a byte; not the first and last one, which are the neighbours' as well
        auto at = *rc::gen::inRange<std::size_t>(1, bytes.size() - 1);
        auto how = *rc::gen::inRange(0, 3);
        auto position = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        bool is_zero = *position == 0; // between two pieces, where a zero more or less changes nothing
        if (how == 0)
          *position = static_cast<std::uint8_t>(*position + *rc::gen::inRange(1, 256));
        else if (how == 1)
          bytes.erase(position);
        else
          bytes.insert(position, *rc::gen::inRange<std::uint8_t>(1, 255));
        auto alone = received(bytes);
        RC_ASSERT(alone.empty() || (alone == batch{each} && (is_zero || how == 2)));
        if (!alone.empty()) whole.push_back(each);
      }
      append(line, bytes);
    }
    RC_ASSERT(received(line) == whole);
  }));
}

TEST_CASE("a short datagram may pass a long one that goes in pieces") {
  auto big = filled(700, 1);
  auto small = filled(20, 2);
  auto pieces = serial_frames(big, 1, piece_max);
  REQUIRE(pieces.size() == 9);
  auto between = serial_frames(small, 2, piece_max);
  REQUIRE(between.size() == 1);
  pieces.insert(pieces.begin() + 4, between.front());
  CHECK(received(joined(pieces)) == batch{small, big});
}

TEST_CASE("a datagram that lacks a piece is lost whole, and does not mix with the next") {
  auto first = serial_frames(filled(500, 1), 1, piece_max);
  auto second = filled(500, 2);
  for (std::size_t lost = 0; lost < first.size(); ++lost) {
    auto line = first;
    line.erase(line.begin() + static_cast<std::ptrdiff_t>(lost));
    for (auto& each : serial_frames(second, 2, piece_max)) line.push_back(each);
    CHECK(received(joined(line)) == batch{second});
  }
}

TEST_CASE("the longest datagram fits in the most pieces, one byte more and none at all do not") {
  auto longest = filled(limits::serial_datagram_bytes_max, 3);
  CHECK(serial_frames(longest, 0, piece_max).size() == limits::serial_pieces_max);
  CHECK(received(joined(serial_frames(longest, 0, piece_max))) == batch{longest});
  CHECK(serial_frames(longest, 0, limits::serial_datagram_bytes_max).size() == 1);
  CHECK(serial_frames(filled(limits::serial_datagram_bytes_max + 1, 3), 0, piece_max).empty());
  CHECK(serial_frames({}, 0, piece_max).empty());
}

TEST_CASE("a frame takes a quarter of a second at most, from 3840 baud on") {
  CHECK(serial_frame_bytes(serial_piece_bytes_for(960)) <= 240);
  CHECK(serial_frame_bytes(serial_piece_bytes_for(960)) >= 236);
  CHECK(serial_piece_bytes_for(0) == limits::serial_piece_bytes_min);
  CHECK(serial_piece_bytes_for(30) == limits::serial_piece_bytes_min);
  CHECK(serial_piece_bytes_for(11520) == limits::serial_datagram_bytes_max);
  CHECK(serial_piece_bytes_for(400'000) == limits::serial_datagram_bytes_max);
}

TEST_CASE("endless noise costs bounded memory and is heard no more after the next zero") {
  serial_receiver receiver;
  std::vector<byte_string> got;
  byte_string noise(1000, 0x55);
  for (int i = 0; i < 1000; ++i) {
    receiver.feed(noise, got);
    REQUIRE(receiver.waiting_bytes() <= serial_frame_bytes(limits::serial_datagram_bytes_max));
  }
  auto datagram = filled(100, 9);
  receiver.feed(joined(serial_frames(datagram, 0, piece_max)), got);
  CHECK(got == batch{datagram});
  CHECK(receiver.rejected() == 1);
}
