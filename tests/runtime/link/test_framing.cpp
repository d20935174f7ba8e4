#include "runtime/base/limits.hpp"
#include "runtime/link/framing.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

TEST_CASE("datagrams survive any splitting of the byte stream") {
  REQUIRE(rc::check("framing over random splits", [](const std::vector<byte_string>& raw) {
    std::vector<byte_string> sent;
    byte_string stream;
    for (auto each : raw) {
      each.push_back(1); // never empty
      RC_ASSERT(append_frame(stream, each).ok());
      sent.push_back(each);
    }
    frame_cutter cutter;
    std::vector<byte_string> got;
    byte_view rest = stream;
    while (!rest.empty()) {
      auto length = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
      RC_ASSERT(cutter.feed(rest.first(length), got).ok());
      rest = rest.subspan(length);
    }
    RC_ASSERT(got == sent);
    RC_ASSERT(cutter.waiting_bytes() == 0u);
  }));
}

TEST_CASE("the longest datagram fits, one byte more does not") {
  byte_string stream;
  REQUIRE(append_frame(stream, byte_string(limits::frame_bytes_max, 5)).ok());
  CHECK(append_frame(stream, byte_string(limits::frame_bytes_max + 1, 5)).why().code == error_code::malformed);
  CHECK(append_frame(stream, {}).why().code == error_code::malformed);
  frame_cutter cutter;
  std::vector<byte_string> got;
  REQUIRE(cutter.feed(stream, got).ok());
  REQUIRE(got.size() == 1);
  CHECK(got[0].size() == limits::frame_bytes_max);
}

TEST_CASE("an empty or oversize frame breaks the byte channel for good") {
  std::vector<byte_string> got;
  frame_cutter empty;
  CHECK(empty.feed(byte_string{0, 0}, got).why().code == error_code::malformed);
  CHECK_FALSE(empty.feed(byte_string{0, 1, 9}, got).ok());
  frame_cutter small{100};
  CHECK(small.feed(byte_string{0, 101}, got).why().code == error_code::malformed);
  CHECK(got.empty());
}

TEST_CASE("a length alone costs no memory") {
  frame_cutter cutter;
  std::vector<byte_string> got;
  REQUIRE(cutter.feed(byte_string{0xff, 0xff, 1, 2, 3}, got).ok());
  CHECK(got.empty());
  CHECK(cutter.waiting_bytes() == 5);
}
