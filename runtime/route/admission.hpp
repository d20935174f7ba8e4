/// Which class of link carries which class of traffic (overlay.md), and what an owner may say about it. Pure.
///
///              control   interactive   bulk      bulk=yes   bulk=no      (bulk, where the link's owners say so)
///   local      carried   carried       carried   carried    refused
///   wan        carried   carried       carried   carried    refused
///   control    carried   small         refused   carried    refused
///   drop       refused   refused       refused   carried    refused
///
/// `small`: packets of at most limits::small_interactive_packet_bytes, which is what end points are told of the way.
/// Refuses to measure classes, and to choose among links that admit a packet.
#pragma once

#include "runtime/link/link_policy.hpp"
#include "runtime/route/traffic_class.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace glow::route {

enum class admission : std::uint8_t { refused, small_only, carried };

/// Class names as everywhere: "local", "wan", "control", "drop"; an unknown one carries as wan does.
admission admits(std::string_view link_class, link::bulk_wish wish, traffic_class traffic);
/// Longest packet of that traffic on a link whose packets may be `packet_bytes_max` long; 0: none at all.
std::size_t admitted_bytes_max(std::string_view link_class, link::bulk_wish wish, traffic_class traffic,
                               std::size_t packet_bytes_max);
/// Why not, or why only small ones; empty where everything is carried. For people, without a subject: "it stores and forwards".
std::string reason_of(std::string_view link_class, link::bulk_wish wish, traffic_class traffic);

} // namespace glow::route
