/// Sealed packets longer than a datagram: cut into datagrams of one length, and rejoined. One seal, and one turn of every room
/// above, for many datagrams' worth of bytes. Refuses to know keys, and to decide when that is worth it: record_plan.hpp.
///
///   piece   0     1                5             9       10      11
///           | 7/8/11/12 | receiver index | counter low | index | count | bytes …
///
/// The first nine bytes are those of the sealed datagram, but for its type (7 stands for 5, 8 for 6, 11 for 9, 12 for 10). All
/// pieces but the last fill the sender's datagram, and so leave in one segmented send. The first of them that comes tells how
/// long they are; older receivers know the length that the handshake agreed on and no other (feature_piece_lengths in
/// payload.hpp). Nothing here is authentic before the record opens: a forged piece costs its record, as a lost one does, and
/// memory within the bounds.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/session.hpp"

#include <optional>

namespace glow::link {

inline constexpr std::size_t piece_header_bytes = sealed_header_bytes + 2;

/// Pieces of the longest record over datagrams of this length; 0 when records gain nothing there.
std::size_t record_pieces_max(std::size_t datagram_bytes_max);
/// Longest packet that a record carries over datagrams of this length; 0 likewise. It fills every piece.
std::size_t record_packet_bytes_max(std::size_t datagram_bytes_max);

/// The pieces of a sealed datagram: a run of datagrams of `datagram_bytes_max`, the last one possibly shorter.
/// Requires: it is longer than a datagram, and carries at most record_packet_bytes_max(datagram_bytes_max).
byte_string cut_record(byte_view sealed, std::size_t datagram_bytes_max);

/// The receiving side of one link: a few records under way, the oldest of which goes when there is no room.
class record_joiner {
public:
  /// Takes a piece. Returns the sealed datagram that it completes.
  std::optional<byte_string> on_piece(byte_view piece, steady_time now);
  /// Drops records that got no piece for limits::record_life.
  void forget_stale(steady_time now);
  std::size_t records_under_way() const { return under_way_.size(); }
  /// Memory held.
  std::size_t bytes_held() const;

private:
  struct record {
    std::array<std::uint8_t, sealed_header_bytes> header{};
    std::uint8_t count = 0;
    std::size_t piece_bytes = 0; ///< of all but the last; 0 until one of those came
    std::uint64_t got = 0;       ///< a bit for each piece
    byte_string bytes;           ///< before that: the last piece alone
    steady_time touched_at;
  };
  record& record_of(byte_view piece, std::uint8_t count);
  static void settle_length(record& one, std::size_t piece_bytes);

  std::vector<record> under_way_; ///< oldest first; a few
};

} // namespace glow::link
