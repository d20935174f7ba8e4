// How the courier moves letters: deliveries, hand-overs to custodians, receipts that are told on.
#include "runtime/base/overloaded.hpp"
#include "runtime/mail/courier.hpp"
#include "runtime/mail/limits.hpp"

namespace glow::mail {
namespace {

bool found_nobody(const error& why) {
  return why.code == error_code::unreachable || why.code == error_code::timed_out || why.code == error_code::stopped;
}

duration timeout_for(std::uint64_t bytes) {
  return limits::mail_request_timeout + static_cast<std::int64_t>(bytes) * limits::mail_request_timeout_per_byte;
}

} // namespace

bool courier::can_reach(const node_id& node, std::uint64_t bytes) const {
  if (node == keys_->id()) return true;
  auto found = reachable_.find(node);
  if (found == reachable_.end()) return false;
  return bytes <= limits::letter_interactive_bytes_max ? found->second.interactive : found->second.bulk;
}

bool courier::is_off(const lane& way, const lane_state& state, const parcel& letter) const {
  return state.silent || !can_reach(way.recipient, letter.bytes);
}

duration courier::pause_after(unsigned failures) {
  auto pause = limits::mail_retry_first;
  for (unsigned i = 1; i < failures && pause < limits::mail_retry_last; ++i) pause *= 2;
  pause = std::min(pause, limits::mail_retry_last);
  return duration{static_cast<std::int64_t>(static_cast<double>(pause.count()) * (0.75 + 0.5 * random_.next_unit()))};
}

void courier::back_off(lane_state& state, const error& why, steady_time now) {
  state.ask_first = true; // what failed may have arrived
  state.silent = found_nobody(why);
  state.why = why.message;
  state.next_try = now + pause_after(++state.failures);
}

void courier::wake_by(steady_time when) { wake_at_ = wake_at_ ? std::min(*wake_at_, when) : when; }

void courier::on_tick(moment at, effects& out) { advance(at, out); }

void courier::advance(moment at, effects& out) {
  end_expired(at, out);
  std::erase_if(declined_until_, [&](auto& each) { return each.second <= at.now; });
  wake_at_.reset();
  for (auto& [way, state] : lanes_) deliver_next(way, state, at, out);
  for (auto& [way, state] : lanes_)
    if (is_own(way)) hand_over(way, state, at, out);
  tell_next(at, out);
  if (first_expiry_)
    wake_by(at.now + std::clamp<duration>(*first_expiry_ - at.wall, limits::letter_life_min, limits::expiry_check_pause));
}

void courier::deliver_next(const lane& way, lane_state& state, moment at, effects& out) {
  if (state.busy) return;
  const waiting* next = nullptr;
  for (auto& [number, letter] : state.letters)
    if (!letter.ending && can_reach(way.recipient, letter.record.bytes)) {
      next = &letter;
      break;
    }
  if (!next) return;
  if (state.next_try > at.now) return wake_by(state.next_try);
  if (deliveries_ >= limits::deliveries_active_max) return; // the end of one of them brings us here again
  ++deliveries_;
  state.busy = true;
  auto ticket = ++tickets_;
  if (state.ask_first) {
    asked_.emplace(ticket, asking{way});
    out.push_back(
      ask_node{ticket, way.recipient, question::receipt, encode_question(way), {}, false, limits::mail_request_timeout});
  } else {
    auto bytes = next->record.bytes;
    asked_.emplace(ticket, delivering{way, next->record.number});
    out.push_back(ask_node{ticket,
                           way.recipient,
                           question::deliver,
                           {},
                           next->record.id(),
                           bytes > limits::letter_interactive_bytes_max,
                           timeout_for(bytes)});
  }
}

std::vector<node_id> courier::custody_candidates(const parcel& letter, steady_time now) const {
  std::vector<node_id> out;
  for (auto& [node, reach] : reachable_) {
    auto* member = roster_ ? roster_->find(node) : nullptr;
    auto declined = declined_until_.find(node);
    if (!member || member->as == identity::role::guest || node == letter.way.recipient || node == keys_->id()
        || !can_reach(node, letter.bytes) || (declined != declined_until_.end() && declined->second > now)
        || std::count(letter.custodians.begin(), letter.custodians.end(), node) > 0)
      continue;
    out.push_back(node);
  }
  return out;
}

void courier::hand_over(const lane& way, lane_state& state, moment at, effects& out) {
  if (way.recipient == keys_->id()) return;
  parcel smallest;
  smallest.way = way;
  auto anybody = !custody_candidates(smallest, at.now).empty();
  for (auto& [number, letter] : state.letters) {
    if (letter.ending || letter.handing || letter.record.custodians.size() >= limits::custodians_max
        || !is_off(way, state, letter.record))
      continue;
    for (auto& [node, until] : declined_until_) wake_by(until);
    if (!anybody || handovers_ >= limits::handovers_active_max) return;
    auto candidates = custody_candidates(letter.record, at.now);
    if (candidates.empty()) continue; // another letter may be shorter, or elsewhere
    auto to = candidates[random_.next_below(candidates.size())];
    ++handovers_;
    letter.handing = true;
    auto bytes = letter.record.bytes;
    auto ticket = ++tickets_;
    asked_.emplace(ticket, handing{way, number, to});
    out.push_back(ask_node{
      ticket, to, question::hold, {}, letter.record.id(), bytes > limits::letter_interactive_bytes_max, timeout_for(bytes)});
  }
}

void courier::tell_next(moment at, effects& out) {
  for (auto& [which, each] : untold_) {
    if (each.busy || !can_reach(which.second, each.record.receipt.size())) continue;
    if (each.next_try > at.now) {
      wake_by(each.next_try);
      continue;
    }
    if (tellings_ >= limits::tellings_active_max) return;
    ++tellings_;
    each.busy = true;
    auto ticket = ++tickets_;
    asked_.emplace(ticket, telling_of{which});
    out.push_back(
      ask_node{ticket, which.second, question::settled, each.record.receipt, {}, false, limits::mail_request_timeout});
  }
}

// ---- answers -----------------------------------------------------------------------------------------------------

bool courier::on_answer(std::uint64_t ticket, const result<byte_string>& answer, moment at, effects& out) {
  auto held = asked_.extract(ticket);
  if (!held) return false;
  std::visit(overloaded{
               [&](const delivering& was) { on_delivered(was, answer, at, out); },
               [&](const asking& was) { on_told_receipt(was, answer, at, out); },
               [&](const handing& was) { on_handed(was, answer, at, out); },
               [&](const telling_of& was) { on_told(was, answer, at, out); },
             },
             held.mapped());
  advance(at, out);
  return true;
}

void courier::on_delivered(const delivering& was, const result<byte_string>& answer, moment at, effects& out) {
  --deliveries_;
  auto found = lanes_.find(was.way);
  if (found == lanes_.end()) return;
  auto& state = found->second;
  state.busy = false;
  auto letter = state.letters.find(was.number);
  auto waits = letter != state.letters.end() && !letter->second.ending;
  if (!answer) {
    auto& why = answer.why();
    auto hopeless = why.code == error_code::malformed || why.code == error_code::tampered;
    if (hopeless && waits)
      end(was.way, was.number, letter_end::refused, why.message, at, out);
    else
      back_off(state, why, at.now);
    return forget_empty(was.way);
  }
  auto told = read_receipt(*answer);
  if (!told || told->way != was.way || !told->received.contains(was.number)) {
    back_off(state, {error_code::malformed, "the recipient's receipt does not name the letter"}, at.now);
    return forget_empty(was.way);
  }
  state.failures = 0;
  state.silent = false;
  state.why.clear();
  apply(*told, *answer, was.way.recipient, {}, at, out);
  forget_empty(was.way);
}

void courier::on_told_receipt(const asking& was, const result<byte_string>& answer, moment at, effects& out) {
  --deliveries_;
  auto found = lanes_.find(was.way);
  if (found == lanes_.end()) return;
  auto& state = found->second;
  state.busy = false;
  auto told = answer ? read_receipt(*answer) : result<receipt>{answer.why()};
  if (told && told->way != was.way) told = error{error_code::malformed, "the recipient answered with another's receipt"};
  if (!told) {
    back_off(state, told.why(), at.now);
    return forget_empty(was.way);
  }
  state.ask_first = false;
  state.silent = false;
  apply(*told, *answer, was.way.recipient, {}, at, out);
  forget_empty(was.way);
}

void courier::on_handed(const handing& was, const result<byte_string>& answer, moment at, effects& out) {
  --handovers_;
  if (!answer) {
    auto pause = found_nobody(answer.why()) ? limits::custody_silent_pause : limits::custody_declined_pause;
    declined_until_[was.to] = at.now + pause;
  }
  auto found = lanes_.find(was.way);
  if (found == lanes_.end()) return;
  auto at_letter = found->second.letters.find(was.number);
  if (at_letter == found->second.letters.end()) return;
  auto& letter = at_letter->second;
  letter.handing = false;
  if (!answer || letter.ending || !is_member(was.to)) return;
  found->second.ask_first = true; // from now on it may come by another way
  letter.record.custodians.push_back(was.to);
  note({0, {{key_of(letter.record), encode(letter.record)}}, {}}, out);
}

void courier::on_told(const telling_of& was, const result<byte_string>& answer, moment at, effects& out) {
  --tellings_;
  auto found = untold_.find(was.which);
  if (found == untold_.end()) return;
  auto& each = found->second;
  each.busy = false;
  auto hopeless = !answer && (answer.why().code == error_code::malformed || answer.why().code == error_code::tampered);
  if (answer || hopeless) return remove_untold(found, out);
  each.next_try = at.now + pause_after(++each.failures);
}

} // namespace glow::mail
