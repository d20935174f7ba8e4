#include "runtime/stream/outbox.hpp"

#include "runtime/stream/limits.hpp"
#include "runtime/stream/varint.hpp"

#include <algorithm>

namespace glow::stream {
namespace {

/// A fragment shorter than this is not worth its head, unless the packet would stay empty.
constexpr std::size_t fragment_bytes_worthwhile = 64;
/// Four varint bytes hold no more; nobody waits for twelve days.
constexpr std::int64_t timeout_ms_max = (1 << 30) - 1;

std::uint64_t timeout_left_ms(steady_time deadline, steady_time now) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(left, 0, timeout_ms_max));
}

} // namespace

bool outbox::message::is_small() const { return body.size() <= limits::stream_small_message_bytes; }

result<std::uint64_t> outbox::add_request(std::uint16_t method, byte_string body, steady_time deadline) {
  if (body.size() > limits::message_bytes_max) return error{error_code::exhausted, "request is longer than a message may be"};
  if (requests_ - requests_started_ >= limits::stream_requests_queued_max
      || held_bytes_ + body.size() > limits::stream_held_bytes_max)
    return error{error_code::exhausted, "too many requests to this node wait for their answer; try again when some are done"};
  message out;
  out.kind = message_kind::request;
  out.id = next_id_++;
  out.code = method;
  out.deadline = deadline;
  out.body = std::move(body);
  auto id = out.id;
  add(std::move(out));
  return id;
}

void outbox::add_answer(std::uint64_t id, result<byte_string> answer) {
  if (answer && answer->size() > limits::message_bytes_max)
    answer = error{error_code::exhausted, "answer is longer than a message may be"};
  if (answer && held_bytes_ + answer->size() > limits::stream_held_bytes_max)
    answer = error{error_code::exhausted, "too many answers wait for delivery on the answering node"};
  message out;
  out.id = id;
  if (answer) {
    out.kind = message_kind::response;
    out.body = std::move(*answer);
  } else {
    out.kind = message_kind::failure;
    out.code = static_cast<std::uint32_t>(answer.why().code);
    auto text = as_bytes(answer.why().message);
    out.body = to_bytes(text.first(std::min(text.size(), limits::stream_error_text_bytes_max)));
  }
  add(std::move(out));
}

void outbox::add(message what) {
  auto key = key_of(what.kind, what.id);
  if (messages_.contains(key)) return;
  held_bytes_ += what.body.size();
  bool is_request = what.kind == message_kind::request;
  auto& held = messages_.emplace(key, std::move(what)).first->second;
  if (is_request) {
    ++requests_;
    waiting_requests_.push_back(key);
    start_requests();
  } else {
    start(key, held);
  }
}

void outbox::start_requests() {
  while (!waiting_requests_.empty() && requests_started_ < limits::stream_requests_outstanding_max) {
    auto key = waiting_requests_.front();
    waiting_requests_.pop_front();
    auto found = messages_.find(key);
    if (found == messages_.end()) continue;
    found->second.started = true;
    ++requests_started_;
    start(key, found->second);
  }
}

void outbox::start(std::uint64_t key, const message& what) {
  (what.is_small() ? waiting_small_ : waiting_long_).push_back(key);
  admit();
}

void outbox::admit() {
  while (!waiting_small_.empty() && active_small_ < limits::stream_small_messages_active_max) {
    auto key = waiting_small_.front();
    waiting_small_.pop_front();
    auto found = messages_.find(key);
    if (found == messages_.end()) continue;
    found->second.active = true;
    ++active_small_;
    enqueue(key, found->second);
  }
  while (!waiting_long_.empty() && active_long_ < limits::stream_long_messages_active_max) {
    auto key = waiting_long_.front();
    auto found = messages_.find(key);
    if (found != messages_.end()) {
      auto bytes = found->second.body.size();
      if (active_long_bytes_ + bytes > limits::stream_long_bytes_active_max) return;
      found->second.active = true;
      ++active_long_;
      active_long_bytes_ += bytes;
      enqueue(key, found->second);
    }
    waiting_long_.pop_front();
  }
}

void outbox::enqueue(std::uint64_t key, message& what) {
  if (what.queued || !what.active || !what.has_data()) return;
  what.queued = true;
  (what.is_small() ? small_ : long_).push_back(key);
}

void outbox::leave_active(message& what) {
  if (!what.active) return;
  what.active = false;
  if (what.is_small()) {
    --active_small_;
  } else {
    --active_long_;
    active_long_bytes_ -= what.body.size();
  }
}

void outbox::erase(std::uint64_t key) {
  auto found = messages_.find(key);
  if (found == messages_.end()) return;
  auto& what = found->second;
  leave_active(what);
  held_bytes_ -= what.body.size();
  if (what.kind == message_kind::request) --requests_;
  if (what.started) --requests_started_;
  messages_.erase(found);
  start_requests();
  admit();
}

bool outbox::finish_request(std::uint64_t id) {
  auto key = key_of(message_kind::request, id);
  if (!messages_.contains(key)) return false;
  erase(key);
  return true;
}

std::vector<std::uint64_t> outbox::unanswered() const {
  std::vector<std::uint64_t> ids;
  for (auto& [key, what] : messages_)
    if (what.kind == message_kind::request) ids.push_back(what.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

outbox::message* outbox::next_message(std::uint64_t& key) {
  for (;;) {
    bool take_long = small_.empty() || (small_in_a_row_ >= limits::stream_small_packets_in_a_row && !long_.empty());
    auto& queue = take_long ? long_ : small_;
    if (queue.empty()) return nullptr;
    key = queue.front();
    auto found = messages_.find(key);
    if (found != messages_.end() && found->second.has_data()) return &found->second;
    if (found != messages_.end()) found->second.queued = false;
    queue.pop_front();
  }
}

bool outbox::has_data() {
  std::uint64_t key = 0;
  return !cancels_.empty() || next_message(key) != nullptr;
}

std::size_t outbox::pending_bytes(std::size_t enough) const {
  std::size_t sum = cancels_.size() * 9;
  for (auto* queue : {&small_, &long_})
    for (auto key : *queue) {
      if (sum >= enough) return enough;
      if (auto found = messages_.find(key); found != messages_.end()) sum += found->second.body.size() + message_head_bytes_max;
    }
  return std::min(sum, enough);
}

void outbox::write_frames(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried, steady_time now) {
  while (!cancels_.empty() && packet.size() + 9 <= packet_bytes) {
    append_cancel(packet, {cancels_.front()});
    carried.push_back({cancels_.front(), 0, 0, fragment::kind::cancel, false});
    cancels_.pop_front();
  }
  std::uint64_t key = 0;
  while (auto* what = next_message(key)) {
    bool is_small = what->is_small();
    if (!write_fragment(packet, packet_bytes, key, *what, carried, now)) return;
    auto& queue = is_small ? small_ : long_;
    small_in_a_row_ = is_small ? small_in_a_row_ + 1 : 0;
    // a long message goes to the end of its queue: the next packet is another one's
    queue.pop_front();
    what->queued = false;
    enqueue(key, *what);
    if (is_small && what->queued && small_.size() > 1) { // a small one stays in front until it is through
      small_.pop_back();
      small_.push_front(key);
    }
  }
}

bool outbox::write_fragment(byte_string& packet, std::size_t packet_bytes, std::uint64_t key, message& what,
                            std::vector<fragment>& carried, steady_time now) {
  bool again = !what.lost.empty();
  auto begin = again ? what.lost.ranges().front().begin : what.fresh;
  auto end = again ? what.lost.ranges().front().end : what.span();
  message_frame head{what.kind, what.id, what.code, 0, what.body.size(), begin, {}};
  if (what.kind == message_kind::request) head.timeout_ms = timeout_left_ms(what.deadline, now);
  auto room = packet_bytes - std::min(packet_bytes, packet.size());
  auto head_bytes = message_head_bytes(head, std::min<std::size_t>(room, end - begin));
  if (room <= head_bytes) return false;
  auto length = std::min<std::uint64_t>(room - head_bytes, end - begin);
  if (length < std::min<std::uint64_t>(end - begin, fragment_bytes_worthwhile) && !carried.empty()) return false;
  if (!what.body.empty()) head.bytes = byte_view{what.body}.subspan(begin, length);
  append_message(packet, head);
  carried.push_back({key, begin, static_cast<std::uint32_t>(length), fragment::kind::message, false});
  if (again)
    what.lost.erase(begin, begin + length);
  else
    what.fresh = begin + length;
  return true;
}

void outbox::on_acknowledged(const fragment& what) {
  if (what.what == fragment::kind::cancel) return;
  auto found = messages_.find(what.key);
  if (found == messages_.end()) return;
  auto& held = found->second;
  held.acknowledged.insert(what.offset, what.offset + what.length);
  held.lost.erase(what.offset, what.offset + what.length);
  if (held.delivered || !held.acknowledged.covers(0, held.span())) return;
  held.delivered = true;
  if (held.kind != message_kind::request) {
    erase(what.key);
    return;
  }
  leave_active(held);
  admit();
}

void outbox::on_lost(const fragment& what) {
  if (what.what == fragment::kind::cancel) {
    if (cancels_.size() < limits::stream_requests_queued_max) cancels_.push_back(what.key);
    return;
  }
  auto found = messages_.find(what.key);
  if (found == messages_.end() || found->second.delivered) return;
  auto& held = found->second;
  for (auto& gap : held.acknowledged.gaps(what.offset, what.offset + what.length)) held.lost.insert(gap.begin, gap.end);
  enqueue(what.key, held);
}

void outbox::on_peer_restarted() {
  for (auto* queue : {&waiting_requests_, &waiting_small_, &waiting_long_, &small_, &long_, &cancels_}) queue->clear();
  for (auto at = messages_.begin(); at != messages_.end();) {
    auto& what = at->second;
    if (what.kind != message_kind::request) {
      held_bytes_ -= what.body.size();
      at = messages_.erase(at);
      continue;
    }
    what.acknowledged.clear();
    what.lost.clear();
    what.fresh = 0;
    what.started = what.active = what.queued = what.delivered = false;
    ++at;
  }
  active_small_ = active_long_ = active_long_bytes_ = requests_started_ = 0;
  for (auto id : unanswered()) waiting_requests_.push_back(key_of(message_kind::request, id));
  start_requests();
}

} // namespace glow::stream
