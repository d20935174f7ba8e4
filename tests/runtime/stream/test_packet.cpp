#include "runtime/base/random.hpp"
#include "runtime/stream/limits.hpp"
#include "runtime/stream/packet.hpp"
#include "runtime/stream/range_set.hpp"
#include "runtime/stream/received_packets.hpp"
#include "runtime/stream/varint.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <set>

using namespace glow;
using namespace glow::stream;

namespace {

byte_string packet_with(const std::function<void(byte_string&)>& frames) {
  byte_string out;
  append_header(out, {traffic_class::bulk, 7, 8, 9});
  frames(out);
  return out;
}

} // namespace

TEST_CASE("the examples of RFC 9000 appendix A.1 read and write") {
  struct {
    byte_string bytes;
    std::uint64_t value;
  } const known[] = {{{0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}, 151288809941952652},
                     {{0x9d, 0x7f, 0x3e, 0x7d}, 494878333},
                     {{0x7b, 0xbd}, 15293},
                     {{0x25}, 37}};
  for (auto& each : known) {
    std::size_t at = 0;
    std::uint64_t value = 0;
    REQUIRE(read_varint(each.bytes, at, value));
    CHECK(value == each.value);
    CHECK(at == each.bytes.size());
    byte_string written;
    append_varint(written, value);
    CHECK(written == each.bytes);
    at = 0;
    CHECK_FALSE(read_varint(byte_view{each.bytes}.first(each.bytes.size() - 1), at, value));
  }
}

TEST_CASE("a message fragment comes out as it went in") {
  byte_string body{1, 2, 3};
  auto packet = packet_with([&](byte_string& out) {
    message_frame message{message_kind::failure, 77, 11, 1234, 100, 50, body};
    auto before = out.size();
    append_message(out, message);
    CHECK(out.size() - before == message_head_bytes(message, body.size()) + body.size());
  });
  auto header = check_packet(packet);
  REQUIRE(header.ok());
  CHECK(header->lane == traffic_class::bulk);
  CHECK(header->own_epoch == 7);
  CHECK(header->peer_epoch == 8);
  CHECK(header->number == 9);
  frame_reader reader{packet};
  frame read;
  REQUIRE(reader.next(read));
  auto& message = std::get<message_frame>(read);
  CHECK(message.kind == message_kind::failure);
  CHECK(message.id == 77);
  CHECK(message.code == 11);
  CHECK(message.timeout_ms == 1234);
  CHECK(message.total == 100);
  CHECK(message.offset == 50);
  CHECK(to_bytes(message.bytes) == body);
  CHECK(reader.at_end());
}

TEST_CASE("acknowledged ranges come out as they went in, across the wrap of the number") {
  received_packets received;
  for (std::uint64_t number : {0xfffffff0ull, 0xfffffff1ull, 0xfffffffeull, 0x100000001ull, 0x100000005ull})
    received.on_packet(number, true, steady_time{});
  auto packet = packet_with([&](byte_string& out) { append_ack(out, received.take_ack(steady_time{3ms}, 1000)); });
  REQUIRE(check_packet(packet).ok());
  frame_reader reader{packet};
  frame read;
  REQUIRE(reader.next(read));
  auto& ack = std::get<ack_frame>(read);
  CHECK(ack.delay_us == 3000);
  REQUIRE(ack.count == 4);
  CHECK((ack.spans[0].from == 5 && ack.spans[0].to == 5));
  CHECK((ack.spans[1].from == 1 && ack.spans[1].to == 1));
  CHECK((ack.spans[2].from == 0xfffffffe && ack.spans[2].to == 0xfffffffe));
  CHECK((ack.spans[3].from == 0xfffffff0 && ack.spans[3].to == 0xfffffff1));
}

TEST_CASE("a number is expanded to the one nearest to what is expected") {
  received_packets received;
  auto first = received.full_number(0xffffffff);
  received.on_packet(first, true, steady_time{});
  CHECK(received.full_number(0) == first + 1);
  received.on_packet(first + 1, true, steady_time{});
  CHECK(received.full_number(0xfffffffe) == first - 1);
  CHECK(received.is_duplicate(first));
  CHECK_FALSE(received.is_duplicate(first - 1));
}

TEST_CASE("an acknowledgement is owed at once for every second packet and for a gap, else after a moment") {
  received_packets received;
  steady_time now{1s};
  received.on_packet(1, true, now);
  CHECK(received.ack_due() == now + 5ms);
  received.on_packet(2, true, now);
  CHECK(received.ack_due() == now);
  (void)received.take_ack(now, 100);
  CHECK_FALSE(received.ack_due());
  received.on_packet(3, false, now);
  CHECK_FALSE(received.ack_due());
  received.on_packet(5, true, now);
  CHECK(received.ack_due() == now);
}

TEST_CASE("frames that contradict themselves are refused") {
  auto refuses = [](const std::function<void(byte_string&)>& frames) { return !check_packet(packet_with(frames)).ok(); };
  byte_string body(10);
  CHECK(refuses([&](byte_string& out) { append_message(out, {message_kind::request, 1, 1, 0, 9, 0, body}); }));
  CHECK(refuses([&](byte_string& out) { append_message(out, {message_kind::request, 1, 1, 0, 10, 1, body}); }));
  CHECK(refuses([&](byte_string& out) {
    append_message(out, {message_kind::request, 1, 1, 0, limits::message_bytes_max + 1, 0, body});
  }));
  CHECK(refuses([&](byte_string& out) { append_message(out, {message_kind::request, 1, 70000, 0, 10, 0, body}); }));
  CHECK(refuses([](byte_string& out) { out.push_back(0x10); }));
  CHECK(refuses([](byte_string& out) { out.insert(out.end(), {2, 0, 0, 0, 0, 0, 0, 0}); }));       // an empty first range
  CHECK(refuses([](byte_string& out) { out.insert(out.end(), {2, 9, 0, 0, 0, 0, 0x20, 1}); }));    // 33 ranges
  CHECK(refuses([](byte_string& out) { out.insert(out.end(), {2, 9, 0, 0, 0, 0, 1, 1, 0, 1}); })); // a gap of nothing
  CHECK_FALSE(refuses([](byte_string& out) { out.insert(out.end(), 500, 0); }));
  byte_string other = packet_with(append_ping);
  other[0] = 0x22;
  CHECK_FALSE(check_packet(other).ok());
  other[0] = 0x13;
  CHECK_FALSE(check_packet(other).ok());
  CHECK_FALSE(check_packet(byte_view{other}.first(packet_header_bytes - 1)).ok());
}

TEST_CASE("random and truncated bytes never make a reader go astray") {
  seeded_random random{1};
  for (int i = 0; i < 100000; ++i) {
    byte_string bytes(random.next_below(100));
    random.fill(bytes);
    if (bytes.size() > packet_header_bytes) {
      bytes[0] = 0x11;
      bytes[packet_header_bytes] = static_cast<std::uint8_t>(random.next_below(12));
    }
    if (check_packet(bytes)) {
      frame_reader reader{bytes};
      frame each;
      while (reader.next(each)) {}
      CHECK(reader.at_end());
    }
  }
}

TEST_CASE("a range set holds exactly what was put in and not taken out") {
  REQUIRE(rc::check([](const std::vector<std::tuple<bool, std::uint8_t, std::uint8_t>>& steps) {
    range_set ranges;
    std::set<std::uint64_t> model;
    for (auto [add, begin, length] : steps) {
      std::uint64_t end = begin + length % 20u;
      if (add)
        ranges.insert(begin, end);
      else
        ranges.erase(begin, end);
      for (std::uint64_t k = begin; k < end; ++k) {
        if (add)
          model.insert(k);
        else
          model.erase(k);
      }
    }
    for (std::uint64_t k = 0; k < 300; ++k) RC_ASSERT(ranges.contains(k) == model.contains(k));
    for (std::size_t i = 1; i < ranges.ranges().size(); ++i) RC_ASSERT(ranges.ranges()[i - 1].end < ranges.ranges()[i].begin);
    std::uint64_t missing = 0;
    for (auto& gap : ranges.gaps(10, 250)) missing += gap.size();
    auto held = std::count_if(model.begin(), model.end(), [](auto k) { return k >= 10 && k < 250; });
    RC_ASSERT(missing + static_cast<std::uint64_t>(held) == 240);
  }));
}
