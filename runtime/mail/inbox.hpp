/// The boxes of this node: takes letters in, each once, and gives messages out. Sans-io.
///
///   receive ─► on disk, with the mark that it was received ─► receipt        the same letter again ─► receipt, nothing else
///   take ─► leased ─┬─► end_take(removed) ─► gone from the disk
///                   └─► end_take(kept), or mail_lease is over ─► there for the next one
///
/// A box gives its oldest message first; messages of one sender come in the order in which they were sent, as far as they are
/// here. Refuses to know how letters travel: courier.hpp does.
#pragma once

#include "runtime/identity/roster.hpp"
#include "runtime/mail/effects.hpp"
#include "runtime/mail/status.hpp"

#include <map>

namespace glow::mail {

class inbox {
public:
  inbox(std::shared_ptr<const identity::node_keys> keys, ticket_source& tickets) : keys_{std::move(keys)}, tickets_{tickets} {}

  /// What lay in the database. Records of other kinds are left alone.
  void restore(const any_record& record);
  void on_roster(identity::roster_ptr roster) { roster_ = std::move(roster); }
  /// Requests of other nodes: question::deliver and question::receipt.
  void receive(std::uint64_t token, byte_view letter, moment at, effects& out);
  void tell_receipt(std::uint64_t token, byte_view question, effects& out) const;
  /// False: the ticket is somebody else's.
  bool on_written(std::uint64_t ticket, const result<void>& written, effects& out);

  /// The next message of the box that nobody holds, leased to `lease`; its body lies under body_key(arrival).
  std::optional<kept_letter> take(const std::string& box, std::uint64_t lease, steady_time now);
  /// Ends a lease. Answered by removal_answered if `remove`. Errors, told likewise: `not_found` when there is no such lease.
  void end_take(std::uint64_t lease, bool remove, effects& out);
  std::vector<box_summary> boxes() const;
  std::size_t letters() const { return kept_.size(); }

private:
  struct kept {
    kept_letter record;
    std::uint64_t lease = 0; ///< 0: none
    steady_time leased_at{};
    bool leaving = false; ///< the write that removes it is under way
  };
  struct amount {
    std::size_t letters = 0;
    std::uint64_t bytes = 0;
  };
  using numbering_key = std::pair<node_id, std::uint64_t>;
  struct numbering_state {
    received_of record;
    bool writing = false;
  };
  struct receiving {
    std::uint64_t token;
    received_of received; ///< with the new letter
    kept_letter record;
  };
  struct removing {
    std::uint64_t lease;
    std::uint64_t arrival;
  };

  result<void> has_room_for(const node_id& sender, std::uint64_t bytes) const;
  /// The sender has begun too many numberings: the one that was quiet for longest is forgotten.
  void forget_oldest_numbering(const node_id& sender, write_records& batch);
  byte_string receipt_of(const lane& way) const;

  std::shared_ptr<const identity::node_keys> keys_;
  ticket_source& tickets_;
  identity::roster_ptr roster_;
  std::map<numbering_key, numbering_state> received_;
  std::map<std::uint64_t, kept> kept_; ///< by arrival
  std::map<node_id, amount> by_sender_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::map<std::uint64_t, std::variant<receiving, removing>> written_;
};

} // namespace glow::mail
