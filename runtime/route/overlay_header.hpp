/// First bytes of every overlay packet, inside a link's encryption. Hand-coded, for every packet passes here:
///
///    0               1               2 … 33           34 … 65
///   +-+-+-+-+-+-+-+-+---------------+----------------+------------------+---------
///   |ver| kind|cls|d|   hop limit   | source node id | destination id   | payload
///   +-+-+-+-+-+-+-+-+---------------+----------------+------------------+---------
///    7 6 5 4 3 2 1 0                 \_ absent when d (direct) is set _/
///
///   ver   0. A packet of another version is dropped.
///   kind  0 data; 1 announcement (routing between two neighbours, always direct); 2 trace probe or answer;
///         3 is kept for labelled data: byte 2..3 then hold a link-local label (agreed on by an announcement) that stands
///         for the pair of source and destination, 4 bytes instead of 66; 4..7 are free. Unknown kinds are dropped.
///   cls   0 control, 1 interactive, 2 bulk; 3 is malformed.
///   d     the link's two ends are source and destination: two bytes are all there is.
///
/// Integers wider than a byte do not occur. Refuses to judge addresses: the router does.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/route/traffic_class.hpp"

namespace glow::route {

enum class packet_kind : std::uint8_t { data = 0, announcement = 1, trace = 2 };

inline constexpr std::size_t direct_header_bytes = 2;
inline constexpr std::size_t routed_header_bytes = 66;

struct overlay_header {
  packet_kind kind = packet_kind::data;
  traffic_class traffic = traffic_class::interactive;
  bool direct = false;
  std::uint8_t hop_limit = 0; ///< links it may still cross, the one it is on included
  node_id source;             ///< all zero when direct
  node_id destination;        ///< all zero when direct

  std::size_t size_bytes() const { return direct ? direct_header_bytes : routed_header_bytes; }
  bool operator==(const overlay_header&) const = default;
};

/// Errors: `malformed` when the packet is shorter than its header or a field has no meaning. Never reads beyond `packet`.
result<overlay_header> decode_overlay_header(byte_view packet);

/// The whole packet: header, then payload. Moves the payload up in its own buffer where that has
/// routed_header_bytes to spare; otherwise copies it once.
byte_string put_overlay_header(const overlay_header& header, byte_string payload);
/// Removes the header. Requires: the packet decodes, and `header` is what came out.
byte_string take_overlay_payload(const overlay_header& header, byte_string packet);
/// One link crossed. Requires: the packet decodes with a hop limit above 0.
void lower_hop_limit(byte_string& packet);

} // namespace glow::route
