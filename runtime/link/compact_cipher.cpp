#include "runtime/link/compact_cipher.hpp"

#include <sodium.h>

namespace glow::link {
namespace {

/// libsodium makes none shorter.
using long_tag = std::array<std::uint8_t, crypto_generichash_blake2b_BYTES_MIN>;

secret_key derived(const secret_key& key, std::string_view label) {
  secret_key out;
  crypto_generichash_blake2b(out.data(), out.size(), as_bytes(label).data(), label.size(), key.data(), key.size());
  return out;
}

std::array<std::uint8_t, 8> bytes_of(std::uint64_t counter) {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return out;
}

long_tag tag_of(const cipher_text& what, std::uint8_t header, std::uint64_t counter, const secret_key& key) {
  const auto tag_key = derived(key, "glow compact tag");
  const auto number = bytes_of(counter);
  long_tag out{};
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, tag_key.data(), tag_key.size(), out.size());
  crypto_generichash_blake2b_update(&state, number.data(), number.size());
  crypto_generichash_blake2b_update(&state, &header, 1);
  crypto_generichash_blake2b_update(&state, what.text, what.bytes);
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  return out;
}

/// The same in both directions.
void encrypt(const cipher_text& what, std::uint64_t counter, const secret_key& key) {
  const auto cipher_key = derived(key, "glow compact cipher");
  packet_nonce nonce{};
  const auto number = bytes_of(counter);
  std::copy(number.begin(), number.end(), nonce.begin() + 4);
  crypto_stream_chacha20_ietf_xor(what.text, what.text, what.bytes, nonce.data(), cipher_key.data());
}

} // namespace

void compact_seal(const cipher_text& what, std::uint8_t header, std::uint64_t counter, const secret_key& key) {
  encrypt(what, counter, key);
  const auto tag = tag_of(what, header, counter, key);
  std::copy_n(tag.begin(), compact_tag_bytes, what.tag);
}

bool compact_open(const cipher_text& what, std::uint8_t header, std::uint64_t counter, const secret_key& key) {
  const auto tag = tag_of(what, header, counter, key);
  if (sodium_memcmp(tag.data(), what.tag, compact_tag_bytes) != 0) return false;
  encrypt(what, counter, key);
  return true;
}

} // namespace glow::link
