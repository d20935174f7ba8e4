/// What the router hears and tells: it learns routes from its links and forwards packets along them.
#pragma once

#include "actors/contracts/link.hpp"
#include "runtime/route/explanation.hpp"
#include "runtime/route/traffic_class.hpp"

#include <map>

namespace glow {

/// One line of the route table, as `glow routes` shows it and as the endpoint needs it.
struct route_info {
  node_id destination;
  traffic_class traffic = traffic_class::interactive;
  node_id next; ///< next hop; == destination for a neighbour
  link_id link = 0;
  std::uint32_t metric = 0;         ///< microseconds (interactive), cost of 1/rate (bulk)
  std::uint8_t hops = 0;            ///< 1 for a neighbour
  std::size_t packet_bytes_max = 0; ///< longest payload that reaches the destination in one packet, headers deducted
  bool feasible = true;
};

/// endpoint → router: payloads for another node, each becomes one overlay packet.
/// `direct`: the payload is protected by the link session alone; dropped if `to` is no neighbour any more.
struct payloads_to_route {
  node_id to;
  traffic_class traffic = traffic_class::interactive;
  bool direct = false;
  packet_batch payloads;
};
/// router → endpoint: payloads that arrived for this node. `direct`: straight from neighbour `from` under the link
/// session, hence authentic; else `from` is only what the header claims, and the end-to-end session must prove it.
struct payloads_arrived {
  node_id from;
  bool direct = false;
  packet_batch payloads;
};
/// router → subscribers: the whole set of reachable nodes and how, whenever it changes.
struct routes_changed {
  std::shared_ptr<const std::vector<route_info>> routes;
};
/// anyone → router: tell me routes_changed, now and whenever it changes. Forgotten when the subscriber dies.
struct subscribe_routes {
  caf::strong_actor_ptr subscriber;
};
/// anyone → router: answered by route_list (also infeasible and retracted entries).
struct get_routes {};
struct route_list {
  std::vector<route_info> routes;
  std::map<link_id, double> bulk_shares{}; ///< of links that share the bulk to their neighbour, 0 … 1
};
/// control → router: why packets for that node go where they go; answered by route_explanation.
struct explain_route {
  node_id to;
};
struct route_explanation {
  route::explanation what;
};
/// control → router: walk the path; answered by trace_report or an error (unreachable, timed_out).
struct trace_route {
  node_id to;
  duration timeout = 3s;
};
struct trace_hop {
  node_id node;
  duration rtt{};
  std::string link;
  std::string link_class;
};
struct trace_report {
  std::vector<trace_hop> hops;
};
/// node → router: payloads for this node go to `endpoint` from now on (a restarted endpoint replaces the old one); until
/// the first such message they are dropped.
struct attach_local {
  caf::strong_actor_ptr endpoint;
};
/// itself → router.
struct router_tick {
  std::uint64_t generation = 0;
};

using router_actor =
  caf::typed_actor<caf::reacts_to<link_up>, caf::reacts_to<link_changed>, caf::reacts_to<link_down>,
                   caf::reacts_to<packets_from_link>, caf::reacts_to<payloads_to_route>, caf::reacts_to<subscribe_routes>,
                   caf::reacts_to<attach_local>, caf::reacts_to<roster_changed>, caf::replies_to<get_routes>::with<route_list>,
                   caf::replies_to<explain_route>::with<route_explanation>, caf::replies_to<trace_route>::with<trace_report>,
                   caf::reacts_to<router_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::payloads_to_route)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::payloads_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::routes_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::subscribe_routes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_routes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::route_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::explain_route)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::route_explanation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::trace_route)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::trace_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::attach_local)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::router_tick)
