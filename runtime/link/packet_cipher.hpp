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
/// … once so many bytes of such packets have passed: an idle agent shall not hold the four megabytes that libcrypto takes.
inline constexpr std::size_t packet_cipher_worth_bytes = 1u << 20;

/// Where a packet's text lies, and its tag of 16 bytes.
struct cipher_text {
  std::uint8_t* text = nullptr;
  std::size_t bytes = 0;
  std::uint8_t* tag = nullptr;
};

/// One direction of a session. It keeps libcrypto's state of the key that it was used with last, and wipes it when it dies.
class packet_cipher {
public:
  packet_cipher() = default;
  /// A copy makes its own state when it needs one.
  packet_cipher(const packet_cipher&) {}
  packet_cipher& operator=(const packet_cipher&) {
    state_.reset();
    return *this;
  }
  packet_cipher(packet_cipher&&) = default;
  packet_cipher& operator=(packet_cipher&&) = default;
  ~packet_cipher() = default;

  /// Encrypts the text in place and writes its tag. `epoch` names the key: whoever gives another key gives another epoch.
  void seal(const cipher_text& what, byte_view additional, const packet_nonce& nonce, std::uint64_t epoch, const secret_key& key);
  /// The way back. False, with the text in an unspecified state, when the tag is not authentic.
  bool open(const cipher_text& what, byte_view additional, const packet_nonce& nonce, std::uint64_t epoch, const secret_key& key);

private:
  struct freed {
    void operator()(evp_cipher_ctx_st* state) const;
  };

  /// Makes the state ready for the packet of that nonce. False when libcrypto has no memory or not this cipher: then
  /// libsodium does every length.
  bool ready(bool sealing, const packet_nonce& nonce, std::uint64_t epoch, const secret_key& key);

  bool is_worth_it(std::size_t bytes);

  std::size_t long_bytes_ = 0; ///< that have passed, until they were enough
  std::unique_ptr<evp_cipher_ctx_st, freed> state_;
  std::uint64_t epoch_ = 0;
};

} // namespace glow::link
