/// Requests with deadlines, and streams, between this node and every other member, over whatever the router finds. Sans-io.
///
///   send_request ─► queued ─► under way ─► answered          ticket: how the caller knows its request again
///                     │           └─ route away > grace ─► unreachable
///                     └─ deadline ─► timed_out, or unreachable when there is no route
///   request_arrived(token) ─► respond(token)                 token: how a service answers; void once nobody waits
///
///   open_stream ─► stream handle ─ write, consume, close ─► … ─► stream_over      the other side: stream_arrived
///
/// At most once: while both endpoints live a request reaches its service once, whatever the network repeats.
/// Only members of the roster are heard and asked. Requests to this node itself are handed back without a network.
///
/// Every input returns effects, to be performed in order. Call on_tick() at wake_at().
/// Refuses to know services, routers, actors and clocks.
#pragma once

#include "runtime/stream/local_streams.hpp"
#include "runtime/stream/peer.hpp"

#include <map>
#include <set>
#include <unordered_map>
#include <variant>

namespace glow::stream {

/// A service of this node is asked. Answer with respond().
struct request_arrived {
  std::uint64_t token = 0;
  node_id from;
  std::uint16_t method = 0;
  duration timeout{}; ///< how long the requester still waits
  byte_string body;
};
/// The answer to the request with this ticket, or why there is none.
struct request_answered {
  std::uint64_t ticket = 0;
  result<byte_string> answer;
};
/// What happened to a stream of ours; `what.stream` is its handle at this endpoint.
struct stream_told {
  node_id peer;
  stream_event what;
};
using endpoint_effect = std::variant<send_payloads, request_arrived, request_answered, stream_told>;
using endpoint_effects = std::vector<endpoint_effect>;

/// What `glow status` and tests see of one peer.
struct peer_figures {
  node_id id;
  bool reachable = false; ///< for interactive requests
  bool direct = false;
  bool has_session = false;
  duration rtt{}; ///< of interactive requests, smoothed
  std::size_t requests_out = 0;
  std::size_t requests_in = 0;
  std::size_t streams = 0;
  std::size_t held_bytes = 0;
  std::string name;
  std::array<const loss_recovery*, lane_count> lanes{}; ///< null: nothing was said in that class; void after the next input
};

class endpoint_machine {
public:
  /// Requires: `random` outlives the machine.
  endpoint_machine(std::shared_ptr<const identity::node_keys> keys, random_source& random);
  endpoint_machine(const endpoint_machine&) = delete; // sessions ask this one who is a member
  endpoint_machine& operator=(const endpoint_machine&) = delete;

  endpoint_effects on_roster(identity::roster_ptr roster, steady_time now);
  /// The whole set of routes.
  endpoint_effects on_routes(const std::vector<route>& routes, steady_time now);
  endpoint_effects on_payloads(const node_id& from, bool direct, packet_batch payloads, steady_time now);

  /// `ticket` is the caller's, unique among its requests under way.
  endpoint_effects send_request(std::uint64_t ticket, const node_id& to, traffic_class traffic, std::uint16_t method,
                                byte_string body, duration timeout, steady_time now);
  /// A token that is void (answered, timed out, requester restarted) is ignored.
  endpoint_effects respond(std::uint64_t token, result<byte_string> answer, steady_time now);
  // ---- streams; handles are never reused, unknown ones (the stream is over) are ignored
  /// The stream may be written at once, whether or not the other node is there.
  /// Errors: `not_a_member`, `unreachable` (bulk, to a node behind slow links only), `exhausted`, `usage`.
  result<stream_table::opened> open_stream(const node_id& to, traffic_class traffic, const stream_terms& terms, steady_time now,
                                           endpoint_effects& out);
  endpoint_effects write_stream(std::uint64_t stream, std::vector<byte_string> bytes, bool end, steady_time now);
  endpoint_effects consume_stream(std::uint64_t stream, std::size_t bytes, steady_time now);
  /// Gives it up both ways: the other side hears why. Nothing more is told of it here.
  endpoint_effects close_stream(std::uint64_t stream, const error& why, steady_time now);
  std::size_t stream_count() const { return streams_.size() + local_streams_.size(); }

  endpoint_effects on_tick(steady_time now);
  std::optional<steady_time> wake_at() const;

  std::vector<peer_figures> figures() const;
  /// Hops of the interactive route to a node; 0 for this node and where there is none.
  std::uint8_t hops_to(const node_id& node) const;

private:
  struct asked { ///< a request of ours under way
    node_id to;
    traffic_class lane = traffic_class::interactive;
    std::uint64_t id = 0;    ///< of the conversation
    std::uint64_t token = 0; ///< of a local request
    steady_time deadline{};
    duration timeout{};
    std::uint16_t method = 0;
  };
  struct serving { ///< a request of somebody else's that a service works on
    node_id from;
    traffic_class lane = traffic_class::interactive;
    std::uint64_t id = 0;
    std::uint64_t ticket = 0; ///< of a local request
    bool local = false;
    std::size_t bytes = 0;
    steady_time deadline{};
  };
  struct peer_entry {
    peer_entry(const node_id& id, steady_time now) : state{id, now} {}
    peer state;
    std::array<std::map<std::uint64_t, std::uint64_t>, lane_count> tickets; ///< conversation id → ticket
    std::array<std::map<std::uint64_t, std::uint64_t>, lane_count> tokens;
    std::array<std::set<std::uint64_t>, lane_count> stranded; ///< tickets that were under way when the route vanished
    std::array<std::unordered_map<stream_key, std::uint64_t>, lane_count> streams; ///< handles
    std::array<steady_time, lane_count> route_lost_at{};
    std::size_t serving_bytes = 0;
  };
  struct stream_place { ///< where a handle leads
    peer_entry* entry = nullptr;
    traffic_class lane = traffic_class::interactive;
    stream_key key = 0;
  };
  using peer_map = std::unordered_map<node_id, std::unique_ptr<peer_entry>>;

  bool is_member(const node_id& node) const { return roster_ && roster_->find(node) != nullptr; }
  std::string name_of(const node_id& node) const;
  peer_entry* entry_of(const node_id& node, steady_time now);
  const lane_routes& routes_to(const node_id& node) const;
  bool make_room_for_peer();
  void apply_routes(peer_entry& entry, const lane_routes& routes, steady_time now);

  void on_events(peer_entry& entry, std::vector<peer::event>& events, steady_time now, endpoint_effects& out);
  void on_request(peer_entry& entry, traffic_class lane, request_received& request, steady_time now, endpoint_effects& out);
  void on_answer(peer_entry& entry, traffic_class lane, answer_received& answer, endpoint_effects& out);
  void on_stream_event(peer_entry& entry, traffic_class lane, stream_event& event, endpoint_effects& out);
  void forget_stream(peer_entry& entry, traffic_class lane, stream_key key);
  conversation* lane_of_stream(std::uint64_t stream, stream_place& place);
  void forget_serving(peer_entry& entry, traffic_class lane);
  void drop_token(std::uint64_t token);
  void fail_ticket(std::uint64_t ticket, error why, endpoint_effects& out);
  void fail_stranded(peer_entry& entry, steady_time now, endpoint_effects& out);
  void expire(steady_time now, endpoint_effects& out);
  error why_expired(const asked& request) const;
  void flush(peer_entry& entry, steady_time now, endpoint_effects& out);
  void remove_peer(peer_map::iterator at, const error& why, steady_time now, endpoint_effects& out);

  session_terms terms_;
  random_source& random_;
  node_id self_;
  identity::roster_ptr roster_;
  std::unordered_map<node_id, lane_routes> routes_;
  peer_map peers_;
  std::unordered_map<std::uint64_t, asked> asked_;     ///< by ticket
  std::unordered_map<std::uint64_t, serving> serving_; ///< by token
  std::set<std::pair<steady_time, std::uint64_t>> ticket_deadlines_;
  std::set<std::pair<steady_time, std::uint64_t>> token_deadlines_;
  std::uint64_t next_token_ = 1;
  std::unordered_map<std::uint64_t, stream_place> streams_; ///< by handle
  local_streams local_streams_;
  std::uint64_t next_stream_ = 1;
};

} // namespace glow::stream
