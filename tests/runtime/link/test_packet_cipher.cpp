#include "runtime/link/packet_cipher.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <sodium.h>

using namespace glow;
using namespace glow::link;

namespace {

const secret_key key{byte_string(32, 7)};
const packet_nonce nonce{0, 0, 0, 0, 1, 2, 3};
const byte_string header = to_bytes("header 9b");

byte_string bytes_of(std::size_t size) {
  byte_string out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + size);
  return out;
}

/// Long packets have passed: from here on libcrypto does them.
void warm_up(packet_cipher& cipher) {
  byte_string packet(65536 + 16);
  for (std::size_t passed = 0; passed < packet_cipher_worth_bytes; passed += 65536)
    cipher.seal({packet.data(), 65536, packet.data() + 65536}, header, nonce, 0, key);
}

cipher_text text_of(byte_string& wire) { return {wire.data(), wire.size() - 16, wire.data() + wire.size() - 16}; }

byte_string sealed(packet_cipher& by, byte_string plain, std::uint64_t epoch = 0, const secret_key& with = key) {
  auto size = plain.size();
  plain.resize(size + 16);
  by.seal({plain.data(), size, plain.data() + size}, header, nonce, epoch, with);
  return plain;
}

bool opens(packet_cipher& by, byte_string& wire, std::uint64_t epoch = 0, const secret_key& with = key) {
  return by.open(text_of(wire), header, nonce, epoch, with);
}

} // namespace

TEST_CASE("every length seals to the very bytes of RFC 8439, whichever library does it") {
  packet_cipher cipher;
  const bool warm = GENERATE(false, true);
  if (warm) warm_up(cipher);
  for (auto size : {std::size_t{0}, std::size_t{1}, packet_cipher_long_bytes - 1, packet_cipher_long_bytes, std::size_t{1400},
                    std::size_t{16384}, std::size_t{65537}}) {
    auto plain = bytes_of(size);
    byte_string expected(size + 16);
    unsigned long long length = 0;
    crypto_aead_chacha20poly1305_ietf_encrypt(expected.data(), &length, plain.data(), size, header.data(), header.size(), nullptr,
                                              nonce.data(), key.data());
    CAPTURE(size);
    CHECK(sealed(cipher, plain) == expected);
  }
}

TEST_CASE("a long packet opens to what was sealed, and not once a bit of it, of its header or of its nonce is another") {
  REQUIRE(rc::check("any length, any bit", [](std::uint16_t extra, std::uint32_t where) {
    packet_cipher one;
    packet_cipher other;
    warm_up(one);
    warm_up(other);
    auto plain = bytes_of(packet_cipher_long_bytes + extra % 20000);
    auto wire = sealed(one, plain);
    auto forged = wire;
    forged[where % forged.size()] ^= static_cast<std::uint8_t>(1 << (where % 8));
    RC_ASSERT(!opens(other, forged));
    auto under_other_header = wire;
    auto wrong = header;
    wrong[where % wrong.size()] ^= 1;
    RC_ASSERT(!other.open(text_of(under_other_header), wrong, nonce, 0, key));
    auto under_other_nonce = wire;
    auto later = nonce;
    later[11] ^= 1;
    RC_ASSERT(!other.open(text_of(under_other_nonce), header, later, 0, key));
    RC_ASSERT(opens(other, wire));
    wire.resize(plain.size());
    RC_ASSERT(wire == plain);
  }));
}

TEST_CASE("a cipher takes another key with another epoch, and the older one again") {
  const secret_key next{byte_string(32, 8)};
  packet_cipher cipher;
  packet_cipher other;
  warm_up(cipher);
  warm_up(other);
  auto plain = bytes_of(4000);
  auto first = sealed(cipher, plain, 0, key);
  auto second = sealed(cipher, plain, 1, next);
  CHECK(first != second);
  CHECK(opens(other, second, 1, next));
  CHECK(opens(other, first, 0, key));
  CHECK(sealed(cipher, plain, 0, key) == sealed(other, plain, 0, key));
}
