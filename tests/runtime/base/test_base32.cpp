#include "runtime/base/base32.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;

TEST_CASE("base32 gives the known answers of RFC 4648, in lower case without padding") {
  CHECK(to_base32(as_bytes("")) == "");
  CHECK(to_base32(as_bytes("f")) == "my");
  CHECK(to_base32(as_bytes("foobar")) == "mzxw6ytboi");
  CHECK(as_text(*from_base32("MZXW6YTBOI")) == "foobar");
}

TEST_CASE("what is encoded is decoded, in base32 and hex") {
  REQUIRE(rc::check("text forms", [](const std::vector<std::uint8_t>& bytes) {
    RC_ASSERT(*from_base32(to_base32(bytes)) == bytes);
    RC_ASSERT(*from_hex(to_hex(bytes)) == bytes);
  }));
}

TEST_CASE("impossible base32 and hex is refused") {
  for (auto* text : {"a", "my=", "m!", "mz1w", "mb", "abc"}) CHECK(!from_base32(text));
  for (auto* text : {"a", "0g", "zz"}) CHECK(!from_hex(text));
}
