#include "runtime/route/overlay_header.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::route;

namespace {

node_id id_of(std::uint8_t fill) {
  node_id out;
  out.value.fill(fill);
  return out;
}

} // namespace

TEST_CASE("a direct packet costs two bytes, a routed one sixty-six") {
  overlay_header direct{packet_kind::data, traffic_class::bulk, true, 1, {}, {}};
  auto packet = put_overlay_header(direct, to_bytes("abc"));
  CHECK(packet == byte_string{0x05, 0x01, 'a', 'b', 'c'});
  overlay_header routed{packet_kind::trace, traffic_class::control, false, 16, id_of(1), id_of(2)};
  packet = put_overlay_header(routed, to_bytes("abc"));
  REQUIRE(packet.size() == 69);
  CHECK(packet[0] == 0x10);
  CHECK(packet[1] == 16);
  CHECK(packet[2] == 1);
  CHECK(packet[34] == 2);
  CHECK(to_text(byte_view{packet}.subspan(routed.size_bytes())) == "abc");
}

TEST_CASE("every header that can be written is read back") {
  REQUIRE(rc::check("round trip", [] {
    overlay_header header;
    header.kind = static_cast<packet_kind>(*rc::gen::inRange(0, 4));
    header.traffic = static_cast<traffic_class>(*rc::gen::inRange(0, 3));
    header.direct = header.kind == packet_kind::announcement || *rc::gen::arbitrary<bool>();
    header.hop_limit = *rc::gen::arbitrary<std::uint8_t>();
    if (header.kind == packet_kind::labelled && !header.direct) {
      header.hop_limit = static_cast<std::uint8_t>(header.hop_limit % 64);
      header.label = static_cast<std::uint16_t>(*rc::gen::inRange(0, 1024));
    } else if (!header.direct)
      header.source = id_of(*rc::gen::arbitrary<std::uint8_t>()), header.destination = id_of(9);
    auto payload = *rc::gen::arbitrary<byte_string>();
    auto packet = put_overlay_header(header, payload);
    auto read = decode_overlay_header(packet);
    RC_ASSERT(read.ok());
    RC_ASSERT(*read == header);
    RC_ASSERT(to_bytes(byte_view{packet}.subspan(header.size_bytes())) == payload);
    const auto headroom = *rc::gen::inRange<std::size_t>(0, 100);
    byte_string roomy(headroom, 0xee);
    append(roomy, payload);
    auto put = put_overlay_header(header, roomy_packet{roomy, headroom});
    RC_ASSERT(to_bytes(put.content()) == packet);
    RC_ASSERT(put.headroom == headroom - std::min(headroom, header.size_bytes()));
  }));
}

TEST_CASE("any bytes are read as a header or refused") {
  REQUIRE(rc::check("hostile bytes", [] {
    auto bytes = *rc::gen::arbitrary<byte_string>();
    auto read = decode_overlay_header(bytes);
    if (read) RC_ASSERT(read->size_bytes() <= bytes.size());
  }));
}

TEST_CASE("truncated, foreign and senseless headers are malformed") {
  CHECK(decode_overlay_header({}).why().code == error_code::malformed);
  auto refused = [](byte_string packet) { return !decode_overlay_header(packet).ok(); };
  CHECK(refused({0x03}));
  CHECK(refused({0x43, 1}));             // version 1
  CHECK(refused({0x07, 1}));             // class 3
  CHECK(refused({0x1a, 1}));             // labelled, one byte short
  CHECK(refused({0x23, 1}));             // kind 4
  CHECK(refused(byte_string(65, 0x02))); // routed, one byte short
  CHECK(refused({0x08, 1}));             // an announcement that wants to travel
  CHECK_FALSE(refused(byte_string(66, 0x02)));
}

TEST_CASE("a labelled header takes three bytes, at the end of the headroom") {
  auto packet =
    put_overlay_header({packet_kind::labelled, traffic_class::bulk, false, 3, {}, {}, 1023}, roomy_packet{byte_string(100), 100});
  CHECK(packet.headroom == 97);
  CHECK(to_bytes(packet.content()) == byte_string{0x1c, 0x0f, 0xff});
  CHECK(decode_overlay_header(packet.content())->label == 1023);
  CHECK(decode_overlay_header(packet.content())->hop_limit == 3);
}
