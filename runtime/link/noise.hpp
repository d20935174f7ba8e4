/// The Noise Protocol Framework, revision 34 (noiseprotocol.org), as Noise_*_25519_ChaChaPoly_BLAKE2b: one unit driven
/// by a table of patterns. Adding a pattern is adding a row; `pskN` modifiers follow from the rule of section 9.
/// Refuses to frame, retransmit or interpret payloads.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/link/secret.hpp"

#include <optional>

namespace glow::link {

enum class noise_token : std::uint8_t { e, s, ee, es, se, ss, psk };

/// What happens in which message; the initiator writes the even ones.
struct noise_pattern {
  std::string name;                    ///< "XX", "IKpsk2" …
  bool initiator_static_known = false; ///< pre-message of the initiator: s
  bool responder_static_known = false; ///< pre-message of the responder: s
  std::vector<std::vector<noise_token>> messages;
  bool uses_psk = false;
};

/// Errors: `not_found` for a name whose base pattern is in no row, or a psk position beyond its messages.
result<noise_pattern> find_noise_pattern(std::string_view name);
/// Names of the base patterns in the table.
std::vector<std::string_view> noise_pattern_names();

inline constexpr std::size_t noise_tag_bytes = 16;
inline constexpr std::size_t noise_key_bytes = 32;
inline constexpr std::size_t noise_message_bytes_max = 65535;
using noise_hash = std::array<std::uint8_t, 64>;

/// Section 5.1: a key and a counter. Copies wipe themselves.
class noise_cipher {
public:
  noise_cipher() = default;
  explicit noise_cipher(const secret_key& key) : key_{key} {}
  bool has_key() const { return key_.has_value(); }
  const secret_key& key() const { return *key_; }
  /// Appends ciphertext and tag to `out`, or the plain bytes while there is no key.
  void encrypt(byte_view additional, byte_view plain, byte_string& out);
  /// Errors: `tampered`. The counter moves only on success.
  result<byte_string> decrypt(byte_view additional, byte_view sealed);

private:
  std::optional<secret_key> key_;
  std::uint64_t counter_ = 0;
};

/// Transport keys, one per direction.
struct noise_keys {
  secret_key initiator_to_responder;
  secret_key responder_to_initiator;
};

/// Section 5.3. A value: copy it before read_message() where a forged message must leave no trace.
class noise_handshake {
public:
  struct setup {
    bool initiator = true;
    byte_view prologue;
    std::optional<secret_key> own_static;                   ///< X25519 scalar
    std::optional<identity::x25519_public_key> peer_static; ///< where the pattern knows it in advance
    std::optional<secret_key> psk;                          ///< may come later, see set_psk()
    std::optional<secret_key> own_ephemeral;                ///< known answers only; else drawn from the random source
  };
  /// Errors: `usage` when the pattern needs a key that is not in the setup.
  static result<noise_handshake> begin(const noise_pattern& pattern, const setup& with);

  /// Errors: `usage` when it is not this side's turn, a psk is missing or the message gets too long; `tampered` when the
  /// peer's key is of low order.
  result<byte_string> write_message(byte_view payload, random_source& random);
  /// The payload. Errors: `malformed` when too short, `tampered` when it does not authenticate; then the state is spent.
  result<byte_string> read_message(byte_view message);
  void set_psk(const secret_key& psk) { psk_ = psk; }
  /// For a message 3 that should not reveal who wrote it: changes the static key before it was used.
  void set_own_static(const secret_key& scalar);

  bool is_finished() const { return next_message_ == pattern_.messages.size(); }
  bool is_my_turn() const { return !is_finished() && (next_message_ % 2 == 0) == initiator_; }
  /// Bytes that the next message is longer than its payload.
  std::size_t next_overhead() const;
  const std::optional<identity::x25519_public_key>& peer_static() const { return peer_static_; }
  const noise_hash& handshake_hash() const { return hash_; }
  /// Requires: is_finished().
  noise_keys split() const;

private:
  noise_handshake() = default;
  void mix_hash(byte_view bytes);
  void mix_key(byte_view input);
  void mix_key_and_hash(byte_view input);
  void encrypt_and_hash(byte_view plain, byte_string& out);
  result<byte_string> decrypt_and_hash(byte_view sealed);
  result<void> write_token(noise_token token, byte_string& out, random_source& random);
  result<void> read_token(noise_token token, byte_view& rest);
  result<void> mix_agreement(noise_token token);

  noise_pattern pattern_;
  bool initiator_ = true;
  std::size_t next_message_ = 0;
  std::optional<secret_key> own_static_;
  identity::x25519_public_key own_static_public_;
  std::optional<secret_key> own_ephemeral_;
  identity::x25519_public_key own_ephemeral_public_;
  bool ephemeral_is_fixed_ = false;
  std::optional<identity::x25519_public_key> peer_static_;
  std::optional<identity::x25519_public_key> peer_ephemeral_;
  std::optional<secret_key> psk_;
  noise_cipher cipher_;
  secret_bytes<64> chaining_key_;
  noise_hash hash_{};
};

} // namespace glow::link
