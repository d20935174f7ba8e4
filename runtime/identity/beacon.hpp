/// LAN beacons: how members of one namespace recognise each other on a segment while strangers learn only that a Glow
/// is there. Refuses to send, to receive, and to trust: a beacon is a hint where to dial, the handshake proves the rest.
///
///   0       4     5        21       37                                                        245
///   +-------+-----+--------+--------+----------------------------------------------------------+
///   | glow  | 1   | nonce  | tag    | XChaCha20-Poly1305 of the content (192 bytes), its MAC   |
///   | magic | ver | 16     | 16     |                                                          |
///   +-------+-----+--------+--------+----------------------------------------------------------+
///   tag      keyed BLAKE2b-128 of nonce ‖ slot, the key derived from the namespace secret
///   slot     unix seconds / 60, u64 LE; a receiver accepts its own slot and both neighbours
///   content  node id 32 ‖ flags 1 (bit 0: answer me) ‖ count 1 ‖ count × {scheme length 1, scheme, port u16 LE} ‖ zeros
///   cipher   nonce ‖ slot is the XChaCha nonce, the 37 bytes before are authenticated too
///
/// Every beacon is as long as every other. A replayed one costs its victim at most one dial to the sender's address.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/roster.hpp"

namespace glow::identity {

/// Where a node listens: the host is the address the beacon came from.
struct beacon_port {
  std::string scheme;
  std::uint16_t port = 0;
  auto operator<=>(const beacon_port&) const = default;
};
struct beacon {
  node_id node;
  bool wants_answer = false; ///< a newcomer: whoever hears it beacons at once
  std::vector<beacon_port> listening;
  bool operator==(const beacon&) const = default;
};

inline constexpr std::size_t beacon_size_bytes = 245;

/// Listening places beyond limits::beacon_ports_max, or with schemes longer than 12 bytes, are left out.
/// Requires: a secret that is not zero (guests send no beacons).
byte_string encode_beacon(const beacon& content, const namespace_secret& secret, wall_time now, random_source& random);
/// Errors: `malformed` (no beacon of Glow), `not_a_member` (another namespace's, too old, or forged).
result<beacon> decode_beacon(byte_view datagram, const namespace_secret& secret, wall_time now);

} // namespace glow::identity
