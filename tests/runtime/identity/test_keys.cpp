#include "runtime/identity/keys.hpp"

#include "runtime/base/base32.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <sodium.h>

using namespace glow;
using namespace glow::identity;

TEST_CASE("the same seed gives the same keys, another seed others") {
  key_seed seed;
  seed.value.fill(7);
  auto one = node_keys::from_seed(seed);
  auto two = node_keys::from_seed(seed);
  CHECK(one.id() == two.id());
  CHECK(one.x25519_secret() == two.x25519_secret());
  seed.value[0] = 8;
  CHECK(node_keys::from_seed(seed).id() != one.id());
}

TEST_CASE("keys and signature agree with RFC 8032, test 2") {
  auto seed = key_seed::from(*from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  auto keys = node_keys::from_seed(seed);
  CHECK(to_hex(keys.id().view()) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  byte_string message{0x72};
  CHECK(
    to_hex(keys.sign(message).view())
    == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d29"
       "1612bb0c00");
}

TEST_CASE("a signature verifies for its message and signer, and for nothing else") {
  auto ok = rc::check([](std::uint64_t seed, const std::vector<std::uint8_t>& message, std::uint8_t bit) {
    seeded_random random{seed};
    auto keys = node_keys::generate(random);
    auto other = node_keys::generate(random);
    auto with = keys.sign(message);
    RC_ASSERT(verify(keys.id(), message, with));
    RC_ASSERT(!verify(other.id(), message, with));
    auto longer = message;
    longer.push_back(0);
    RC_ASSERT(!verify(keys.id(), longer, with));
    with.value[bit % 64] = static_cast<std::uint8_t>(with.value[bit % 64] ^ (1u << (bit / 64)));
    RC_ASSERT(!verify(keys.id(), message, with));
  });
  REQUIRE(ok);
}

TEST_CASE("both ends of a Diffie-Hellman over converted keys agree") {
  seeded_random random{1};
  auto one = node_keys::generate(random);
  auto two = node_keys::generate(random);
  auto public_of_two = x25519_of(two.id());
  REQUIRE(public_of_two);
  CHECK(*public_of_two == two.x25519_public());
  digest left, right;
  REQUIRE(crypto_scalarmult(left.data(), one.x25519_secret().data(), public_of_two->data()) == 0);
  REQUIRE(crypto_scalarmult(right.data(), two.x25519_secret().data(), one.x25519_public().data()) == 0);
  CHECK(left == right);
}

TEST_CASE("a node id that is no point or a point of low order is malformed") {
  node_id neutral; // (0, 1), order 1
  neutral.value[0] = 1;
  node_id off_curve;
  off_curve.value[0] = 2;
  for (auto& each : {node_id{}, neutral, off_curve}) {
    auto converted = x25519_of(each);
    REQUIRE_FALSE(converted);
    CHECK(converted.why().code == error_code::malformed);
  }
}

TEST_CASE("hashes keep their parts and domains apart") {
  auto a = as_bytes("a"), b = as_bytes("b"), ab = as_bytes("ab"), none = as_bytes("");
  CHECK(hash_of("d", {a, b}) != hash_of("d", {ab, none}));
  CHECK(hash_of("d", {a}) != hash_of("e", {a}));
  CHECK(derive_key(hash_of("d", {a}).view(), "x") != derive_key(hash_of("d", {a}).view(), "y"));
}

TEST_CASE("wiped bytes are zero") {
  key_seed seed;
  seed.value.fill(9);
  wipe(seed.value);
  CHECK(seed.is_zero());
}
