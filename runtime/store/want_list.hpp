/// Which missing objects to ask from which peer, and what to do when it has none, fails or lies. Pure: answers, peers and
/// time come in, requests and verdicts go out. Refuses to hold, verify or store any object.
///
///   wanted ─► asked(peer) ─► here                    every object goes its own way; a want is fulfilled when all its
///     ▲          │ absent, failed, tampered            objects are here
///     └──────────┤ another peer is left
///     ▲          ▼
///     └────── refused by all: asked again when peers change, or after limits::fetch_retry_pause
///
/// Peers are asked nearest first; one that lacked a whole request stands behind the others until it has something again.
/// A peer that sent tampered bytes for a want is asked nothing more for it. A peer that answers quickly gets more requests
/// at a time, up to limits::fetch_requests_per_peer_max; a slow or failing one fewer. Wants take turns.
/// A want fails when nothing has arrived for its timeout: an inactivity deadline while bytes flow, an absolute one while
/// nobody reachable has the rest.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/store/address.hpp"
#include "runtime/store/limits.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace glow::store {

/// A reachable member and how far it is.
struct fetch_source {
  node_id node;
  std::uint8_t hops = 0;
  std::uint32_t metric = 0;
};
struct wanted_object {
  object_address address;
  std::uint32_t bytes = 0; ///< expected, 0 while unknown
};

/// Ask `to` for these; answer with on_answer or on_failure under the same number.
struct ask_peer {
  std::uint64_t request = 0;
  node_id to;
  std::vector<object_address> addresses;
  bool metadata = false; ///< all for wants of metadata: small, and somebody's view waits for them
};
/// Some objects of the want came; this many are still missing.
struct want_progressed {
  std::uint64_t want = 0;
  std::size_t missing = 0;
};
/// Every object of the want is here.
struct want_fulfilled {
  std::uint64_t want = 0;
};
/// The want is given up. `unreachable`: nobody who could be asked had the rest; else the peers were too slow or failed.
struct want_failed {
  std::uint64_t want = 0;
  std::size_t missing = 0;
  bool unreachable = true;
  std::string last_failure; ///< what the last failing peer said, or empty
};
using want_effect = std::variant<ask_peer, want_progressed, want_fulfilled, want_failed>;
using want_effects = std::vector<want_effect>;

/// What became of the objects of one request; those not named are asked for again.
struct fetch_verdict {
  std::vector<object_address> arrived; ///< verified and stored
  std::vector<object_address> absent;
  std::vector<object_address> tampered;
};

class want_list {
public:
  /// Reachable members, in any order. Requests to peers that are not among them any more count as failed.
  want_effects on_sources(std::vector<fetch_source> sources, steady_time now);
  /// Wants these objects. `holder`: a node that is told to have them, asked first. `want` is the caller's, never reused.
  /// At most limits::want_objects_max objects and limits::wants_max wants, else the want fails at once.
  want_effects on_want(std::uint64_t want, const std::vector<wanted_object>& objects, std::optional<node_id> holder,
                       duration timeout, steady_time now, bool metadata = false);
  want_effects on_answer(std::uint64_t request, const fetch_verdict& verdict, steady_time now);
  want_effects on_failure(std::uint64_t request, const std::string& why, steady_time now);
  /// Times out, asks again. Call every 100 ms or so while !idle().
  want_effects on_tick(steady_time now);
  /// Nobody waits for this want any more.
  void cancel(std::uint64_t want);

  bool idle() const { return wants_.empty(); }
  std::size_t wants() const { return wants_.size(); }
  std::size_t objects() const { return objects_.size(); }
  std::size_t requests_under_way() const { return requests_.size(); }

private:
  struct object_state {
    std::uint32_t bytes = 0;
    std::uint64_t request = 0; // under way, or 0
    std::vector<std::uint64_t> wants;
    std::set<node_id> refused; // lacked it or failed in this round
  };
  struct want_state {
    std::deque<object_address> waiting;  // for a peer with room; some may be here by now
    std::vector<object_address> refused; // by everybody in this round
    std::size_t missing = 0;
    std::optional<node_id> holder;
    bool metadata = false;
    duration timeout{};
    steady_time last_arrival;
    std::set<node_id> distrusted;
    std::string last_failure;
  };
  struct request_state {
    node_id to;
    steady_time asked;
    std::vector<object_address> addresses;
  };
  struct peer_state {
    std::size_t under_way = 0;
    std::size_t window = 1; // requests it may have at a time
    bool missed = false;    // its last answer held nothing
  };

  struct filling {
    std::uint64_t number = 0;
    std::size_t bytes = 0; // expected
    bool metadata = true;
    std::vector<object_address> addresses;
  };
  enum class choice { busy, nobody, found };

  void arrived(const object_address& address, steady_time now, std::set<std::uint64_t>& touched);
  void tell_progress(const std::set<std::uint64_t>& touched, want_effects& out);
  void give_back(const object_address& address, const node_id* refused_by);
  void fail_request(std::uint64_t number, const std::string& why);
  void start_round();
  bool has_room() const;
  int rank(const object_state& each, const node_id& node) const;
  std::pair<choice, node_id> choose(const object_state& each) const;
  bool assign_some(want_state& each, std::map<node_id, filling>& open, steady_time now, want_effects& out);
  void ask(const node_id& to, filling&& what, steady_time now, want_effects& out);
  void assign(steady_time now, want_effects& out);

  std::vector<fetch_source> sources_; // nearest first
  std::map<node_id, peer_state> peers_;
  std::map<std::uint64_t, want_state> wants_;
  std::unordered_map<object_address, object_state> objects_;
  std::unordered_map<std::uint64_t, request_state> requests_;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_served_ = 0; // want whose turn was last
  steady_time last_round_{};
};

} // namespace glow::store
