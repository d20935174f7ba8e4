/// What a handshake message carries inside: who a node is, what it speaks, where it listens, or why it refuses.
/// Refuses to judge it. Wire form: schema/link.capnp.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/uri.hpp"

#include <optional>

namespace glow::link {

/// Newest and oldest link protocol this build speaks.
inline constexpr std::uint16_t protocol_newest = 1;
inline constexpr std::uint16_t protocol_oldest = 1;
/// Feature bits; unknown ones of the peer are ignored.
inline constexpr std::uint64_t feature_records = 1; ///< rejoins records (records.hpp) on this channel
inline constexpr std::uint64_t feature_heads = 2;   ///< opens sealed heads (session.hpp)
inline constexpr std::uint64_t feature_labels = 4;  ///< opens sealed labels, and its router knows labels (route/label_tables.hpp)
inline constexpr std::uint64_t feature_compact = 8; ///< opens compact datagrams (session.hpp) on this channel
inline constexpr std::uint64_t feature_piece_lengths = 16; ///< rejoins records of pieces of any length, not the agreed one alone
/// What this side's owner says of the link (link_policy.hpp): no abilities, so one side's word is enough.
inline constexpr std::uint64_t feature_says_control = std::uint64_t{1} << 32;
inline constexpr std::uint64_t feature_says_drop = std::uint64_t{1} << 33;
inline constexpr std::uint64_t feature_says_bulk = std::uint64_t{1} << 34;
inline constexpr std::uint64_t feature_says_no_bulk = std::uint64_t{1} << 35;
inline constexpr std::uint64_t features_said =
  feature_says_control | feature_says_drop | feature_says_bulk | feature_says_no_bulk;

using handshake_nonce = fixed_bytes<16, struct handshake_nonce_tag>;

struct payload {
  std::uint16_t newest = protocol_newest;
  std::uint16_t oldest = protocol_oldest;
  std::uint16_t chosen = 0; ///< what the sender settled on, having seen the other's offer; 0 before
  std::uint64_t features = 0;
  std::uint32_t session_index = 0;
  std::uint32_t datagram_bytes_max = 0;
  std::uint32_t datagram_bytes_ceiling = 0; ///< worth a probe; 0: not told
  node_id node;
  namespace_id space;
  byte_string certificate;
  std::string node_name;
  std::vector<channel_uri> listening;
  std::string observed;         ///< where the sender sees the receiver
  handshake_nonce nonce;        ///< fresh per attempt
  handshake_nonce echoed_nonce; ///< the receiver's, when the sender has seen it: an old answer is no answer
  std::optional<error> refusal; ///< the sender wants no link, and why
};

byte_string encode(const payload& what);
/// Errors: `malformed`. Lists and texts beyond their bounds are an error, unparsable URIs are left out.
result<payload> decode_payload(byte_view bytes);

/// The protocol both speak, 0 when there is none.
std::uint16_t agree_on(const payload& ours, const payload& theirs);

/// What a joining node gets, in wire form.
struct admission_bytes {
  byte_string namespace_file;
  std::vector<channel_uri> addresses;
};
byte_string encode(const admission_bytes& what);
/// Errors: `malformed`.
result<admission_bytes> decode_admission(byte_view bytes);

} // namespace glow::link
