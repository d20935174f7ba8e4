#include "runtime/identity/keys.hpp"

#include "runtime/base/base32.hpp"

#include <sodium.h>

namespace glow::identity {

void wipe(std::span<std::uint8_t> secret) { sodium_memzero(secret.data(), secret.size()); }

node_keys node_keys::generate(random_source& random) {
  key_seed seed;
  random.fill(seed.value);
  auto keys = from_seed(seed);
  wipe(seed.value);
  return keys;
}

node_keys node_keys::from_seed(const key_seed& seed) {
  [[maybe_unused]] auto ready = sodium_init(); // idempotent; picks the fast implementations
  assert(ready >= 0);
  node_keys keys;
  keys.seed_ = seed;
  crypto_sign_seed_keypair(keys.id_.data(), keys.ed25519_secret_.data(), seed.data());
  crypto_sign_ed25519_sk_to_curve25519(keys.x25519_secret_.data(), keys.ed25519_secret_.data());
  crypto_scalarmult_base(keys.x25519_public_.data(), keys.x25519_secret_.data());
  return keys;
}

node_keys::~node_keys() {
  wipe(seed_.value);
  wipe(ed25519_secret_.value);
  wipe(x25519_secret_.value);
}

signature node_keys::sign(byte_view message) const {
  signature out;
  crypto_sign_detached(out.data(), nullptr, message.data(), message.size(), ed25519_secret_.data());
  return out;
}

bool verify(const node_id& signer, byte_view message, const signature& with) {
  return crypto_sign_verify_detached(with.data(), message.data(), message.size(), signer.data()) == 0;
}

result<x25519_public_key> x25519_of(const node_id& node) {
  x25519_public_key out;
  if (crypto_sign_ed25519_pk_to_curve25519(out.data(), node.data()) != 0)
    return error{error_code::malformed, "node id " + to_short_string(node) + "… is no usable Ed25519 key"};
  return out;
}

digest hash_of(std::string_view domain, std::initializer_list<byte_view> parts) {
  crypto_generichash_state state;
  digest out;
  crypto_generichash_init(&state, nullptr, 0, out.size_bytes);
  auto prefix = to_bytes(domain);
  prefix.push_back(0);
  crypto_generichash_update(&state, prefix.data(), prefix.size());
  for (auto part : parts) {
    byte_string length;
    append_le(length, static_cast<std::uint64_t>(part.size()));
    crypto_generichash_update(&state, length.data(), length.size());
    crypto_generichash_update(&state, part.data(), part.size());
  }
  crypto_generichash_final(&state, out.data(), out.size_bytes);
  return out;
}

digest derive_key(byte_view secret, std::string_view domain) {
  digest out;
  auto text = as_bytes(domain);
  crypto_generichash(out.data(), out.size_bytes, text.data(), text.size(), secret.data(), secret.size());
  return out;
}

} // namespace glow::identity
