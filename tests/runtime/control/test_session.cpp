#include "runtime/control/limits.hpp"
#include "runtime/control/session.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::control;

namespace {
byte_string start(command_id id) { return encode(request{start_command{id, "status", {}}}).value(); }
byte_string input(command_id id) { return encode(request{input_data{id, {1, 2, 3}}}).value(); }
} // namespace

TEST_CASE("commands arrive in order however the bytes are cut") {
  REQUIRE(rc::check("any cut", [](const std::vector<std::uint8_t>& cuts) {
    session one;
    byte_string all;
    for (command_id id = 1; id <= 5; ++id) append(all, start(id));
    std::vector<request> got;
    byte_view rest{all};
    auto feed = [&](std::size_t size) {
      auto out = one.on_bytes(rest.first(size));
      RC_ASSERT(out.ok());
      got.insert(got.end(), out->begin(), out->end());
      rest = rest.subspan(size);
    };
    for (auto cut : cuts) feed(std::min<std::size_t>(cut, rest.size()));
    feed(rest.size());
    RC_ASSERT(got.size() == 5u);
    for (command_id id = 1; id <= 5; ++id) RC_ASSERT(std::get<start_command>(got[id - 1]).id == id);
  }));
}

TEST_CASE("garbage breaks the session") {
  session one;
  auto out = one.on_bytes(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  REQUIRE_FALSE(out.ok());
  CHECK(out.why().code == error_code::malformed);
}

TEST_CASE("a frame that announces too many bytes is refused before they arrive") {
  session one;
  byte_string head;
  append_le(head, static_cast<std::uint32_t>(limits::control_frame_bytes_max + 1));
  CHECK_FALSE(one.on_bytes(head).ok());
}

TEST_CASE("an empty frame is refused") {
  session one;
  CHECK_FALSE(one.on_bytes(byte_string(4, 0)).ok());
}

TEST_CASE("an id in use is refused, and free again after the last answer") {
  session one;
  REQUIRE(one.on_bytes(start(4)).ok());
  one.on_command_ended(4);
  REQUIRE(one.on_bytes(start(4)).ok());
  CHECK_FALSE(one.on_bytes(start(4)).ok());
}

TEST_CASE("a command too many is refused") {
  session one;
  for (command_id id = 0; id < limits::control_commands_max; ++id) REQUIRE(one.on_bytes(start(id)).ok());
  auto out = one.on_bytes(start(1000));
  REQUIRE_FALSE(out.ok());
  CHECK(out.why().code == error_code::exhausted);
}

TEST_CASE("input and cancellation of an ended command are left out") {
  session one;
  REQUIRE(one.on_bytes(start(1)).ok());
  CHECK(one.on_bytes(input(1))->size() == 1);
  one.on_command_ended(1);
  CHECK(one.on_bytes(input(1))->empty());
  CHECK(one.on_bytes(encode(request{cancel_command{1}}).value())->empty());
}
