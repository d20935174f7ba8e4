/// Keys of a node and of a namespace root: Ed25519 for identity and signatures (RFC 8032), its X25519 form for Noise.
/// Refuses to store keys (runtime/host/key_file does) and to decide whom a key belongs to (membership does).
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

#include <initializer_list>

namespace glow::identity {

using signature = fixed_bytes<64, struct signature_tag>;
/// What an Ed25519 key pair is made from: 32 secret bytes.
using key_seed = fixed_bytes<32, struct key_seed_tag>;
/// Montgomery u-coordinate, as Noise's `s` and `e` carry it.
using x25519_public_key = fixed_bytes<32, struct x25519_public_key_tag>;
/// Clamped scalar. Whoever copies one wipes the copy: see `wipe`.
using x25519_secret_key = fixed_bytes<32, struct x25519_secret_key_tag>;

/// Overwrites secret bytes in a way that the optimiser keeps.
void wipe(std::span<std::uint8_t> secret);

/// An Ed25519 key pair with its X25519 form. A value; every copy wipes itself when it dies.
class node_keys {
public:
  static node_keys generate(random_source& random);
  /// The same seed always gives the same keys. The caller wipes its copy of the seed.
  static node_keys from_seed(const key_seed& seed);
  node_keys(const node_keys&) = default;
  node_keys& operator=(const node_keys&) = default;
  ~node_keys();

  /// The Ed25519 public key.
  const node_id& id() const { return id_; }
  const key_seed& seed() const { return seed_; }
  /// Ed25519 over the whole message. Callers put a domain-separation prefix in front.
  signature sign(byte_view message) const;
  const x25519_secret_key& x25519_secret() const { return x25519_secret_; }
  const x25519_public_key& x25519_public() const { return x25519_public_; }

private:
  node_keys() = default;

  node_id id_;
  key_seed seed_;
  fixed_bytes<64, struct ed25519_secret_key_tag> ed25519_secret_;
  x25519_secret_key x25519_secret_;
  x25519_public_key x25519_public_;
};

/// True when `with` is the signature of the holder of `signer` over `message`. Low-order and non-canonical keys never verify.
bool verify(const node_id& signer, byte_view message, const signature& with);

/// The X25519 public key that belongs to a node's identity: what Noise's IK needs to know of the peer, and what a
/// link compares with the static key that a handshake has proven.
/// Errors: `malformed` when `node` is no point of the curve or one of low order.
result<x25519_public_key> x25519_of(const node_id& node);

/// BLAKE2b-256 (RFC 7693) of the domain text, a zero byte and the parts, each with its 64-bit length in front.
digest hash_of(std::string_view domain, std::initializer_list<byte_view> parts);
/// Subkey: keyed BLAKE2b-256 of the domain text. Different domains give independent keys.
/// Requires: `secret.size()` is 16 to 64.
digest derive_key(byte_view secret, std::string_view domain);

} // namespace glow::identity
