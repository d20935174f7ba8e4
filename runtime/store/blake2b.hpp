/// BLAKE2b (RFC 7693) as a value that eats bytes. Refuses to know what is hashed.
#pragma once

#include "runtime/base/bytes.hpp"

#include <sodium/core.h>
#include <sodium/crypto_generichash_blake2b.h>

namespace glow::store {

/// Lets libsodium pick the processor's fast paths; may be called as often as one likes. Hashes are the same without it.
inline void pick_fast_paths() { [[maybe_unused]] auto already = sodium_init(); }

class blake2b {
public:
  /// Requires: size_bytes in 16 … 64, key of 0 or 16 … 64 bytes.
  explicit blake2b(std::size_t size_bytes = 32, byte_view key = {}) : size_bytes_{size_bytes} {
    crypto_generichash_blake2b_init(&state_, key.data(), key.size(), size_bytes);
  }
  blake2b& add(byte_view bytes) {
    crypto_generichash_blake2b_update(&state_, bytes.data(), bytes.size());
    return *this;
  }
  blake2b& add(std::string_view text) { return add(as_bytes(text)); }
  blake2b& add_byte(std::uint8_t byte) { return add(byte_view{&byte, 1}); }
  template <class Int>
  blake2b& add_le(Int value) {
    std::uint8_t raw[sizeof value];
    for (std::size_t i = 0; i < sizeof value; ++i) raw[i] = static_cast<std::uint8_t>(value >> (8 * i));
    return add(byte_view{raw, sizeof raw});
  }
  /// Requires: `out` holds size_bytes.
  void finish(std::uint8_t* out) { crypto_generichash_blake2b_final(&state_, out, size_bytes_); }
  /// As an identifier of the hash's size.
  template <class Id>
  Id finish_as() {
    Id id;
    finish(id.data());
    return id;
  }

private:
  crypto_generichash_blake2b_state state_;
  std::size_t size_bytes_;
};

} // namespace glow::store
