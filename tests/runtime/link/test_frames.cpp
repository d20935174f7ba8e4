#include "runtime/link/frames.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/payload.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

TEST_CASE("control frames decode to what was encoded") {
  auto ping = decode_frame(encode(frame{ping_frame{1, 2, 3}}));
  REQUIRE(ping.ok());
  CHECK(std::get<ping_frame>(*ping).sent_us == 2);
  auto pong = decode_frame(encode(frame{pong_frame{1, 2, 1ull << 40}}));
  CHECK(std::get<pong_frame>(*pong).bytes_received == 1ull << 40);
  auto close = decode_frame(encode(frame{close_frame{{error_code::expired, "Müller's ticket"}}}));
  CHECK(std::get<close_frame>(*close).why == error{error_code::expired, "Müller's ticket"});
  auto part = decode_frame(encode(frame{admission_frame{1, 2, {9, 9}}}));
  CHECK(std::get<admission_frame>(*part).bytes == byte_string{9, 9});
  CHECK(decode_frame(encode(frame{admission_frame{2, 2, {9}}})).why().code == error_code::malformed);
}

TEST_CASE("what a peer says cannot move the terminal and stays valid UTF-8") {
  CHECK(bounded_text(as_bytes("a\x1b[2J\nb")) == "a?[2J?b");
  CHECK(bounded_text(byte_string{0xc3, 0xbc, 0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80}) == "ü??????");
  CHECK(bounded_text(byte_string(5000, 'x')).size() == limits::uri_bytes_max);
}

TEST_CASE("a handshake payload decodes to what was encoded") {
  payload out;
  out.node.value[0] = 1;
  out.node_name = "laptop";
  out.listening = {*parse_channel_uri("udp://10.0.0.1:7400"), *parse_channel_uri("unix:/run/x")};
  out.nonce.value[2] = 3;
  out.certificate = {1, 2, 3};
  out.refusal = error{error_code::expired, "too late"};
  auto back = decode_payload(encode(out));
  REQUIRE(back.ok());
  CHECK(back->node == out.node);
  CHECK(back->listening == out.listening);
  CHECK(back->certificate == out.certificate);
  CHECK(back->nonce == out.nonce);
  CHECK(back->refusal == out.refusal);
}

TEST_CASE("the newest common protocol is chosen, or none") {
  payload old;
  payload young;
  old.newest = 3, old.oldest = 1;
  young.newest = 5, young.oldest = 2;
  CHECK(agree_on(old, young) == 3);
  young.oldest = 4;
  CHECK(agree_on(old, young) == 0);
}

TEST_CASE("a payload beyond its bounds is malformed") {
  payload out;
  out.certificate = byte_string(limits::handshake_bytes_max + 1);
  CHECK(decode_payload(encode(out)).why().code == error_code::malformed);
  out = {};
  out.node_name = std::string(limits::node_name_bytes_max + 1, 'n');
  CHECK(decode_payload(encode(out)).why().code == error_code::malformed);
}

TEST_CASE("random bytes never crash the frame and payload decoders") {
  REQUIRE(rc::check("garbage in frames", [](const byte_string& bytes) {
    (void)decode_frame(bytes);
    (void)decode_payload(bytes);
    (void)decode_admission(bytes);
    (void)bounded_text(bytes);
  }));
  payload out;
  out.listening = {*parse_channel_uri("udp://10.0.0.1:7400")};
  auto good = encode(out);
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int flip : {0x01, 0x80, 0xff}) {
      auto bent = good;
      bent[i] = static_cast<std::uint8_t>(bent[i] ^ flip);
      (void)decode_payload(bent);
    }
}
