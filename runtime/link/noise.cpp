#include "runtime/link/noise.hpp"

#include <sodium.h>

namespace glow::link {
namespace {

constexpr std::size_t hash_bytes = 64;
constexpr std::size_t block_bytes = 128;
constexpr std::string_view protocol_suffix = "_25519_ChaChaPoly_BLAKE2b";

noise_hash hash_of(byte_view first, byte_view second = {}) {
  crypto_generichash_blake2b_state state;
  noise_hash out;
  crypto_generichash_blake2b_init(&state, nullptr, 0, hash_bytes);
  crypto_generichash_blake2b_update(&state, first.data(), first.size());
  crypto_generichash_blake2b_update(&state, second.data(), second.size());
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  return out;
}

/// RFC 2104 with BLAKE2b-512. The key is at most one block.
secret_bytes<64> hmac(byte_view key, byte_view first, byte_view second = {}) {
  secret_bytes<block_bytes> inner;
  std::copy(key.begin(), key.end(), inner.data());
  secret_bytes<block_bytes> outer = inner;
  for (std::size_t i = 0; i < block_bytes; ++i) inner.data()[i] ^= 0x36, outer.data()[i] ^= 0x5c;
  crypto_generichash_blake2b_state state;
  secret_bytes<64> digest;
  crypto_generichash_blake2b_init(&state, nullptr, 0, hash_bytes);
  crypto_generichash_blake2b_update(&state, inner.data(), block_bytes);
  crypto_generichash_blake2b_update(&state, first.data(), first.size());
  crypto_generichash_blake2b_update(&state, second.data(), second.size());
  crypto_generichash_blake2b_final(&state, digest.data(), hash_bytes);
  crypto_generichash_blake2b_init(&state, nullptr, 0, hash_bytes);
  crypto_generichash_blake2b_update(&state, outer.data(), block_bytes);
  crypto_generichash_blake2b_update(&state, digest.data(), hash_bytes);
  crypto_generichash_blake2b_final(&state, digest.data(), hash_bytes);
  sodium_memzero(&state, sizeof state);
  return digest;
}

/// Section 4.3: up to three outputs of HASHLEN bytes.
struct derived {
  secret_bytes<64> first;
  secret_bytes<64> second;
  secret_bytes<64> third;
};
derived hkdf(byte_view chaining_key, byte_view input, int outputs) {
  static constexpr std::uint8_t counters[] = {1, 2, 3};
  auto master = hmac(chaining_key, input);
  derived out;
  out.first = hmac(master.view(), byte_view{counters, 1});
  out.second = hmac(master.view(), out.first.view(), byte_view{counters + 1, 1});
  if (outputs == 3) out.third = hmac(master.view(), out.second.view(), byte_view{counters + 2, 1});
  return out;
}

secret_key key_from(const secret_bytes<64>& output) { return secret_key{output.view().first(32)}; }

std::array<std::uint8_t, 12> nonce_of(std::uint64_t counter) {
  std::array<std::uint8_t, 12> nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

identity::x25519_public_key public_of(const secret_key& scalar) {
  identity::x25519_public_key out;
  crypto_scalarmult_base(out.data(), scalar.data());
  return out;
}

} // namespace

void noise_cipher::encrypt(byte_view additional, byte_view plain, byte_string& out) {
  if (!key_) return append(out, plain);
  auto at = out.size();
  out.resize(at + plain.size() + noise_tag_bytes);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data() + at, nullptr, plain.data(), plain.size(), additional.data(),
                                            additional.size(), nullptr, nonce_of(counter_).data(), key_->data());
  ++counter_;
}

result<byte_string> noise_cipher::decrypt(byte_view additional, byte_view sealed) {
  if (!key_) return to_bytes(sealed);
  if (sealed.size() < noise_tag_bytes) return {error_code::malformed, "sealed part is shorter than its tag"};
  byte_string plain(sealed.size() - noise_tag_bytes);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, sealed.data(), sealed.size(), additional.data(),
                                                additional.size(), nonce_of(counter_).data(), key_->data())
      != 0)
    return {error_code::tampered, "handshake message does not authenticate"};
  ++counter_;
  return plain;
}

result<noise_handshake> noise_handshake::begin(const noise_pattern& pattern, const setup& with) {
  noise_handshake out;
  out.pattern_ = pattern;
  out.initiator_ = with.initiator;
  out.own_static_ = with.own_static;
  if (with.own_static) out.own_static_public_ = public_of(*with.own_static);
  out.own_ephemeral_ = with.own_ephemeral;
  out.ephemeral_is_fixed_ = with.own_ephemeral.has_value();
  out.peer_static_ = with.peer_static;
  out.psk_ = with.psk;

  auto name = "Noise_" + pattern.name + std::string{protocol_suffix};
  if (name.size() <= hash_bytes)
    std::copy(name.begin(), name.end(), out.hash_.begin());
  else
    out.hash_ = hash_of(as_bytes(name));
  out.chaining_key_ = secret_bytes<64>{out.hash_};
  out.mix_hash(with.prologue);
  for (bool initiators : {true, false}) {
    if (!(initiators ? pattern.initiator_static_known : pattern.responder_static_known)) continue;
    bool own = initiators == with.initiator;
    if (own ? !out.own_static_ : !out.peer_static_)
      return {error_code::usage, "Noise pattern " + pattern.name + " needs a static key that was not given"};
    out.mix_hash(own ? out.own_static_public_.view() : out.peer_static_->view());
  }
  return out;
}

void noise_handshake::set_own_static(const secret_key& scalar) {
  own_static_ = scalar;
  own_static_public_ = public_of(scalar);
}

void noise_handshake::mix_hash(byte_view bytes) { hash_ = hash_of(hash_, bytes); }

void noise_handshake::mix_key(byte_view input) {
  auto out = hkdf(chaining_key_.view(), input, 2);
  chaining_key_ = out.first;
  cipher_ = noise_cipher{key_from(out.second)};
}

void noise_handshake::mix_key_and_hash(byte_view input) {
  auto out = hkdf(chaining_key_.view(), input, 3);
  chaining_key_ = out.first;
  mix_hash(out.second.view());
  cipher_ = noise_cipher{key_from(out.third)};
}

void noise_handshake::encrypt_and_hash(byte_view plain, byte_string& out) {
  auto at = out.size();
  cipher_.encrypt(hash_, plain, out);
  mix_hash(byte_view{out}.subspan(at));
}

result<byte_string> noise_handshake::decrypt_and_hash(byte_view sealed) {
  auto plain = cipher_.decrypt(hash_, sealed);
  if (plain) mix_hash(sealed);
  return plain;
}

result<void> noise_handshake::mix_agreement(noise_token token) {
  // es and se name the initiator's key first, whoever computes
  bool own_is_static = token == noise_token::ss || token == (initiator_ ? noise_token::se : noise_token::es);
  bool peer_is_static = token == noise_token::ss || token == (initiator_ ? noise_token::es : noise_token::se);
  auto& own = own_is_static ? own_static_ : own_ephemeral_;
  auto& peer = peer_is_static ? peer_static_ : peer_ephemeral_;
  if (!own || !peer) return {error_code::usage, "Noise pattern " + pattern_.name + " needs a key that is not there"};
  secret_key shared;
  if (crypto_scalarmult(shared.data(), own->data(), peer->data()) != 0)
    return {error_code::tampered, "the peer's Diffie-Hellman key is of low order"};
  mix_key(shared.view());
  return {};
}

result<void> noise_handshake::write_token(noise_token token, byte_string& out, random_source& random) {
  switch (token) {
  case noise_token::e:
    if (!ephemeral_is_fixed_) {
      own_ephemeral_.emplace();
      random.fill({own_ephemeral_->data(), own_ephemeral_->size()});
    }
    own_ephemeral_public_ = public_of(*own_ephemeral_);
    append(out, own_ephemeral_public_.view());
    mix_hash(own_ephemeral_public_.view());
    if (pattern_.uses_psk) mix_key(own_ephemeral_public_.view());
    return {};
  case noise_token::s:
    if (!own_static_) return {error_code::usage, "Noise pattern " + pattern_.name + " needs a static key"};
    encrypt_and_hash(own_static_public_.view(), out);
    return {};
  case noise_token::psk:
    if (!psk_) return {error_code::usage, "Noise pattern " + pattern_.name + " needs its pre-shared key"};
    mix_key_and_hash(psk_->view());
    return {};
  default: return mix_agreement(token);
  }
}

result<void> noise_handshake::read_token(noise_token token, byte_view& rest) {
  switch (token) {
  case noise_token::e:
    if (rest.size() < noise_key_bytes) return {error_code::malformed, "handshake message is cut short"};
    peer_ephemeral_ = identity::x25519_public_key::from(rest.first(noise_key_bytes));
    rest = rest.subspan(noise_key_bytes);
    mix_hash(peer_ephemeral_->view());
    if (pattern_.uses_psk) mix_key(peer_ephemeral_->view());
    return {};
  case noise_token::s: {
    auto length = noise_key_bytes + (cipher_.has_key() ? noise_tag_bytes : 0);
    if (rest.size() < length) return {error_code::malformed, "handshake message is cut short"};
    auto key = decrypt_and_hash(rest.first(length));
    if (!key) return key.why();
    peer_static_ = identity::x25519_public_key::from(*key);
    rest = rest.subspan(length);
    return {};
  }
  case noise_token::psk:
    if (!psk_) return {error_code::usage, "Noise pattern " + pattern_.name + " needs its pre-shared key"};
    mix_key_and_hash(psk_->view());
    return {};
  default: return mix_agreement(token);
  }
}

std::size_t noise_handshake::next_overhead() const {
  std::size_t bytes = 0;
  bool keyed = cipher_.has_key();
  for (auto token : pattern_.messages[next_message_]) {
    if (token == noise_token::e) {
      bytes += noise_key_bytes;
      keyed = keyed || pattern_.uses_psk;
    } else if (token == noise_token::s) {
      bytes += noise_key_bytes + (keyed ? noise_tag_bytes : 0);
    } else {
      keyed = true;
    }
  }
  return bytes + (keyed ? noise_tag_bytes : 0);
}

result<byte_string> noise_handshake::write_message(byte_view payload, random_source& random) {
  if (!is_my_turn()) return {error_code::usage, "it is the peer's turn in the handshake"};
  if (payload.size() + next_overhead() > noise_message_bytes_max)
    return {error_code::usage, "handshake payload is too long for one Noise message"};
  byte_string out;
  for (auto token : pattern_.messages[next_message_])
    if (auto written = write_token(token, out, random); !written) return written.why();
  encrypt_and_hash(payload, out);
  ++next_message_;
  return out;
}

result<byte_string> noise_handshake::read_message(byte_view message) {
  if (is_finished() || is_my_turn()) return {error_code::usage, "no handshake message of the peer is due"};
  if (message.size() > noise_message_bytes_max) return {error_code::malformed, "handshake message is too long"};
  for (auto token : pattern_.messages[next_message_])
    if (auto read = read_token(token, message); !read) return read.why();
  auto payload = decrypt_and_hash(message);
  if (payload) ++next_message_;
  return payload;
}

noise_keys noise_handshake::split() const {
  auto out = hkdf(chaining_key_.view(), {}, 2);
  return {key_from(out.first), key_from(out.second)};
}

} // namespace glow::link
