/// ChaCha20-Poly1305 (RFC 8439) over one packet in place, by whichever library is the faster at its length.
/// Refuses to choose keys, nonces and headers.
///
/// The two libraries make the same bytes. libcrypto's code is about twice as fast from a kibibyte on (1.9 against 1.0 GB/s
/// at 16 KiB), while its calls cost more than libsodium's for a short packet; `glow_bench cipher` measures them.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/link/secret.hpp"

#include <memory>

struct evp_cipher_ctx_st;

namespace glow::link {

using packet_nonce = std::array<std::uint8_t, 12>;
/// From this many bytes on libcrypto does it.
inline constexpr std::size_t packet_cipher_long_bytes = 768;

/// One direction of a session. It keeps libcrypto's state of the key that it was used with last, and wipes it when it dies.
class packet_cipher {
public:
  packet_cipher() = default;

  /// Encrypts `body_bytes` at `body` and writes the tag, 16 bytes, behind them. `epoch` names the key: whoever gives another
  /// key gives another epoch.
  void seal(std::uint8_t* body, std::size_t body_bytes, byte_view additional, const packet_nonce& nonce, std::uint64_t epoch,
            const secret_key& key);
  /// The way back. False, with the body in an unspecified state, when the tag behind it is not authentic.
  bool open(std::uint8_t* body, std::size_t body_bytes, byte_view additional, const packet_nonce& nonce, std::uint64_t epoch,
            const secret_key& key);

private:
  struct freed {
    void operator()(evp_cipher_ctx_st* state) const;
  };

  /// Makes the state ready for the packet of that nonce. False when libcrypto has no memory or not this cipher: then
  /// libsodium does every length.
  bool ready(bool sealing, const packet_nonce& nonce, std::uint64_t epoch, const secret_key& key);

  std::unique_ptr<evp_cipher_ctx_st, freed> state_;
  std::uint64_t epoch_ = 0;
};

} // namespace glow::link
