/// Bodies of announcement and trace packets as plain values, and their Cap'n Proto form (schema/route.capnp).
/// Refuses to verify signatures and to remember anything.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/route/announcement.hpp"
#include "runtime/route/metric.hpp"

#include <optional>

namespace glow::route {

/// What a neighbour promises for one metric.
struct offer {
  metric cost = infinite_metric;      ///< infinite: a retraction
  std::uint8_t hops = 0;              ///< from the neighbour on
  std::uint32_t packet_bytes_max = 0; ///< smallest link packet from the neighbour on
  bool operator==(const offer&) const = default;
};

struct route_update {
  node_id origin;
  signed_claim said; ///< empty signature when every offer is a retraction
  std::array<std::optional<offer>, metric_classes> offers;
};

struct seqno_request {
  node_id origin;
  signed_claim newer_than;
  metric_class table = metric_class::interactive;
  std::uint8_t hop_limit = 0;
};

struct control_packet {
  std::uint64_t session = 0;
  std::uint64_t number = 0;
  std::uint64_t ack_session = 0;
  std::vector<std::uint64_t> acks;
  std::vector<route_update> updates;
  std::vector<seqno_request> requests;
  std::optional<std::uint64_t> digest{}; ///< sum of offer_digest over all that the sender told the receiver, and that still holds
  bool asks_table = false;               ///< such a digest was another one
};

/// Of one offer in one table; 0 of a retraction. Equal sums stand for equal tables between honest nodes.
std::uint64_t offer_digest(const node_id& origin, metric_class c, const offer& told, const claim& by);

/// Upper bounds of what an entry adds to the encoded packet, and of the packet without entries.
inline constexpr std::size_t control_packet_bytes = 128;
inline constexpr std::size_t route_update_bytes = 168;
inline constexpr std::size_t seqno_request_bytes = 152;
inline constexpr std::size_t ack_bytes = 8;

byte_string encode(const control_packet& packet);
/// Errors: `malformed`, also for lists beyond route_entries_per_packet_max and fields of the wrong size.
result<control_packet> decode_control_packet(byte_view body);

struct trace_packet {
  std::uint64_t trace = 0;
  std::uint8_t probe = 0;
  bool answer = false;
  std::string link;
  std::string link_class;
};

byte_string encode(const trace_packet& packet);
/// Errors: `malformed`. Texts are cut to trace_text_bytes_max and lose their control characters.
result<trace_packet> decode_trace_packet(byte_view body);

} // namespace glow::route
