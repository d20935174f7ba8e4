#include "runtime/route/overlay_header.hpp"

#include "runtime/route/limits.hpp"

namespace glow::route {

namespace {

constexpr std::size_t source_at = 2;
constexpr std::size_t destination_at = source_at + node_id::size_bytes;
constexpr unsigned label_high_bits = 2; ///< of a label, beside the hop limit
constexpr unsigned label_high_mask = (1u << label_high_bits) - 1;
static_assert(limits::labels_per_link_max == 1u << (8 + label_high_bits));

std::uint8_t first_byte(const overlay_header& header) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(header.kind) << 3 | static_cast<unsigned>(header.traffic) << 1
                                   | (header.direct ? 1u : 0u));
}

} // namespace

result<overlay_header> decode_overlay_header(byte_view packet) {
  if (packet.size() < direct_header_bytes) return error{error_code::malformed, "overlay packet is shorter than its header"};
  const unsigned first = packet[0];
  if (first >> 6 != 0) return error{error_code::malformed, "overlay packet of an unknown version"};
  const unsigned kind = first >> 3 & 7;
  const unsigned traffic = first >> 1 & 3;
  if (kind > static_cast<unsigned>(packet_kind::labelled))
    return error{error_code::malformed, "overlay packet of an unknown kind"};
  if (traffic > static_cast<unsigned>(traffic_class::bulk)) return error{error_code::malformed, "unknown traffic class"};
  overlay_header out;
  out.kind = static_cast<packet_kind>(kind);
  out.traffic = static_cast<traffic_class>(traffic);
  out.direct = (first & 1) != 0;
  out.hop_limit = packet[1];
  if (out.direct) return out;
  if (out.kind == packet_kind::announcement) return error{error_code::malformed, "an announcement never crosses a second link"};
  if (packet.size() < out.size_bytes()) return error{error_code::malformed, "overlay packet is shorter than its header"};
  if (out.kind == packet_kind::labelled) {
    out.hop_limit = static_cast<std::uint8_t>(packet[1] >> label_high_bits);
    out.label = static_cast<std::uint16_t>((packet[1] & label_high_mask) << 8 | packet[2]);
    return out;
  }
  out.source = node_id::from(packet.subspan(source_at, node_id::size_bytes));
  out.destination = node_id::from(packet.subspan(destination_at, node_id::size_bytes));
  return out;
}

roomy_packet put_overlay_header(const overlay_header& header, roomy_packet payload) {
  const auto length = header.size_bytes();
  if (payload.headroom < length) {
    payload.bytes.insert(payload.bytes.begin(), length - payload.headroom, 0);
    payload.headroom = length;
  }
  payload.headroom -= length;
  auto* at = payload.bytes.data() + payload.headroom;
  at[0] = first_byte(header);
  at[1] = header.hop_limit;
  if (header.direct) return payload;
  if (header.kind == packet_kind::labelled) {
    at[1] = static_cast<std::uint8_t>(header.hop_limit << label_high_bits | header.label >> 8);
    at[2] = static_cast<std::uint8_t>(header.label);
    return payload;
  }
  std::copy(header.source.value.begin(), header.source.value.end(), at + source_at);
  std::copy(header.destination.value.begin(), header.destination.value.end(), at + destination_at);
  return payload;
}

} // namespace glow::route
