/// The router without its actor: takes links, packets and payloads, decides where each goes, says so as effects.
///
/// Several links to one neighbour are one adjacency: control and interactive traffic use the best of them, bulk is shared among
/// those that are alike (stripe.hpp); in the same call in which one goes down or silent the others take over. What a link admits
/// is admission.hpp's. Transit is for members only. A packet never returns to the neighbour it came from.
/// Batches stay batches: one effect per link and call.
///
/// Refuses to decrypt payloads, to queue them, and to believe a source address: only a direct packet has a proven one.
#pragma once

#include "runtime/identity/roster.hpp"
#include "runtime/link/expectation.hpp"
#include "runtime/link/sealing.hpp"
#include "runtime/route/explanation.hpp"
#include "runtime/route/label_tables.hpp"
#include "runtime/route/overlay_header.hpp"
#include "runtime/route/trace.hpp"

#include <variant>

namespace glow::route {

// ---- effects ---------------------------------------------------------------------------------------------------
struct send_packets {
  std::uint32_t link = 0;
  packet_batch packets;
  link::expectation expects = link::expectation::traffic;
  link::sealing seal = link::sealing::whole;
  bool shared = false; ///< bulk of which other links to the neighbour carry a share, or may; with no packets: it would have one,
                       ///< were its packets longer
};
struct deliver_payloads {
  node_id from;
  bool direct = false; ///< `from` is proven by the link session
  packet_batch payloads;
};
/// get_routes() gives another answer.
struct routes_moved {};
/// Call on_tick at this time; voids earlier ones.
struct wake {
  steady_time at;
};
using router_effect = std::variant<send_packets, deliver_payloads, routes_moved, trace_end, wake>;
using router_effects = std::vector<router_effect>;

/// A line of the table as people and endpoints need it.
struct route_row {
  node_id destination;
  metric_class table = metric_class::interactive;
  node_id next;
  std::uint32_t link = 0;
  metric cost = infinite_metric;
  std::uint8_t hops = 0;
  std::size_t payload_bytes_max = 0; ///< longest payload that reaches the destination in one packet
  bool feasible = false;
  bool chosen = false;
};

/// Packets that went nowhere, by reason.
struct drop_counters {
  std::uint64_t malformed = 0;
  std::uint64_t not_a_member = 0; ///< neighbour, source or destination
  std::uint64_t hop_limit = 0;
  std::uint64_t no_route = 0;
  std::uint64_t not_a_neighbour = 0; ///< direct payload, but the neighbour is gone
  std::uint64_t too_long = 0;
  std::uint64_t not_admitted = 0; ///< interactive, and longer than the only links that are there admit (admission.hpp)
  std::uint64_t returned = 0;     ///< the only way led back to where the packet came from, or it was this node's own
  std::uint64_t unknown_link = 0;
  std::uint64_t stale_neighbour = 0; ///< from one that routes by what an earlier life of this node told it
  std::uint64_t trace_flood = 0;
  std::uint64_t unknown_label = 0; ///< the neighbour bound it in an earlier life of ours, or never
};

/// Packets and their bytes, overlay header included.
struct packet_counters {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  void add(std::size_t packet_bytes) { ++packets, bytes += packet_bytes; }
};
/// By traffic class where there is one: of payloads, probes and routing packets.
struct router_traffic {
  static constexpr std::size_t classes = 3;
  std::array<packet_counters, classes> received;   ///< from neighbours, for whomever
  std::array<packet_counters, classes> forwarded;  ///< from one neighbour to another
  std::array<packet_counters, classes> originated; ///< by this node
  packet_counters routing_in;                      ///< announcements and talk of labels, also counted as received control traffic
  packet_counters routing_out;                     ///< likewise as originated
  std::uint64_t table_changes = 0;                 ///< inputs after which the best ways were others
};

class router_machine {
public:
  /// As distance_vector's.
  router_machine(identity::node_keys keys, std::uint64_t epoch, random_source& random, route_tuning tuning = {});

  router_effects set_roster(const identity::roster& roster, steady_time now);
  /// A link came up, or is measured anew (same id).
  router_effects set_link(link_view link, steady_time now);
  router_effects drop_link(std::uint32_t link, steady_time now);
  /// Overlay packets that a link opened.
  router_effects on_packets(std::uint32_t link, packet_batch packets, steady_time now);
  /// Payloads from this node's endpoint. They are moved, not copied, where the batch has one holder; a spare capacity of
  /// routed_header_bytes saves an allocation each.
  router_effects on_payloads(const node_id& to, traffic_class traffic, bool direct, packet_batch payloads, steady_time now);
  /// The trace ends with a trace_end of this id, perhaps among the effects at once. Errors: `unreachable`, `exhausted`.
  result<std::uint64_t> start_trace(const node_id& to, duration timeout, steady_time now, router_effects& out);
  router_effects on_tick(steady_time now);

  /// Every way known, chosen or not.
  std::vector<route_row> get_routes() const;
  /// Chosen ways only: the reachable nodes.
  std::vector<route_row> get_reachable() const;
  /// The chosen way to one of them; none: unreachable.
  std::optional<way> best_way(const node_id& to, metric_class table) const { return table_.best(to, table); }
  /// Why packets for that node go where they go.
  explanation explain(const node_id& to) const;
  /// As distance_vector's.
  std::uint64_t version() const { return table_.version(); }
  const drop_counters& drops() const { return drops_; }
  /// Packets for others that this neighbour hands over are forwarded, not dropped: it knows this life of ours.
  bool relays_for(const node_id& neighbour) const { return table_.knows_us(neighbour); }
  const table_counters& refused() const { return table_.counters(); }
  std::uint64_t forwarded() const { return forwarded_; }
  const router_traffic& traffic() const { return traffic_; }
  std::size_t links() const { return links_.size(); }
  /// Who shares the bulk to that neighbour; empty: nobody is there, or one link has it all.
  std::vector<stripe::member> shares_to(const node_id& neighbour) const;
  /// The same for all of them, by link; only where several share.
  std::map<std::uint32_t, double> shares() const;
  const node_id& self() const { return self_; }

private:
  struct neighbour_links {
    std::vector<std::uint32_t> links;
    std::array<std::uint32_t, metric_classes> best{}; ///< 0: no link may carry that
    stripe bulk;
  };
  /// Of a link whose other end knows them.
  struct link_labels {
    label_sender sends;
    label_receiver receives;
  };
  /// Payloads for here, all behind the same headroom.
  struct arrivals {
    node_id from;
    std::size_t headroom = 0;
    std::vector<byte_string> payloads;
  };
  /// Packets on their way out of one call.
  struct outbox {
    struct of_link {
      std::vector<byte_string> packets;
      link::expectation expects = link::expectation::nothing;
      bool bulk = false;
    };
    std::map<std::tuple<std::uint32_t, std::size_t, link::sealing>, of_link> by_link; ///< and by headroom and sealing
    std::vector<arrivals> routed_here;
    std::vector<byte_string> direct_here;
    std::size_t headroom = 0; ///< of the packets that brought what is direct
  };

  void sync_adjacency(const node_id& peer, steady_time now);
  void choose_links(neighbour_links& of) const;
  void absorb(table_effects told);
  void absorb(trace_table::outcome told);
  const link_view* link_of(const node_id& neighbour, metric_class c) const;
  std::optional<node_id> next_hop(const node_id& to, traffic_class traffic, const node_id* came_from) const;
  const link_view* link_for(const node_id& neighbour, traffic_class traffic, std::size_t packet_bytes);
  const link_view* link_towards(const node_id& to, traffic_class traffic) const;
  void take_in(const link_view& from, roomy_packet packet, steady_time now);
  void take_in_routed(const link_view& from, overlay_header header, roomy_packet payload, steady_time now);
  void on_trace(const overlay_header& header, byte_view body, steady_time now);
  void originate(const overlay_header& header, byte_string payload);
  bool put_out(const link_view& link, traffic_class traffic, roomy_packet packet,
               link::expectation expects = link::expectation::traffic, link::sealing seal = link::sealing::whole);
  bool put_out_data(const link_view& link, overlay_header header, roomy_packet payload,
                    std::array<packet_counters, router_traffic::classes>& counted, steady_time now);
  void take_in_labelled(const link_view& from, overlay_header header, roomy_packet payload, steady_time now);
  void speak_of_labels(const link_view& link, const label_packet& what, link::expectation expects);
  void on_label_packet(const link_view& from, byte_view body, steady_time now);
  route_row row_of(const way& found) const;
  judged_link judge(const neighbour_links& of, const link_view& link, metric_class c) const;
  router_effects finish(steady_time now);

  identity::node_keys keys_;
  node_id self_;
  random_source& random_;
  route_tuning tuning_;
  distance_vector table_;
  trace_table traces_;
  std::map<std::uint32_t, link_view> links_;
  std::map<std::uint32_t, link_labels> labels_;
  std::map<node_id, neighbour_links> neighbours_;
  drop_counters drops_;
  std::uint64_t forwarded_ = 0;
  router_traffic traffic_;
  steady_time answers_since_{};
  unsigned answers_ = 0;
  outbox out_;
  router_effects effects_;
  bool moved_ = false;
  steady_time tell_moved_at_{}; ///< by the pauses; a few are told ahead of them, the rest of many changes together
  steady_time woken_at_ = steady_time::max();
};

} // namespace glow::route
