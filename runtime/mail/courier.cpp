#include "runtime/mail/courier.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/mail/limits.hpp"

namespace glow::mail {
namespace {

std::string in_mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

wall_time later(wall_time at, duration by) { return at + std::chrono::duration_cast<std::chrono::milliseconds>(by); }

} // namespace

courier::courier(std::shared_ptr<const identity::node_keys> keys, random_source& random, ticket_source& tickets)
  : keys_{std::move(keys)}, random_{random}, tickets_{tickets} {}

// ---- what waits here ---------------------------------------------------------------------------------------------

void courier::add(parcel record, steady_time now) {
  auto& state = lanes_[record.way];
  // a copy in custody is the second one, and after a restart nobody knows what was tried before
  if (!is_own(record.way)) state.ask_first = true;
  if (state.letters.empty()) state.next_try = std::max(state.next_try, now);
  first_expiry_ = first_expiry_ ? std::min(*first_expiry_, record.expires) : record.expires;
  where_[record.id()] = {record.way, record.number};
  auto number = record.number;
  state.letters[number].record = std::move(record);
}

void courier::drop(lane_map::iterator at, std::uint64_t number) {
  auto letter = at->second.letters.extract(number);
  if (!letter) return;
  auto& record = letter.mapped().record;
  where_.erase(record.id());
  total_of(at->first).subtract(record.bytes);
  if (is_own(at->first)) return;
  auto& of_sender = held_by_sender_[at->first.sender];
  of_sender.subtract(record.bytes);
  if (of_sender.letters == 0) held_by_sender_.erase(at->first.sender);
}

void courier::forget_empty(const lane& way) {
  auto found = lanes_.find(way);
  if (found == lanes_.end()) return;
  auto& state = found->second;
  if (state.letters.empty() && state.being_written.empty() && !state.busy) lanes_.erase(found);
}

void courier::restore(any_record record) {
  std::visit(overloaded{
               [&](parcel& each) {
                 total_of(each.way).add(each.bytes);
                 if (!is_own(each.way)) held_by_sender_[each.way.sender].add(each.bytes);
                 auto way = each.way;
                 add(std::move(each), {});
                 lanes_[way].ask_first = true;
               },
               [&](numbering_of& each) { numberings_[each.recipient] = each; },
               [&](telling& each) {
                 auto told = read_receipt(each.receipt);
                 if (!told) return;
                 first_expiry_ = first_expiry_ ? std::min(*first_expiry_, each.expires) : each.expires;
                 auto to = each.to;
                 untold_[{told->way, to}].record = std::move(each);
               },
               [&](ended_letter& each) {
                 auto id = id_of({keys_->id(), each.recipient, each.numbering}, each.number);
                 ended_[id] = std::move(each);
               },
               [](received_of&) {}, // the inbox's
               [](kept_letter&) {},
             },
             record);
}

void courier::on_roster(identity::roster_ptr roster, moment at, effects& out) {
  roster_ = std::move(roster);
  if (!roster_) return;
  std::vector<std::pair<lane, std::uint64_t>> orphans;
  for (auto& [way, state] : lanes_) {
    for (auto& [number, letter] : state.letters) {
      std::erase_if(letter.record.custodians, [&](auto& each) { return !is_member(each); });
      if (!letter.ending && (!is_member(way.recipient) || !is_member(way.sender))) orphans.emplace_back(way, number);
    }
  }
  for (auto& [way, number] : orphans)
    end(way, number, letter_end::refused, "that node is no member of the namespace any more", at, out);
  for (auto each = untold_.begin(); each != untold_.end();) {
    auto next = std::next(each);
    if (!is_member(each->first.second)) remove_untold(each, out);
    each = next;
  }
  advance(at, out);
}

void courier::on_reachable(const std::vector<reachable_node>& nodes, moment at, effects& out) {
  auto before = std::exchange(reachable_, {});
  for (auto& each : nodes) reachable_[each.node] = each;
  auto came = [&](const node_id& node) {
    auto now = reachable_.find(node);
    auto then = before.find(node);
    if (now == reachable_.end()) return false;
    return then == before.end() || now->second.interactive > then->second.interactive || now->second.bulk > then->second.bulk;
  };
  for (auto& [way, state] : lanes_) {
    if (!came(way.recipient)) continue;
    state.failures = 0;
    state.silent = false;
    state.next_try = at.now;
    if (!is_own(way)) state.ask_first = true; // the sender may have delivered it meanwhile
  }
  for (auto& [which, each] : untold_) {
    if (!came(which.second)) continue;
    each.failures = 0;
    each.next_try = at.now;
  }
  std::erase_if(declined_until_, [&](auto& each) { return came(each.first); });
  advance(at, out);
}

// ---- letters of this node ----------------------------------------------------------------------------------------

void courier::send(std::uint64_t token, const node_id& to, std::string box, byte_string body, duration life, moment at,
                   effects& out) {
  auto refuse = [&](error_code code, std::string why) { out.push_back(send_answered{token, error{code, std::move(why)}}); };
  if (!is_member(to)) return refuse(error_code::not_found, "that node is no member of this namespace");
  if (!is_box_name(box))
    return refuse(error_code::usage, "a box has a name of 1 to 64 characters out of a-z 0-9 . _ - (NODE/BOX)");
  if (body.size() > limits::mail_body_bytes_max)
    return refuse(error_code::usage, "a message holds at most " + in_mib(limits::mail_body_bytes_max)
                                       + ": put more into the namespace with glow put, and send its path");
  if (own_.letters >= limits::outbox_letters_max || own_.bytes + body.size() > limits::outbox_bytes_max)
    return refuse(error_code::exhausted, std::to_string(own_.letters) + " messages (" + in_mib(own_.bytes)
                                           + ") wait for their recipients already: wait until some are delivered or expire");
  life = std::clamp(life, limits::letter_life_min, limits::letter_life_max);
  auto& numbering = numberings_[to];
  if (numbering.next == 0) numbering = {to, random_.next_u64(), 0};
  letter_header header{{keys_->id(), to, numbering.numbering}, numbering.next, numbering.next, at.wall, later(at.wall, life)};
  auto& state = lanes_[header.way];
  if (!state.letters.empty()) header.floor = std::min(header.floor, state.letters.begin()->first);
  if (!state.being_written.empty()) header.floor = std::min(header.floor, *state.being_written.begin());
  auto sealed = seal_letter(header, {box, std::move(body)}, *keys_, random_);
  if (!sealed) {
    forget_empty(header.way);
    return refuse(sealed.why().code, sealed.why().message);
  }
  ++numbering.next;
  state.being_written.insert(header.number);
  parcel record{header.way, header.number, sealed->size(), header.sent, header.expires, std::move(box), {}};
  own_.add(record.bytes);
  write_records batch{++tickets_, {}, {}};
  batch.put.emplace_back(key_of(numbering), encode(numbering));
  batch.put.emplace_back(key_of(record), encode(record));
  batch.put.emplace_back(letter_key(record.id()), std::move(*sealed));
  written_.emplace(batch.ticket, sending{token, std::move(record)});
  out.push_back(std::move(batch));
}

// ---- letters of others -------------------------------------------------------------------------------------------

void courier::hold(std::uint64_t token, const node_id& from, byte_view bytes, moment at, effects& out) {
  auto answer = [&](result<byte_string> what) { out.push_back(answer_request{token, std::move(what)}); };
  auto header = read_letter(bytes);
  if (!header) return answer(header.why());
  auto id = header->id();
  auto& way = header->way;
  auto* sender = roster_ ? roster_->find(from) : nullptr;
  if (way.sender != from || !sender || sender->as == identity::role::guest)
    return answer(error{error_code::not_a_member, "custody is for letters that a member of the namespace hands over itself"});
  if (way.recipient == keys_->id() || !is_member(way.recipient) || way.recipient == from)
    return answer(error{error_code::not_found, "custody is for letters to other members"});
  if (where_.contains(id)) return answer(byte_string{});
  if (hold_under_way_.contains(id)) return answer(error{error_code::stopped, "it is being written; ask again"});
  auto expires = std::min(header->expires, later(at.wall, limits::custody_life_max));
  if (expires <= at.wall) return answer(error{error_code::expired, "its life is over, by the calendar here"});
  auto of_sender = held_by_sender_.contains(from) ? held_by_sender_.at(from) : amount{};
  if (held_.letters >= limits::custody_letters_max || held_.bytes + bytes.size() > limits::custody_bytes_max
      || of_sender.letters >= limits::custody_letters_per_sender_max
      || of_sender.bytes + bytes.size() > limits::custody_bytes_per_sender_max)
    return answer(error{error_code::exhausted, "this node holds as many letters as it may"});
  parcel record{way, header->number, bytes.size(), header->sent, expires, {}, {}};
  held_.add(record.bytes);
  held_by_sender_[from].add(record.bytes);
  hold_under_way_.insert(id);
  write_records batch{++tickets_, {}, {}};
  batch.put.emplace_back(key_of(record), encode(record));
  batch.put.emplace_back(letter_key(id), to_bytes(bytes));
  written_.emplace(batch.ticket, holding{token, std::move(record)});
  out.push_back(std::move(batch));
}

void courier::settle(std::uint64_t token, const node_id& from, byte_view bytes, moment at, effects& out) {
  auto told = read_receipt(bytes);
  if (!told) return out.push_back(answer_request{token, told.why()});
  if (!apply(*told, bytes, from, token, at, out)) out.push_back(answer_request{token, byte_string{}});
}

// ---- ends --------------------------------------------------------------------------------------------------------

bool courier::apply(const receipt& told, byte_view bytes, const node_id& from, std::optional<std::uint64_t> token, moment at,
                    effects& out) {
  auto found = lanes_.find(told.way);
  if (found == lanes_.end()) return false;
  ending what{told.way, {}, {}, {}, token};
  wall_time expires{};
  std::set<node_id> hearers;
  if (!is_own(told.way)) hearers.insert(told.way.sender);
  for (auto& [number, letter] : found->second.letters) {
    if (letter.ending || !told.received.contains(number)) continue;
    what.numbers.push_back(number);
    expires = std::max(expires, letter.record.expires);
    hearers.insert(letter.record.custodians.begin(), letter.record.custodians.end());
  }
  if (what.numbers.empty()) return false;
  hearers.erase(from);
  if (untold_.size() < limits::receipts_to_tell_max)
    for (auto& each : hearers) what.to_tell.push_back({{told.way, each}, {each, to_bytes(bytes), expires}});
  auto way = told.way;
  end_all(way, std::move(what), letter_end::delivered, {}, at, out);
  return true;
}

void courier::end(const lane& way, std::uint64_t number, letter_end how, std::string why, moment at, effects& out) {
  end_all(way, ending{way, {number}, {}, {}, {}}, how, why, at, out);
}

void courier::end_all(const lane& way, ending&& what, letter_end how, const std::string& why, moment at, effects& out) {
  auto& state = lanes_.at(way);
  write_records batch{++tickets_, {}, {}};
  for (auto number : what.numbers) {
    auto& letter = state.letters.at(number);
    letter.ending = true;
    auto id = letter.record.id();
    batch.remove.push_back(key_of(letter.record));
    batch.remove.push_back(letter_key(id));
    if (!is_own(way)) continue;
    ended_letter ended{way.recipient,       way.numbering,      number, letter.record.box, how, why,
                       letter.record.bytes, letter.record.sent, at.wall};
    batch.put.emplace_back(ended_key(id), encode(ended));
    what.ended.emplace_back(id, std::move(ended));
  }
  for (auto& [which, each] : what.to_tell) batch.put.emplace_back(telling_key(which.second, way), encode(each));
  drop_oldest_ended(batch);
  written_.emplace(batch.ticket, std::move(what));
  out.push_back(std::move(batch));
}

void courier::drop_oldest_ended(write_records& batch) {
  while (ended_.size() >= limits::ended_letters_max) {
    auto oldest =
      std::min_element(ended_.begin(), ended_.end(), [](auto& a, auto& b) { return a.second.ended < b.second.ended; });
    batch.remove.push_back(ended_key(oldest->first));
    ended_.erase(oldest);
  }
}

void courier::end_expired(moment at, effects& out) {
  if (!first_expiry_ || *first_expiry_ > at.wall) return;
  first_expiry_.reset();
  auto remember = [&](wall_time when) { first_expiry_ = first_expiry_ ? std::min(*first_expiry_, when) : when; };
  std::vector<std::pair<lane, std::uint64_t>> late;
  for (auto& [way, state] : lanes_)
    for (auto& [number, letter] : state.letters) {
      if (letter.record.expires > at.wall || letter.ending)
        remember(std::max(letter.record.expires, later(at.wall, limits::letter_life_min)));
      else
        late.emplace_back(way, number);
    }
  for (auto& [way, number] : late) end(way, number, letter_end::expired, "nobody fetched it in its life", at, out);
  for (auto each = untold_.begin(); each != untold_.end();) {
    auto next = std::next(each);
    if (each->second.record.expires <= at.wall && !each->second.busy)
      remove_untold(each, out);
    else
      remember(std::max(each->second.record.expires, later(at.wall, limits::letter_life_min)));
    each = next;
  }
}

void courier::note(write_records&& batch, effects& out) {
  batch.ticket = ++tickets_;
  out.push_back(std::move(batch));
}

void courier::remove_untold(std::map<untold_key, untold>::iterator which, effects& out) {
  note({0, {}, {telling_key(which->first.second, which->first.first)}}, out);
  untold_.erase(which);
}

bool courier::on_written(std::uint64_t ticket, const result<void>& done, moment at, effects& out) {
  auto held = written_.extract(ticket);
  if (!held) return false;
  std::visit(overloaded{
               [&](sending& was) {
                 auto way = was.record.way;
                 lanes_[way].being_written.erase(was.record.number);
                 auto id = was.record.id();
                 if (done) {
                   add(std::move(was.record), at.now);
                   out.push_back(send_answered{was.token, id});
                 } else {
                   own_.subtract(was.record.bytes);
                   forget_empty(way);
                   out.push_back(send_answered{was.token, done.why()});
                 }
               },
               [&](holding& was) {
                 hold_under_way_.erase(was.record.id());
                 if (done) {
                   add(std::move(was.record), at.now);
                   return out.push_back(answer_request{was.token, byte_string{}});
                 }
                 held_.subtract(was.record.bytes);
                 auto& of_sender = held_by_sender_[was.record.way.sender];
                 of_sender.subtract(was.record.bytes);
                 if (of_sender.letters == 0) held_by_sender_.erase(was.record.way.sender);
                 out.push_back(answer_request{was.token, done.why()});
               },
               [&](ending& was) {
                 auto lane_at = lanes_.find(was.way);
                 if (lane_at == lanes_.end()) return;
                 if (!done) {
                   for (auto each : was.numbers)
                     if (auto letter = lane_at->second.letters.find(each); letter != lane_at->second.letters.end())
                       letter->second.ending = false;
                   back_off(lane_at->second, done.why(), at.now);
                   if (was.token) out.push_back(answer_request{*was.token, done.why()});
                   return;
                 }
                 for (auto each : was.numbers) drop(lane_at, each);
                 forget_empty(was.way);
                 for (auto& [id, each] : was.ended) ended_[id] = std::move(each);
                 for (auto& [which, each] : was.to_tell) {
                   first_expiry_ = first_expiry_ ? std::min(*first_expiry_, each.expires) : each.expires;
                   auto& told = untold_[which];
                   told.record = std::move(each);
                   told.next_try = at.now;
                 }
                 if (was.token) out.push_back(answer_request{*was.token, byte_string{}});
               },
             },
             held.mapped());
  advance(at, out);
  return true;
}

// ---- what people see ---------------------------------------------------------------------------------------------

letter_status courier::status_of(const lane& way, const lane_state& state, const waiting& letter) const {
  letter_status out;
  out.id = letter.record.id();
  out.to = way.recipient;
  out.box = letter.record.box;
  out.reachable = !is_off(way, state, letter.record);
  out.custodians = letter.record.custodians.size();
  out.why = state.why;
  out.sent = letter.record.sent;
  out.expires = letter.record.expires;
  return out;
}

result<letter_status> courier::status(const letter_id& id) const {
  if (auto found = where_.find(id); found != where_.end() && is_own(found->second.first)) {
    auto& state = lanes_.at(found->second.first);
    return status_of(found->second.first, state, state.letters.at(found->second.second));
  }
  auto ended = ended_.find(id);
  if (ended == ended_.end())
    return error{error_code::not_found, "no message " + to_string(id) + " was sent from here lately: see glow mailboxes"};
  auto& was = ended->second;
  letter_status out{id, was.recipient, was.box, letter_state::delivered, false, 0, was.why, was.sent, {}, was.ended};
  if (was.end == letter_end::expired) out.state = letter_state::expired;
  if (was.end == letter_end::refused) out.state = letter_state::refused;
  return out;
}

std::vector<letter_status> courier::list() const {
  std::vector<letter_status> out;
  for (auto& [way, state] : lanes_)
    if (is_own(way))
      for (auto& [number, letter] : state.letters) out.push_back(status_of(way, state, letter));
  std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.sent < b.sent; });
  auto waiting_count = static_cast<std::ptrdiff_t>(out.size());
  for (auto& [id, each] : ended_) out.push_back(*status(id));
  std::stable_sort(out.begin() + waiting_count, out.end(), [](auto& a, auto& b) { return a.ended > b.ended; });
  return out;
}

bool courier::is_at_rest(const letter_id& id, moment at) const {
  auto found = where_.find(id);
  if (found == where_.end()) return true;
  auto& state = lanes_.at(found->second.first);
  auto& letter = state.letters.at(found->second.second);
  if (letter.ending || letter.handing || state.busy || !is_off(found->second.first, state, letter.record)) return false;
  return letter.record.custodians.size() >= limits::custodians_max || custody_candidates(letter.record, at.now).empty();
}

} // namespace glow::mail
