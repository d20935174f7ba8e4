/// Letters on their way: those of this node, and those that it holds for others. Sans-io.
///
///   send ─► on disk ─► waiting ─┬─► delivered      a receipt of the recipient, from wherever it came
///                               ├─► expired        its life is over
///                               └─► refused        the recipient cannot read it, or left the namespace
///   hold ─► on disk ─► waiting ─┴─► dropped        likewise; the sender is told of the receipt
///
/// Letters of one lane are delivered one after another, in order as far as their links allow. While the recipient is off,
/// up to custodians_max other members are asked to hold a copy. Receipts that somebody has yet to hear of are kept like letters.
/// Refuses to know boxes: inbox.hpp does.
#pragma once

#include "runtime/identity/roster.hpp"
#include "runtime/mail/effects.hpp"
#include "runtime/mail/status.hpp"

#include <map>
#include <set>

namespace glow::mail {

class courier {
public:
  /// Requires: both references outlive it.
  courier(std::shared_ptr<const identity::node_keys> keys, random_source& random, ticket_source& tickets);

  /// What lay in the database. Records of other kinds are left alone.
  void restore(any_record record);
  void on_roster(identity::roster_ptr roster, moment at, effects& out);
  /// All members that can be asked now, without this node.
  void on_reachable(const std::vector<reachable_node>& nodes, moment at, effects& out);
  void send(std::uint64_t token, const node_id& to, std::string box, byte_string body, duration life, moment at, effects& out);
  /// Requests of other nodes: question::hold and question::settled.
  void hold(std::uint64_t token, const node_id& from, byte_view letter, moment at, effects& out);
  void settle(std::uint64_t token, const node_id& from, byte_view receipt, moment at, effects& out);
  /// False: the ticket is somebody else's.
  bool on_answer(std::uint64_t ticket, const result<byte_string>& answer, moment at, effects& out);
  bool on_written(std::uint64_t ticket, const result<void>& written, moment at, effects& out);
  void on_tick(moment at, effects& out);
  std::optional<steady_time> wake_at() const { return wake_at_; }

  /// Errors: `not_found`.
  result<letter_status> status(const letter_id& id) const;
  /// Waiting ones first, the oldest first; then ended ones, the newest first.
  std::vector<letter_status> list() const;
  /// Nothing will change soon: it has ended, or the recipient is off and all is done for it that can be.
  bool is_at_rest(const letter_id& id, moment at) const;
  std::size_t letters_waiting() const { return own_.letters; }
  std::size_t held_for_others() const { return held_.letters; }

private:
  struct waiting {
    parcel record;
    bool ending = false;  ///< the write that ends it is under way
    bool handing = false; ///< a member is being asked to hold it
  };
  struct lane_state {
    std::map<std::uint64_t, waiting> letters; ///< by number
    std::set<std::uint64_t> being_written;
    bool busy = false;      ///< a delivery or a question is under way
    bool ask_first = false; ///< the recipient may have some of them
    bool silent = false;    ///< it did not answer when it was last tried
    unsigned failures = 0;
    steady_time next_try{};
    std::string why;
  };
  struct untold {
    telling record;
    bool busy = false;
    unsigned failures = 0;
    steady_time next_try{};
  };
  struct amount {
    std::size_t letters = 0;
    std::uint64_t bytes = 0;
    void add(std::uint64_t more) { ++letters, bytes += more; }
    void subtract(std::uint64_t less) { --letters, bytes -= less; }
  };
  using lane_map = std::map<lane, lane_state>;
  using untold_key = std::pair<lane, node_id>;

  // what a ticket stands for
  struct delivering {
    lane way;
    std::uint64_t number;
  };
  struct asking {
    lane way;
  };
  struct handing {
    lane way;
    std::uint64_t number;
    node_id to;
  };
  struct telling_of {
    untold_key which;
  };
  using asked = std::variant<delivering, asking, handing, telling_of>;
  struct sending {
    std::uint64_t token;
    parcel record;
  };
  struct holding {
    std::uint64_t token;
    parcel record;
  };
  struct ending {
    lane way;
    std::vector<std::uint64_t> numbers;
    std::vector<std::pair<letter_id, ended_letter>> ended;
    std::vector<std::pair<untold_key, telling>> to_tell;
    std::optional<std::uint64_t> token;
  };
  using written = std::variant<sending, holding, ending>;

  bool is_own(const lane& way) const { return way.sender == keys_->id(); }
  bool is_member(const node_id& node) const { return roster_ && roster_->find(node) != nullptr; }
  bool can_reach(const node_id& node, std::uint64_t bytes) const;
  bool is_off(const lane& way, const lane_state& state, const parcel& letter) const;
  std::vector<node_id> custody_candidates(const parcel& letter, steady_time now) const;
  amount& total_of(const lane& way) { return is_own(way) ? own_ : held_; }
  void add(parcel record, steady_time now);
  void drop(lane_map::iterator at, std::uint64_t number);
  void forget_empty(const lane& way);
  void back_off(lane_state& state, const error& why, steady_time now);
  duration pause_after(unsigned failures);

  void on_delivered(const delivering& was, const result<byte_string>& answer, moment at, effects& out);
  void on_told_receipt(const asking& was, const result<byte_string>& answer, moment at, effects& out);
  void on_handed(const handing& was, const result<byte_string>& answer, moment at, effects& out);
  void on_told(const telling_of& was, const result<byte_string>& answer, moment at, effects& out);
  /// Ends all letters of the lane that the receipt names. `from`: who told it, and need not be told.
  /// False: there are none, and nothing is written.
  bool apply(const receipt& told, byte_view bytes, const node_id& from, std::optional<std::uint64_t> token, moment at,
             effects& out);
  void end(const lane& way, std::uint64_t number, letter_end how, std::string why, moment at, effects& out);
  void end_all(const lane& way, ending&& what, letter_end how, const std::string& why, moment at, effects& out);
  void end_expired(moment at, effects& out);
  void drop_oldest_ended(write_records& batch);
  void remove_untold(std::map<untold_key, untold>::iterator which, effects& out);
  letter_status status_of(const lane& way, const lane_state& state, const waiting& letter) const;

  /// Starts whatever can be started; sets wake_at_.
  void advance(moment at, effects& out);
  void deliver_next(const lane& way, lane_state& state, moment at, effects& out);
  void hand_over(const lane& way, lane_state& state, moment at, effects& out);
  void tell_next(moment at, effects& out);
  void wake_by(steady_time when);
  /// Writes without waiting for the end.
  void note(write_records&& batch, effects& out);

  std::shared_ptr<const identity::node_keys> keys_;
  random_source& random_;
  ticket_source& tickets_;
  identity::roster_ptr roster_;
  std::map<node_id, reachable_node> reachable_;
  lane_map lanes_;
  std::map<letter_id, std::pair<lane, std::uint64_t>> where_;
  std::set<letter_id> hold_under_way_;
  std::map<node_id, numbering_of> numberings_;
  std::map<letter_id, ended_letter> ended_;
  std::map<untold_key, untold> untold_;
  std::map<node_id, steady_time> declined_until_;
  std::map<std::uint64_t, asked> asked_;
  std::map<std::uint64_t, written> written_;
  amount own_, held_; ///< what is being written counts
  std::map<node_id, amount> held_by_sender_;
  std::size_t deliveries_ = 0, handovers_ = 0, tellings_ = 0; ///< under way
  std::optional<wall_time> first_expiry_;                     ///< not after any letter's or telling's
  std::optional<steady_time> wake_at_;
};

} // namespace glow::mail
