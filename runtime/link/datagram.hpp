/// What every datagram of a channel looks like from outside: type and indices, before any key is involved.
/// Refuses to know keys. Integers are little-endian.
///
///   handshake 1   0      1         2       3              7            (39)          (55)
///                 | 1 | pattern | flags | sender index | ticket id? | cookie? | Noise message 1 …
///   handshake 2   0   1                5              9
///                 | 2 | receiver index | sender index | Noise message 2 …
///   handshake 3   0   1                5
///                 | 3 | receiver index | Noise message 3 …
///   cookie        0   1                5         21
///                 | 4 | receiver index | cookie |
///   sealed        0     1                5             9              n-16
///                 | 5/6 | receiver index | counter low | ciphertext … | tag |      (session.hpp)
///   piece         0     1                5             9       10      11
///                 | 7/8/11/12 | receiver index | counter low | index | count | bytes …   (records.hpp)
///   sealed head   0   1                5             9                          75       n-16
///                 | 9 | receiver index | counter low | ciphertext of 66 bytes … | tail … | tag |   (session.hpp)
///   sealed label  0    1                5             9                         12       n-16
///                 | 10 | receiver index | counter low | ciphertext of 3 bytes … | tail … | tag |   (session.hpp)
///   compact       0                 1              n-8
///                 | 128 + counter:7 | ciphertext … | tag |                     (session.hpp, compact_cipher.hpp)
///
/// Ticket id is there with pattern XXpsk3 only, cookie with flag bit 0 only; other flag bits are ignored, for later.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <optional>

namespace glow::link {

enum class datagram_type : std::uint8_t {
  handshake_1 = 1,
  handshake_2 = 2,
  handshake_3 = 3,
  cookie_reply = 4,
  sealed_packet = 5,   ///< an overlay packet
  sealed_frame = 6,    ///< the link's own control: frames.hpp
  piece_of_packet = 7, ///< of a sealed_packet that is longer than a datagram: records.hpp
  piece_of_frame = 8,  ///< of a sealed_frame likewise
  sealed_head = 9,     ///< an overlay packet between nodes that are no neighbours: its payload is sealed end to end already
  sealed_label = 10,   ///< the same with a label in place of the two ends' ids
  piece_of_head = 11,  ///< of a sealed_head that is longer than a datagram
  piece_of_label = 12, ///< of a sealed_label likewise
  compact_packet = 128 ///< an overlay packet on a slow line; stands for 128 to 255
};

/// Noise pattern of a handshake, as message 1 names it.
enum class pattern_code : std::uint8_t {
  xx = 1,     ///< strangers on a channel
  ik = 2,     ///< the responder's node key is known: one round trip
  xxpsk3 = 3, ///< joining with a ticket
};

using cookie = fixed_bytes<16, struct cookie_tag>;

struct handshake_1 {
  pattern_code pattern = pattern_code::xx;
  std::uint32_t sender = 0;
  std::optional<digest> ticket_id;
  std::optional<cookie> echoed;
  byte_view noise;
};
struct handshake_2 {
  std::uint32_t receiver = 0;
  std::uint32_t sender = 0;
  byte_view noise;
};
struct handshake_3 {
  std::uint32_t receiver = 0;
  byte_view noise;
};
struct cookie_reply {
  std::uint32_t receiver = 0;
  cookie value;
};

/// Type of a datagram, or nothing when it is too short or of no known type.
std::optional<datagram_type> type_of(byte_view datagram);
/// One that a session opens, as it is, and that names that session: a compact one belongs to its channel's alone.
inline bool is_sealed(std::optional<datagram_type> type) {
  return type == datagram_type::sealed_packet || type == datagram_type::sealed_frame || type == datagram_type::sealed_head
         || type == datagram_type::sealed_label;
}
/// A piece of one that is longer than a datagram.
inline bool is_piece(std::optional<datagram_type> type) {
  return type == datagram_type::piece_of_packet || type == datagram_type::piece_of_frame || type == datagram_type::piece_of_head
         || type == datagram_type::piece_of_label;
}
/// The datagrams of a run: bytes that are cut after every `datagram_bytes`, the last one possibly shorter. Zero: the run is one.
std::vector<byte_view> datagrams_of(byte_view run, std::size_t datagram_bytes);
/// Session index of the receiver in types 2 to 12. Requires: type_of() said one of those.
std::uint32_t receiver_index_of(byte_view datagram);

byte_string encode(const handshake_1& message);
byte_string encode(const handshake_2& message);
byte_string encode(const handshake_3& message);
byte_string encode(const cookie_reply& message);

/// Errors of all four: `malformed`. The views point into `datagram`.
result<handshake_1> decode_handshake_1(byte_view datagram);
result<handshake_2> decode_handshake_2(byte_view datagram);
result<handshake_3> decode_handshake_3(byte_view datagram);
result<cookie_reply> decode_cookie_reply(byte_view datagram);

} // namespace glow::link
