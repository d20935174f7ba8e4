/// One signed fact about a namespace: it was created, a node was admitted, a node was expelled.
/// Refuses to say whether the issuer had the right to: membership.hpp does.
///
/// What is signed (Ed25519) is BLAKE2b-256 over the domain "glow membership record 1" and these parts, each with its
/// 64-bit little-endian length in front:
///   namespace id · kind · role · at, ms, i64 LE · subject · name · ticket id or nothing · issuer · extension
/// The same digest names the record, so that two encodings of one fact are one record.
#pragma once

#include "runtime/base/uri.hpp"
#include "runtime/identity/keys.hpp"
#include "runtime/identity/roster.hpp"

namespace glow::identity {

/// Places of one node, the best first.
using node_addresses = std::pair<node_id, std::vector<channel_uri>>;

/// The end of year 9999: nothing can be dated so late that no later record fits.
inline constexpr wall_time record_time_max{std::chrono::milliseconds{253402300799999}};
/// Such a time can be added to and subtracted from without a thought of overflow.
inline bool is_record_time(std::int64_t unix_ms) { return unix_ms >= 0 && from_unix_ms(unix_ms) <= record_time_max; }

enum class record_kind : std::uint8_t { create = 0, admit = 1, expel = 2 };

struct membership_record {
  namespace_id space;
  record_kind kind = record_kind::admit;
  role as = role::member;
  wall_time at{};
  node_id subject;
  std::string name;             ///< admit: of the node; create: of the namespace; expel: empty
  std::optional<digest> ticket; ///< admit: the ticket it was redeemed with
  node_id issuer;               ///< the namespace's root key or an admin
  byte_string extension;        ///< of later versions: carried, not understood
  signature signed_by_issuer;

  bool operator==(const membership_record&) const = default;
  bool issued_by_root() const { return issuer.value == space.value; }
};

/// Names the record; also what its signature covers.
digest digest_of(const membership_record& record);
/// Fills in issuer and signature.
void sign_record(membership_record& record, const node_keys& issuer);
/// Bounds, names and signature.
/// Errors: `malformed` (bounds, names), `tampered` (the signature does not verify).
result<void> check_record(const membership_record& record);

/// One record as a message of its own.
byte_string encode_record(const membership_record& record);
/// Decodes; does not check the signature. Errors: `malformed`.
result<membership_record> decode_record(byte_view bytes);

/// An encoded RecordList; and back, without checking signatures. Errors: `malformed`.
byte_string encode_records(const std::vector<membership_record>& records);
result<std::vector<membership_record>> decode_records(byte_view bytes);

} // namespace glow::identity
