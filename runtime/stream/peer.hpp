/// Everything one endpoint keeps about one other node: a conversation per traffic class, the routes they take, and the
/// end-to-end session for those that lead over relays.
///
///   route's next hop is the peer ─► packets go `direct`, under the link's own session
///   else ─► sealed in the far session, opened first when there is something to say
///
/// Conversations outlive routes and sessions: a change in the middle of a message costs a few packets sent twice.
#pragma once

#include "runtime/stream/conversation.hpp"
#include "runtime/stream/far_session.hpp"

#include <array>

namespace glow::stream {

/// How the router reaches a node with one traffic class.
struct route {
  node_id destination;
  traffic_class traffic = traffic_class::interactive;
  node_id next;                     ///< next hop; == destination for a neighbour
  std::uint8_t hops = 0;            ///< 1 for a neighbour
  std::uint32_t metric = 0;         ///< microseconds for interactive
  std::size_t packet_bytes_max = 0; ///< longest payload
};

/// Payloads for the overlay, one packet each.
struct send_payloads {
  node_id to;
  traffic_class traffic = traffic_class::interactive;
  bool direct = false;
  packet_batch payloads;
};

inline constexpr std::size_t lane_count = 3;
inline std::size_t lane_of(traffic_class traffic) { return static_cast<std::size_t>(traffic); }
using lane_routes = std::array<std::optional<route>, lane_count>;

class peer {
public:
  struct event {
    traffic_class lane;
    conversation_event what;
  };

  peer(const node_id& id, steady_time now) : id_{id}, session_{id}, used_at_{now} {}

  const node_id& id() const { return id_; }
  /// The conversation of this class, made when it is not there.
  conversation& lane(traffic_class traffic, steady_time now, random_source& random);
  const conversation* existing_lane(traffic_class traffic) const { return lanes_[lane_of(traffic)].get(); }
  conversation* existing_lane(traffic_class traffic) { return lanes_[lane_of(traffic)].get(); }

  void set_routes(const lane_routes& routes, steady_time now);
  const lane_routes& routes() const { return routes_; }
  /// Is there a route for this class (or, for control, the interactive one)?
  bool is_reachable(traffic_class traffic) const { return route_of(traffic) != nullptr; }

  void on_payloads(packet_batch payloads, bool direct, const session_terms& terms, steady_time now, random_source& random,
                   std::vector<event>& events, std::vector<send_payloads>& out);
  void on_tick(steady_time now, random_source& random, std::vector<event>& events, std::vector<send_payloads>& out);
  /// Sends what may leave now; opens the session where one is needed. Call after every input.
  void flush(const session_terms& terms, steady_time now, random_source& random, std::vector<send_payloads>& out);
  /// The last word to the peer: its session is void.
  void close(const error& why, steady_time now, random_source& random, std::vector<send_payloads>& out);

  std::optional<steady_time> wake_at() const;
  bool is_idle() const;
  steady_time used_at() const { return used_at_; }
  const error& session_failure() const { return session_.last_failure(); }
  std::size_t held_bytes() const;
  /// Streams of all classes end with this reason; what happened to them is appended.
  void close_streams(const error& why, std::vector<event>& events);
  bool has_session() const { return session_.is_up(); }

private:
  const route* route_of(traffic_class traffic) const;
  std::optional<path> path_of(traffic_class traffic) const;
  void update_paths(steady_time now);
  void read_packets(const std::vector<byte_view>& packets, steady_time now, random_source& random, std::vector<event>& events);
  void tell_streams(traffic_class traffic, std::vector<event>& events);
  void emit(far_session::output& from, std::vector<send_payloads>& out) const;
  bool wants_session(steady_time now) const;

  node_id id_;
  std::array<std::unique_ptr<conversation>, lane_count> lanes_;
  lane_routes routes_;
  far_session session_;
  steady_time used_at_;
};

} // namespace glow::stream
