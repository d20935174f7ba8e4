/// The mail of one node: its courier (letters on their way) and its inbox (boxes), behind one face. Sans-io: every input returns
/// effects, to be performed in order. Call on_tick() at wake_at().
/// Refuses to know actors, databases and clocks.
#pragma once

#include "runtime/mail/courier.hpp"
#include "runtime/mail/inbox.hpp"

namespace glow::mail {

class mail_machine {
public:
  /// Requires: `random` outlives the machine.
  mail_machine(std::shared_ptr<const identity::node_keys> keys, random_source& random)
    : courier_{keys, random, tickets_}, inbox_{keys, tickets_} {}
  mail_machine(const mail_machine&) = delete; // both parts draw tickets from this one
  mail_machine& operator=(const mail_machine&) = delete;

  /// What lay in the database, before anything else.
  void restore(any_record record) {
    inbox_.restore(record);
    courier_.restore(std::move(record));
  }
  effects on_roster(identity::roster_ptr roster, moment at) {
    effects out;
    inbox_.on_roster(roster);
    courier_.on_roster(std::move(roster), at, out);
    return out;
  }
  effects on_reachable(const std::vector<reachable_node>& nodes, moment at) {
    effects out;
    courier_.on_reachable(nodes, at, out);
    return out;
  }
  /// Answered by send_answered.
  effects send(std::uint64_t token, const node_id& to, std::string box, byte_string body, duration life, moment at) {
    effects out;
    courier_.send(token, to, std::move(box), std::move(body), life, at, out);
    return out;
  }
  /// Another node asks; answered by answer_request.
  effects on_request(std::uint64_t token, const node_id& from, question what, byte_view body, moment at) {
    effects out;
    switch (what) {
    case question::deliver: inbox_.receive(token, body, at, out); break;
    case question::receipt: inbox_.tell_receipt(token, body, out); break;
    case question::hold: courier_.hold(token, from, body, at, out); break;
    case question::settled: courier_.settle(token, from, body, at, out); break;
    }
    return out;
  }
  effects on_answer(std::uint64_t ticket, const result<byte_string>& answer, moment at) {
    effects out;
    courier_.on_answer(ticket, answer, at, out);
    return out;
  }
  effects on_written(std::uint64_t ticket, const result<void>& written, moment at) {
    effects out;
    if (!inbox_.on_written(ticket, written, out)) courier_.on_written(ticket, written, at, out);
    return out;
  }
  effects on_tick(moment at) {
    effects out;
    courier_.on_tick(at, out);
    return out;
  }
  std::optional<steady_time> wake_at() const { return courier_.wake_at(); }

  /// As inbox::take.
  std::optional<kept_letter> take(const std::string& box, std::uint64_t lease, steady_time now) {
    return inbox_.take(box, lease, now);
  }
  effects end_take(std::uint64_t lease, bool remove) {
    effects out;
    inbox_.end_take(lease, remove, out);
    return out;
  }
  const courier& letters() const { return courier_; }
  const inbox& boxes() const { return inbox_; }

private:
  ticket_source tickets_ = 0;
  courier courier_;
  inbox inbox_;
};

} // namespace glow::mail
