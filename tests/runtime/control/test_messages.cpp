#include "runtime/control/limits.hpp"
#include "runtime/control/messages.hpp"

#include "runtime/base/random.hpp"
#include "runtime/control/frames.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::control;

namespace {

byte_string unframed(const byte_string& framed) {
  frame_reader reader;
  reader.feed(framed);
  auto frame = reader.next();
  REQUIRE(frame.ok());
  REQUIRE(frame->has_value());
  return std::move(**frame);
}

request round_trip(const request& message) { return decode_request(unframed(encode(message).value())).value(); }
answer round_trip(const answer& message) { return decode_answer(unframed(encode(message).value())).value(); }

} // namespace

TEST_CASE("every request survives the socket") {
  request command = start_command{7, "put", {{"source", "/a\nb"}, {"path", std::string{"/\xff\0x", 4}}, {"path", ""}}};
  CHECK(round_trip(command) == command);
  request data = input_data{7, {0, 1, 255}};
  CHECK(round_trip(data) == data);
  request end = input_end{7};
  CHECK(round_trip(end) == end);
  request cancel = cancel_command{0xffffffffu};
  CHECK(round_trip(cancel) == cancel);
}

TEST_CASE("every answer survives the socket") {
  answer progress = progress_made{3, "/docs/a.txt", 5, 1ull << 40, "B"};
  CHECK(round_trip(progress) == progress);
  answer data = output_data{3, byte_string(256u << 10, 0xa5)};
  CHECK(round_trip(data) == data);
  answer result = result_slice{3, R"({"a":1})", true};
  CHECK(round_trip(result) == result);
  answer failed = command_failed{3, {error_code::unreachable, "no route to vps"}};
  CHECK(round_trip(failed) == failed);
}

TEST_CASE("a long document comes back whole from its slices") {
  std::string json(700u << 10, 'x');
  json.front() = '<';
  json.back() = '>';
  frame_reader reader;
  reader.feed(encode_result(9, json));
  std::string joined;
  int slices = 0;
  while (true) {
    auto frame = reader.next();
    REQUIRE(frame.ok());
    if (!frame->has_value()) break;
    auto slice = std::get<result_slice>(decode_answer(**frame).value());
    joined += slice.json;
    ++slices;
    CHECK(slice.more == (joined.size() < json.size()));
  }
  CHECK(slices == 3);
  CHECK(joined == json);
}

TEST_CASE("an empty document is still one answer") {
  auto slice = std::get<result_slice>(decode_answer(unframed(encode_result(1, ""))).value());
  CHECK_FALSE(slice.more);
  CHECK(slice.json.empty());
}

TEST_CASE("a command longer than a frame is refused by the encoder") {
  auto encoded = encode(request{start_command{1, "run", {{"arg", std::string(limits::control_frame_bytes_max, 'a')}}}});
  REQUIRE_FALSE(encoded.ok());
  CHECK(encoded.why().code == error_code::usage);
}

TEST_CASE("a command with too many arguments is malformed") {
  start_command many{1, "run", std::vector<argument>(limits::control_arguments_max + 1, argument{"a", "b"})};
  auto decoded = decode_request(unframed(encode(request{many}).value()));
  REQUIRE_FALSE(decoded.ok());
  CHECK(decoded.why().code == error_code::malformed);
}

TEST_CASE("an unknown error code becomes a plain failure") {
  auto decoded = round_trip(answer{command_failed{1, {static_cast<error_code>(99), "odd"}}});
  CHECK(std::get<command_failed>(decoded).why.code == error_code::failed);
}

TEST_CASE("random and damaged bytes never decode into a crash") {
  REQUIRE(rc::check("damaged requests", [](std::uint64_t seed) {
    seeded_random random{seed};
    auto bytes = unframed(encode(request{start_command{1, "put", {{"source", "/a"}, {"path", "/b"}}}}).value());
    for (int flips = 0; flips < 4; ++flips)
      bytes[random.next_below(bytes.size())] ^= static_cast<std::uint8_t>(1u << random.next_below(8));
    auto decoded = decode_request(bytes);
    if (!decoded) RC_ASSERT(decoded.why().code == error_code::malformed);
    random.fill(bytes);
    auto noise = decode_answer(bytes);
    if (!noise) RC_ASSERT(noise.why().code == error_code::malformed);
  }));
}
