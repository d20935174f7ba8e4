/// Who is reachable, through which neighbour, at what cost: a distance vector in the manner of Babel (RFC 8966).
///
/// Loops cannot form, even while links churn: a way is taken only while it is *feasible*, that is, while the neighbour's
/// promise is better than the best this node ever told others for the same version of the origin's claim (RFC 8966, 2.4).
/// Where only infeasible ways are left, the origin is asked for a newer claim. Claims are signed by their origin.
/// Every feasible way is kept, so that the loss of a neighbour is answered in the same call.
///
/// Updates are told as soon as something changed, and repeated until acknowledged. What is repeated is always the present state,
/// never an old packet. At each refresh neighbours compare a digest of what was told; only where it differs, all is told again.
///
/// Refuses to know links, packets of data and the clock. Neighbours are nodes; what lies between is an `adjacency`.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/route/control_packet.hpp"
#include "runtime/route/stripe.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

namespace glow::route {

/// How readily routes move. Shares are of the cost at hand.
struct route_tuning {
  double switch_share = 0.10; ///< a rival way must be cheaper by this
  double tell_share = 0.10;   ///< a cost that moved less is not worth telling before the refresh
  double ask_share =
    0.30; ///< an infeasible way must be cheaper by this to be asked for: the question may go as far as the origin
  double adopt_share = 0.20; ///< a link's measured cost that moved less is noise
  duration ask_patience{3s}; ///< while a feasible way serves: many a rival is feasible or gone by then
  bool gather = true;        ///< updates wait a moment for each other
  double link_share = 0.20;  ///< among links of one neighbour a rival must be cheaper by this: they are often alike
  stripe_tuning stripe{};    ///< bulk over several of them
};

/// A routing packet's body for this neighbour.
struct send_control {
  node_id to;
  byte_string body;
  bool is_answered = true; ///< not a mere acknowledgement
};
struct table_effects {
  std::vector<send_control> send;
  bool changed = false; ///< the table of best ways is another one
};

/// One way to a destination.
struct way {
  node_id destination;
  metric_class table = metric_class::interactive;
  node_id via;
  metric cost = infinite_metric;
  std::uint8_t hops = 0;
  std::uint32_t packet_bytes_max = 0; ///< smallest link packet on the way, headers included
  bool feasible = false;
  bool chosen = false;
};

/// Things that were refused, for `get_state` and tests.
struct table_counters {
  std::uint64_t malformed = 0;
  std::uint64_t forged = 0;
  std::uint64_t strangers = 0; ///< about origins that are no members
  std::uint64_t outdated = 0;  ///< older epoch, older session, overtaken packet
  std::uint64_t claims_raised = 0;
};

struct judged_table; // explanation.hpp

class distance_vector {
public:
  /// `epoch`: seconds since 1970 at start, higher than at any earlier start. Requires: `random` outlives this.
  distance_vector(identity::node_keys keys, std::uint64_t epoch, random_source& random, route_tuning tuning = {});

  /// Only these (and this node) are believed in; others are forgotten at once. Requires: sorted.
  table_effects set_members(std::vector<node_id> members, steady_time now);
  /// The neighbour came up, or its links changed.
  table_effects set_neighbour(const node_id& neighbour, const adjacency& between, steady_time now);
  table_effects drop_neighbour(const node_id& neighbour, steady_time now);
  /// Body of an announcement packet from this neighbour. Anything wrong with it is counted and ignored.
  table_effects on_control(const node_id& from, byte_view body, steady_time now);
  table_effects on_tick(steady_time now);
  /// When on_tick is due: seconds away unless something is unacknowledged or asked for.
  steady_time wake_at() const;

  /// The chosen way; with `except` the best feasible one through another neighbour, if there is none: nothing.
  std::optional<way> best(const node_id& to, metric_class table, const node_id* except = nullptr) const;
  /// Every way, in the order of destinations; infeasible and retracted ones too.
  std::vector<way> get_ways() const;
  /// The chosen ones only, in no order.
  std::vector<way> get_chosen_ways() const;
  /// Every neighbour's offer for that node and what is thought of it; links are left out.
  judged_table judge(const node_id& to, metric_class table) const;
  bool is_member(const node_id& node) const;
  /// Another one whenever best() names another next hop, knows_us() another answer, or the node another life.
  std::uint64_t version() const { return version_; }
  /// The neighbour has heard of this node's present life. Until then it may hold ways through an earlier one, whose feasible
  /// distances are forgotten: whatever it forwards here could come back to it (RFC 8966 leaves this window open).
  bool knows_us(const node_id& neighbour) const;
  std::size_t destinations() const { return destinations_.size(); }
  const table_counters& counters() const { return counters_; }
  const claim& own_claim() const { return own_.what; }

private:
  /// One copy of a claim serves every way that rests on it: of a thousand origins signatures are most of the table.
  using claim_ref = std::shared_ptr<const signed_claim>;
  /// A neighbour, for as long as it is one; afterwards its slot is another's.
  using slot = std::uint16_t;

  /// A neighbour's promise.
  struct learned_way {
    claim_ref said; ///< never empty
    offer promised;
    slot via = 0;
    bool worse_since = false; ///< the neighbour now promises something infeasible: asked for a newer claim meanwhile
    std::uint64_t number = 0; ///< of the packet that told it
    steady_time expires{};
  };
  /// One destination in one metric.
  struct table_entry {
    std::vector<learned_way> ways;
    claim_ref feasible_claim; ///< with feasible_cost: the feasible distance; empty: any is feasible
    metric feasible_cost = infinite_metric;
    steady_time feasible_told{};
    offer told; ///< what the others know, or are about to
    claim told_claim;
    steady_time request_at{};
    unsigned requests = 0;
    std::optional<slot> chosen;
    bool starves = false; ///< no feasible way: the origin is asked at once
    std::optional<steady_time>
      held_until; ///< the last feasible way was lost; the others are told only then, unless there is another
  };
  /// The last word to one neighbour about one origin in one metric.
  struct told_offer {
    offer what;
    bool may_stand = false; ///< a finite promise was made; kept after a retraction, which may have to be repeated
    claim by;
  };
  /// What concerns one origin and one neighbour.
  struct told_to {
    slot to = 0;
    bool queued = false; ///< stands in its to_tell
    std::array<told_offer, metric_classes> offers;
  };
  struct destination_entry {
    std::array<table_entry, metric_classes> tables;
    claim_ref newest;
    std::vector<claim_ref> verified; ///< the last few, so that each signature is checked once
    std::vector<told_to> told;
    bool forgotten = false; ///< not in use at the last refresh; until the next one the neighbours are told
  };
  using destination = std::pair<const node_id, destination_entry>;
  struct told_packet {
    std::vector<node_id> origins;
    bool digest = false;
    bool asks_table = false;
    steady_time repeat_at{};
  };
  struct neighbour_entry {
    adjacency between;
    slot place = 0; ///< in slots_
    std::uint64_t session = 0;
    std::uint64_t their_session = 0;
    steady_time heard_at{}; ///< their session last
    std::uint64_t number = 0;
    std::map<std::uint64_t, told_packet> in_flight;
    std::vector<std::uint64_t> acks_owed;
    steady_time repeat_at = steady_time::max(); ///< no packet in flight is due before
    std::deque<destination*> to_tell;           ///< in turn, so that nobody starves while others keep changing
    bool to_tell_self = false;                  ///< this node itself, before all of them
    std::vector<seqno_request> to_ask;
    std::optional<claim> own_told; ///< the last word about this node itself
    bool digest_due = false;       ///< to be compared, once all is told and acknowledged
    bool asks_table = false;       ///< it told less, or other things, than stands here
    steady_time next_send{};
    std::optional<steady_time> news_since; ///< when the first of what is to tell or to ask began to wait for company
    std::optional<steady_time> acks_since; ///< the same of acknowledgements
    bool hurries = false;                  ///< among the news is some that somebody waits for
    std::set<node_id> asked;               ///< origins whose newer claim it asked for through us
    unsigned unanswered = 0;
    bool silent = false;
    bool knows_session = false; ///< it has acknowledged ours
  };
  using wanted_key = std::pair<node_id, metric_class>;

  // distance_vector.cpp: learning and choosing
  void learn(const node_id& from, neighbour_entry& peer, const route_update& update, std::uint64_t number, steady_time now);
  void learn_offer(neighbour_entry& peer, destination& of, const claim_ref& said, metric_class c, const offer& promised,
                   std::uint64_t number, steady_time now);
  claim_ref prove(destination_entry& entry, const node_id& origin, const signed_claim& said);
  bool is_feasible(const table_entry& entry, const learned_way& known) const;
  metric cost_of(const learned_way& known, metric_class c) const;
  enum class news { first_hand, told }; ///< of a link of ours, or by a neighbour
  void choose(destination& of, metric_class c, news how, steady_time now);
  void choose_all_via(slot neighbour, steady_time now);
  void want_newer(const node_id& origin, table_entry& entry, metric_class c, metric chosen_cost, steady_time now);
  void forget_all_of(slot neighbour, steady_time now);
  void refresh(steady_time now);
  slot free_slot() const;
  static const learned_way* chosen_way(const table_entry& table);
  static learned_way* way_via(table_entry& table, slot neighbour);
  static told_to* find_told(destination_entry& entry, slot neighbour);
  way way_of(const node_id& origin, const table_entry& entry, const learned_way& known, metric_class c) const;
  // distance_vector_tell.cpp: telling and asking
  std::uint64_t next_session();
  bool is_outdated(const neighbour_entry& peer, std::uint64_t session, steady_time now) const;
  void on_session(neighbour_entry& peer, std::uint64_t session, steady_time now);
  void on_request(const node_id& from, const seqno_request& request, steady_time now);
  void raise_own_claim(const node_id& asked_by, const signed_claim& newer_than, steady_time now);
  enum class urgency { at_once, soon };
  void enqueue(neighbour_entry& peer, destination& of);
  void tell_one(neighbour_entry& peer, destination& of);
  static void tell_self(neighbour_entry& peer);
  static bool has_to_tell(const neighbour_entry& peer) { return peer.to_tell_self || !peer.to_tell.empty(); }
  static void forget_to_tell(neighbour_entry& peer);
  void ask_all(const node_id& origin);
  void tell_askers(destination& of);
  void tell_change(destination& of, const table_entry& table, const std::optional<slot>& chosen_before, const offer& before,
                   urgency how);
  void tell_everything(neighbour_entry& peer);
  void refresh_neighbour(neighbour_entry& peer);
  std::uint64_t digest_of_told(const neighbour_entry& peer);
  bool confirm_ways_via(slot neighbour, std::uint64_t digest, steady_time now);
  static const learned_way* way_to_tell(slot to, const table_entry& table);
  bool is_told(const neighbour_entry& peer, destination& of) const;
  void repeat(neighbour_entry& peer, const told_packet& packet);
  void repeat_all(neighbour_entry& peer);
  void repeat_unanswered(neighbour_entry& peer, steady_time now);
  void ask_for_wanted(steady_time now);
  void put_update(neighbour_entry& peer, destination& of, std::vector<route_update>& out, steady_time now);
  void tell(const node_id& to, neighbour_entry& peer, steady_time now);
  steady_time news_due(const neighbour_entry& peer) const;
  steady_time acks_due(const neighbour_entry& peer) const;
  duration spacing(const neighbour_entry& peer, std::size_t bytes) const;
  duration repeat_after(const neighbour_entry& peer) const;
  table_effects flush(steady_time now);

  identity::node_keys keys_;
  random_source& random_;
  route_tuning tuning_;
  signed_claim own_;
  std::uint64_t sessions_ = 0; ///< begun so far
  steady_time raised_at_{};
  std::vector<node_id> members_;
  std::unordered_map<node_id, destination_entry> destinations_;
  std::map<node_id, neighbour_entry> neighbours_;
  std::vector<std::pair<node_id, neighbour_entry*>> slots_; ///< none: the slot is free, or its ways are being forgotten
  std::set<wanted_key> wanted_;
  steady_time wanted_at_ = steady_time::max(); ///< nothing wanted is to be asked for before
  std::map<std::pair<wanted_key, claim>, steady_time> passed_on_;
  steady_time refresh_at_{};
  table_counters counters_;
  std::uint64_t version_ = 0;
  table_effects pending_;
};

} // namespace glow::route
