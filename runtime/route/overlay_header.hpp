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
///         3 labelled data, or, when d is set, what the link's two ends say of labels (label_packet.hpp); 4..7 are free.
///         Unknown kinds are dropped.
///   cls   0 control, 1 interactive, 2 bulk; 3 is malformed.
///   d     the link's two ends are source and destination: two bytes are all there is.
///
/// Labelled data: a label that both ends of the link know (label_tables.hpp) stands for the two ids, 3 bytes instead of 66.
///
///    0               1                   2               3
///   +-+-+-+-+-+-+-+-+-----------+-------+---------------+---------
///   |ver|  3  |cls|0| hop limit | label, high bits first | payload
///   +-+-+-+-+-+-+-+-+-----------+-------+---------------+---------
///    7 6 5 4 3 2 1 0  6 bits      10 bits
///
/// Refuses to judge addresses: the router does.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/route/traffic_class.hpp"

namespace glow::route {

enum class packet_kind : std::uint8_t { data = 0, announcement = 1, trace = 2, labelled = 3 };

inline constexpr std::size_t direct_header_bytes = 2;
inline constexpr std::size_t routed_header_bytes = 66;
inline constexpr std::size_t labelled_header_bytes = 3;
/// A labelled header has six bits for it: a higher one becomes this.
inline constexpr std::uint8_t labelled_hop_limit_max = 63;

struct overlay_header {
  packet_kind kind = packet_kind::data;
  traffic_class traffic = traffic_class::interactive;
  bool direct = false;
  std::uint8_t hop_limit = 0; ///< links it may still cross, the one it is on included
  node_id source;             ///< all zero when direct or labelled
  node_id destination;        ///< likewise
  std::uint16_t label = 0;    ///< of labelled data; below limits::labels_per_link_max

  std::size_t size_bytes() const {
    return direct ? direct_header_bytes : kind == packet_kind::labelled ? labelled_header_bytes : routed_header_bytes;
  }
  bool operator==(const overlay_header&) const = default;
};

/// Errors: `malformed` when the packet is shorter than its header or a field has no meaning. Never reads beyond `packet`.
result<overlay_header> decode_overlay_header(byte_view packet);

/// A packet, or a payload, behind headroom: bytes for the headers of those who handle it next.
struct roomy_packet {
  byte_string bytes;
  std::size_t headroom = 0; ///< ≤ bytes.size()
  byte_view content() const { return byte_view{bytes}.subspan(headroom); }
  std::size_t content_bytes() const { return bytes.size() - headroom; }
};

/// The whole packet: header, then payload. Nothing moves where the headroom takes the header.
/// Requires: of labelled data, a hop limit of at most labelled_hop_limit_max.
roomy_packet put_overlay_header(const overlay_header& header, roomy_packet payload);
inline byte_string put_overlay_header(const overlay_header& header, byte_string payload) {
  return put_overlay_header(header, roomy_packet{std::move(payload), 0}).bytes;
}

} // namespace glow::route
