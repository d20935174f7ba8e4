#include "runtime/stream/reassembly.hpp"

#include "runtime/stream/limits.hpp"
#include "runtime/stream/outbox.hpp"

#include <algorithm>

namespace glow::stream {

bool reassembly::is_unwanted(const message_frame& fragment) const {
  return fragment.kind == message_kind::request ? known_requests_.contains(fragment.id) : !awaited_(fragment.id);
}

bool reassembly::add(const message_frame& fragment, steady_time now, std::optional<inbound_message>& whole) {
  if (is_unwanted(fragment)) return true;
  constexpr auto timeout_ms_max =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::stream_request_timeout_max).count();
  duration timeout = std::chrono::milliseconds{std::min<std::uint64_t>(fragment.timeout_ms, timeout_ms_max)};
  auto key = key_of(fragment.kind, fragment.id);
  auto found = partial_.find(key);

  if (found == partial_.end()) {
    if (fragment.bytes.size() == fragment.total) { // whole in one piece: no bookkeeping
      whole = inbound_message{fragment.kind, fragment.id, fragment.code, timeout, to_bytes(fragment.bytes)};
      if (fragment.kind == message_kind::request) remember(fragment.id);
      return true;
    }
    if (partial_.size() >= limits::stream_inbound_messages_max || held_bytes_ + fragment.total > limits::stream_inbound_bytes_max)
      return false;
    found = partial_.emplace(key, partial{}).first;
    auto& fresh = found->second;
    fresh.message = {fragment.kind, fragment.id, fragment.code, timeout, {}};
    fresh.message.body.resize(fragment.total);
    fresh.expires = fragment.kind == message_kind::request ? now + timeout : steady_time::max();
    held_bytes_ += fragment.total;
  }

  auto& held = found->second;
  if (held.message.body.size() != fragment.total || held.message.kind != fragment.kind || held.message.code != fragment.code)
    return true;
  std::copy(fragment.bytes.begin(), fragment.bytes.end(),
            held.message.body.begin() + static_cast<std::ptrdiff_t>(fragment.offset));
  held.received.insert(fragment.offset, fragment.offset + fragment.bytes.size());
  if (!held.received.covers(0, fragment.total)) return true;
  whole = std::move(held.message);
  held.message.body.resize(0);
  held_bytes_ -= fragment.total;
  partial_.erase(found);
  if (whole->kind == message_kind::request) remember(whole->id);
  return true;
}

void reassembly::erase(std::unordered_map<std::uint64_t, partial>::iterator at) {
  held_bytes_ -= at->second.message.body.size();
  partial_.erase(at);
}

void reassembly::remember(std::uint64_t request_id) {
  known_requests_.insert(request_id, request_id + 1);
  if (known_requests_.ranges().size() > limits::stream_known_id_ranges_max) known_requests_.close_lowest_gap();
}

void reassembly::drop_request(std::uint64_t id) {
  if (auto found = partial_.find(key_of(message_kind::request, id)); found != partial_.end()) erase(found);
  remember(id);
}

void reassembly::expire(steady_time now) {
  for (auto at = partial_.begin(); at != partial_.end();) {
    auto next = std::next(at);
    auto& message = at->second.message;
    bool answer_unwanted = message.kind != message_kind::request && !awaited_(message.id);
    if (at->second.expires <= now || answer_unwanted) erase(at);
    at = next;
  }
}

std::optional<steady_time> reassembly::wake_at() const {
  std::optional<steady_time> first;
  for (auto& [key, each] : partial_)
    if (each.expires != steady_time::max() && (!first || each.expires < *first)) first = each.expires;
  return first;
}

void reassembly::on_peer_restarted() {
  partial_.clear();
  held_bytes_ = 0;
  known_requests_.clear();
}

} // namespace glow::stream
