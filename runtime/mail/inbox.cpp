#include "runtime/mail/inbox.hpp"

#include "runtime/mail/limits.hpp"

namespace glow::mail {

void inbox::restore(const any_record& record) {
  if (auto* each = std::get_if<received_of>(&record)) received_[{each->sender, each->numbering}].record = *each;
  if (auto* each = std::get_if<kept_letter>(&record)) {
    last_arrival_ = std::max(last_arrival_, each->arrival);
    auto& of_sender = by_sender_[each->from];
    ++of_sender.letters, of_sender.bytes += each->bytes, bytes_ += each->bytes;
    kept_[each->arrival].record = *each;
  }
}

byte_string inbox::receipt_of(const lane& way) const {
  receipt told{way, {}};
  if (auto found = received_.find({way.sender, way.numbering}); found != received_.end())
    told.received = found->second.record.received;
  return sign_receipt(told, *keys_);
}

result<void> inbox::has_room_for(const node_id& sender, std::uint64_t bytes) const {
  auto found = by_sender_.find(sender);
  auto of_sender = found == by_sender_.end() ? amount{} : found->second;
  // what is being written counts from the moment when it lies there: at most one letter per numbering goes over
  if (kept_.size() >= limits::inbox_letters_max || bytes_ + bytes > limits::inbox_bytes_max
      || of_sender.letters >= limits::inbox_letters_per_sender_max
      || of_sender.bytes + bytes > limits::inbox_bytes_per_sender_max)
    return error{error_code::exhausted, "the recipient's boxes are full: somebody has to fetch messages there (glow recv)"};
  return {};
}

void inbox::forget_oldest_numbering(const node_id& sender, write_records& batch) {
  auto oldest = received_.end();
  std::size_t count = 0;
  for (auto each = received_.lower_bound({sender, 0}); each != received_.end() && each->first.first == sender; ++each) {
    ++count;
    if (!each->second.writing && (oldest == received_.end() || each->second.record.last < oldest->second.record.last))
      oldest = each;
  }
  if (count < limits::numberings_per_sender_max || oldest == received_.end()) return;
  batch.remove.push_back(key_of(oldest->second.record));
  received_.erase(oldest);
}

void inbox::receive(std::uint64_t token, byte_view bytes, moment at, effects& out) {
  auto answer = [&](result<byte_string> what) { out.push_back(answer_request{token, std::move(what)}); };
  auto header = read_letter(bytes);
  if (!header) return answer(header.why());
  auto& way = header->way;
  if (way.recipient != keys_->id()) return answer(error{error_code::malformed, "the letter is for another node"});
  if (!roster_ || !roster_->find(way.sender))
    return answer(error{error_code::not_a_member, "the letter's sender is no member of the namespace"});
  numbering_key key{way.sender, way.numbering};
  auto found = received_.find(key);
  if (found != received_.end() && found->second.record.received.contains(header->number)) return answer(receipt_of(way));
  // its mark is written with those of all letters before it, so there is one such write at a time
  if (found != received_.end() && found->second.writing)
    return answer(error{error_code::stopped, "another letter of that sender is being written; try again"});
  auto content = open_letter(bytes, *keys_);
  if (!content) return answer(content.why());
  if (auto room = has_room_for(way.sender, content->body.size()); !room) return answer(room.why());
  write_records batch{++tickets_, {}, {}};
  if (found == received_.end()) forget_oldest_numbering(way.sender, batch);
  auto& state = received_[key];
  received_of received{way.sender, way.numbering, state.record.received, at.wall};
  received.received.insert({0, header->floor});
  received.received.insert(header->number);
  if (received.received.ranges().size() > limits::number_ranges_max)
    return answer(error{error_code::exhausted, "too many letters before this one are still on their way"});
  state.writing = true;
  if (found == received_.end()) state.record = {way.sender, way.numbering, {}, at.wall};
  kept_letter record{++last_arrival_,         way.sender,   way.numbering, header->number,
                     std::move(content->box), header->sent, at.wall,       content->body.size()};
  batch.put.emplace_back(key_of(received), encode(received));
  batch.put.emplace_back(key_of(record), encode(record));
  batch.put.emplace_back(body_key(record.arrival), std::move(content->body));
  written_.emplace(batch.ticket, receiving{token, std::move(received), std::move(record)});
  out.push_back(std::move(batch));
}

void inbox::tell_receipt(std::uint64_t token, byte_view asked, effects& out) const {
  auto way = read_question(asked, keys_->id());
  out.push_back(answer_request{token, way ? result<byte_string>{receipt_of(*way)} : result<byte_string>{way.why()}});
}

bool inbox::on_written(std::uint64_t ticket, const result<void>& done, effects& out) {
  auto held = written_.extract(ticket);
  if (!held) return false;
  if (auto* was = std::get_if<receiving>(&held.mapped())) {
    auto& record = was->record;
    auto& state = received_[{record.from, record.numbering}];
    state.writing = false;
    if (!done) {
      out.push_back(answer_request{was->token, done.why()});
      return true;
    }
    state.record = std::move(was->received);
    auto& of_sender = by_sender_[record.from];
    ++of_sender.letters, of_sender.bytes += record.bytes, bytes_ += record.bytes;
    lane way{record.from, keys_->id(), record.numbering};
    auto arrival = record.arrival;
    kept_[arrival].record = std::move(record);
    out.push_back(answer_request{was->token, receipt_of(way)});
    return true;
  }
  auto& was = std::get<removing>(held.mapped());
  auto letter = kept_.find(was.arrival);
  if (letter != kept_.end() && done) {
    auto of_sender = by_sender_.find(letter->second.record.from);
    --of_sender->second.letters, of_sender->second.bytes -= letter->second.record.bytes;
    if (of_sender->second.letters == 0) by_sender_.erase(of_sender);
    bytes_ -= letter->second.record.bytes;
    kept_.erase(letter);
  } else if (letter != kept_.end()) {
    letter->second.leaving = false;
  }
  out.push_back(removal_answered{was.lease, done});
  return true;
}

std::optional<kept_letter> inbox::take(const std::string& box, std::uint64_t lease, steady_time now) {
  kept* oldest = nullptr;
  for (auto& [arrival, each] : kept_) {
    if (each.record.box != box || each.leaving) continue;
    if (each.lease != 0 && now - each.leased_at < limits::mail_lease) continue;
    if (!oldest) oldest = &each;
    // by way of a custodian a later letter may have come sooner
    if (each.record.from == oldest->record.from && each.record.numbering == oldest->record.numbering
        && each.record.number < oldest->record.number)
      oldest = &each;
  }
  if (!oldest) return std::nullopt;
  oldest->lease = lease;
  oldest->leased_at = now;
  return oldest->record;
}

void inbox::end_take(std::uint64_t lease, bool remove, effects& out) {
  for (auto& [arrival, each] : kept_) {
    if (each.lease != lease || each.leaving) continue;
    each.lease = 0;
    if (!remove) return;
    each.leaving = true;
    write_records batch{++tickets_, {}, {key_of(each.record), body_key(arrival)}};
    written_.emplace(batch.ticket, removing{lease, arrival});
    out.push_back(std::move(batch));
    return;
  }
  if (remove)
    out.push_back(
      removal_answered{lease, error{error_code::not_found, "nobody holds that message any more: it stays in its box"}});
}

std::vector<box_summary> inbox::boxes() const {
  std::map<std::string, box_summary> by_name;
  for (auto& [arrival, each] : kept_) {
    if (each.leaving) continue;
    auto& box = by_name[each.record.box];
    if (box.letters == 0) box.name = each.record.box, box.oldest = each.record.received;
    ++box.letters;
    box.bytes += each.record.bytes;
  }
  std::vector<box_summary> out;
  for (auto& [name, each] : by_name) out.push_back(std::move(each));
  return out;
}

} // namespace glow::mail
