/// What a way costs, in each of the two metrics, and how the costs of hops add up (overlay.md).
/// Refuses to measure: it takes what a link measured.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/time.hpp"
#include "runtime/link/carried_load.hpp"
#include "runtime/link/link_policy.hpp"
#include "runtime/route/traffic_class.hpp"

#include <array>
#include <string>

namespace glow::route {

/// The two tables. Control traffic goes the interactive way.
enum class metric_class : std::uint8_t { interactive = 0, bulk = 1 };
inline constexpr std::size_t metric_classes = 2;
inline constexpr std::array<metric_class, metric_classes> each_metric_class{metric_class::interactive, metric_class::bulk};
inline std::size_t index_of(metric_class c) { return static_cast<std::size_t>(c); }
inline metric_class metric_class_of(traffic_class traffic) {
  return traffic == traffic_class::bulk ? metric_class::bulk : metric_class::interactive;
}

using metric = std::uint32_t;
inline constexpr metric infinite_metric = 0xffffffff;
/// What a relay itself costs: a turn of its loop, and one more machine that may go. Above 0, so that every hop makes a way
/// dearer: without that, no proof of loop freedom (RFC 8966, 3.5.2: strict monotonicity).
inline constexpr metric hop_cost = 1000;

/// By more than this share of `from`; to and from infinite in any case.
bool has_moved(metric from, metric to, double share);

/// Cost of a way whose next hop costs `hop` and promised `promised`: interactive latencies add up; of bulk rates the
/// bottleneck counts, and half of the rest. Infinite stays infinite. Result > promised.
metric over_hop(metric_class c, metric hop, metric promised);

/// A link, as far as routing sees it.
struct link_view {
  std::uint32_t id = 0;
  node_id peer;
  std::string description;          ///< for people: its channel
  std::string link_class;           ///< "local", "wan", "control", "drop"
  std::size_t packet_bytes_max = 0; ///< longest overlay packet it carries
  duration rtt{};                   ///< zero while unmeasured
  double rate_bps = 0;              ///< 0 while unmeasured
  double loss = 0;                  ///< 0 … 1
  bool labels = false;              ///< both ends know labels (label_tables.hpp)
  std::string medium{};             ///< scheme of its channel
  link::bulk_wish bulk = link::bulk_wish::by_class;
  bool silent = false;       ///< its peer leaves probes unanswered
  duration rtt_min{};        ///< zero while unmeasured
  link::carried_load load{}; ///< bulk, of late
};

/// Microseconds: half the round trip, stretched by repetitions of what is lost, and the hop's own cost; for bulk those of
/// a mebibyte at the link's rate. Infinite where the link does not admit that traffic
/// (admission.hpp).
metric link_cost(metric_class c, const link_view& link);

/// What lies between this node and a neighbour: the best of their links, per metric.
struct adjacency {
  std::array<metric, metric_classes> cost{infinite_metric, infinite_metric};
  std::array<std::uint32_t, metric_classes> packet_bytes_max{}; ///< of the link that has that cost
  std::size_t control_bytes_max = 0;                            ///< longest body of a routing packet
  duration rtt{};
  double rate_bps = 0;
  bool operator==(const adjacency&) const = default;
};

} // namespace glow::route
