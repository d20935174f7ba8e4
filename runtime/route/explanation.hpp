/// Why packets for a node go where they go: every candidate way with the figures that the choice rests on, and the choice in
/// words. Refuses to choose: distance_vector and router_machine did, by the rules that are told here.
#pragma once

#include "runtime/route/distance_vector.hpp"

#include <functional>
#include <optional>
#include <string>

namespace glow::route {

/// One of the links to a neighbour.
struct judged_link {
  link_view what;
  metric cost = infinite_metric;             ///< infinite: its class does not admit this traffic
  bool chosen = false;                       ///< takes this traffic to that neighbour, or leads those that share it
  double share = 0;                          ///< bulk, where several carry it: of that to the neighbour, 0 … 1
  stripe_verdict as = stripe_verdict::alone; ///< bulk: why that share, or none
};

/// What one neighbour offers.
struct judged_way {
  way what;
  metric promised = infinite_metric; ///< the neighbour's own cost; infinite: it has no way, or withdrew it
  bool older_claim = false;          ///< rests on an older word of the destination than this node's own way did
  bool keeps_old_promise = false;    ///< the neighbour's newer promise is infeasible; the old one holds until a newer claim
  bool too_far = false;              ///< more hops than a packet may make
  std::vector<judged_link> links;
};

/// The ways of one table, the chosen one first, then by cost.
struct judged_table {
  metric_class table = metric_class::interactive;
  std::optional<metric> feasible_distance; ///< a promise under the same claim must lie below; none: any does
  bool asks_for_newer_claim = false;
  std::vector<judged_way> ways;
};

struct explanation {
  node_id to;
  bool is_self = false;
  bool is_member = false;
  route_tuning tuning;
  std::array<judged_table, metric_classes> tables;

  const judged_table& table_of(traffic_class traffic) const { return tables[index_of(metric_class_of(traffic))]; }
};

/// How nodes are called.
using name_lookup = std::function<std::string(const node_id&)>;

/// `12.5 ms`, for bulk `84 ms per MiB`; `infinite`.
std::string cost_in_words(metric_class table, metric cost);
/// What is taken for this class of traffic, and why; or why nothing is.
std::string decision_in_words(const explanation& of, traffic_class traffic, const name_lookup& name);
/// Why this way is taken, or is not. Requires: `of.table_of(traffic)` holds it.
std::string verdict_in_words(const explanation& of, traffic_class traffic, const judged_way& candidate, const name_lookup& name);
/// The same of one link among those to a neighbour.
std::string link_verdict_in_words(const explanation& of, traffic_class traffic, const judged_way& candidate,
                                  const judged_link& link);

} // namespace glow::route
