/// When to dial which place: backoff with jitter, side-by-side starts, no place dialled twice at once.
///   waiting ─due─► dialling ─linked─► linked ─lost─► waiting
///                     └────failed────► waiting
/// A value. Refuses to dial: the caller does, and tells how it went.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/uri.hpp"
#include "runtime/link/limits.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace glow::link {

/// One place of the plan; never reused, never 0.
using dial_id = std::uint64_t;

/// What the caller is to do now.
struct dial_start {
  dial_id dial = 0;
  channel_uri uri;
  std::optional<node_id> expected;
};
/// A place that waits for its next try, for people to see.
struct dial_waiting {
  dial_id dial = 0;
  channel_uri uri;
  std::optional<node_id> expected;
  duration next_try_in{};
  std::string last_error;
};

/// One place, whatever policy is said with it.
bool is_same_address(channel_uri one, channel_uri other);

class dial_plan {
public:
  /// A place already known keeps its id; it becomes permanent if either call says so. Due at once when it is new.
  /// Errors: usage (a place that is not shareable, and not permanent: only the owner of this machine may name it; a proxy that
  /// is not understood, or not for this medium; a policy that is not: link_policy.hpp), exhausted
  /// (limits::dial_targets_max permanent places, or every place of the node is in use).
  result<dial_id> add(const channel_uri& uri, const std::optional<node_id>& expected, bool permanent, steady_time now);
  /// The same address with another policy: it is what the owner wants of the link, so the newest holds.
  std::vector<dial_id> superseded_by(const channel_uri& uri) const;
  /// Whether it was there. A dial in flight is the caller's to end.
  bool remove(dial_id dial);
  bool contains(dial_id dial) const { return targets_.contains(dial); }
  /// May a link to that node keep this dial satisfied?
  bool accepts(dial_id dial, const node_id& peer) const {
    auto found = targets_.find(dial);
    return found != targets_.end() && (!found->second.expected || *found->second.expected == peer);
  }
  /// Forgets the places (permanent ones excepted) of nodes that are no members.
  void keep_members(const std::function<bool(const node_id&)>& is_member);

  /// The dials to start now; each then is in flight until linked(), failed() or lost(). Places of one node start in
  /// order of preference, limits::dial_stagger apart (happy eyeballs, RFC 8305). Places that never led anywhere are paced.
  /// Where several nodes have been at one address, one dial asks who is there: it expects none of them.
  std::vector<dial_start> take_due(steady_time now);
  /// When take_due() has something to say next, if nothing is told before.
  std::optional<steady_time> next_due() const;

  void failed(dial_id dial, const error& why, steady_time now, random_source& random);
  void linked(dial_id dial, steady_time now);
  /// The dial led to that node. Returns the dial that the link keeps satisfied: this one, or, when another node is there than
  /// it expected, the one that expects that node at the same address; this one has failed then.
  std::optional<dial_id> linked_to(dial_id dial, const node_id& peer, steady_time now, random_source& random);
  void lost(dial_id dial, const error& why, steady_time now, random_source& random);
  /// Links of any origin: while a node is linked by one kind of channel, its other places of that kind rest.
  /// A kind is the scheme of such places, or anything else if the link makes none of them superfluous.
  void node_linked(const node_id& node, const std::string& kind);
  void node_unlinked(const node_id& node, const std::string& kind);
  /// Interfaces came or went: everything that waits is due at once, as if it had never failed.
  void interfaces_changed(steady_time now);

  std::vector<dial_waiting> waiting(steady_time now) const;
  std::size_t size() const { return targets_.size(); }

private:
  enum class phase { waiting, dialling, linked };
  struct target {
    channel_uri uri;
    std::string place;         ///< the URI as text
    bool asks_anybody = false; ///< the dial in flight expects nobody: others have been at this place, too
    std::optional<node_id> expected;
    bool permanent = false;
    phase at = phase::waiting;
    steady_time due; ///< while waiting
    unsigned failures = 0;
    std::optional<steady_time> linked_at; ///< last time
    std::string last_error;
  };

  bool rests(const target& each) const;
  /// Places where a dial is in flight or a link up: one at a time, as one remote address is one channel.
  std::set<std::string_view> busy_places() const;
  bool is_shared(const target& each) const;
  static bool is_proven(const target& each) { return each.permanent || each.linked_at; }
  /// Of the places that are not proven: when may the next one be dialled? And that it is.
  steady_time next_unproven_turn() const;
  void take_unproven_turn(steady_time now);
  void start_unproven_anew();
  bool make_room(const std::optional<node_id>& expected, bool permanent);
  void back_off(target& each, const error& why, steady_time now, random_source& random);

  dial_id last_id_ = 0;
  std::map<dial_id, target> targets_;
  std::map<node_id, std::map<std::string, std::size_t>> links_; ///< up, by node and scheme
  // pace of unproven places: `unproven_burst_` at once, then one in each pause
  unsigned unproven_burst_ = limits::dial_unproven_burst;
  unsigned unproven_fruitless_ = 0; ///< dialled since one led somewhere, or the interfaces changed
  steady_time unproven_turn_{};     ///< after the burst
};

/// Wait before the next try after so many failures in a row (1 …): doubles from limits::dial_backoff_min up to `cap`,
/// less up to half of it at random, so that nodes which lost each other together do not come back in step.
duration dial_backoff(unsigned failures, duration cap, random_source& random);

} // namespace glow::link
