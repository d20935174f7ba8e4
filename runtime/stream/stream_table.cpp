#include "runtime/stream/stream_table.hpp"

#include "runtime/stream/varint.hpp"

#include <algorithm>
#include <cassert>

namespace glow::stream {
namespace {

/// A writer hears of room when so much of it has come together.
constexpr std::size_t grants_per_write_ahead = 4;

} // namespace

// ---- the application ------------------------------------------------------------------------------------------------

result<stream_table::opened> stream_table::open(const stream_terms& terms, steady_time now) {
  if (terms.service.empty() || terms.service.size() > limits::stream_service_name_bytes_max)
    return error{error_code::usage,
                 "a service's name has 1 to " + std::to_string(limits::stream_service_name_bytes_max) + " bytes"};
  if (streams_.size() >= limits::stream_open_max)
    return error{error_code::exhausted, "too many streams to this node are open: close some"};
  const auto key = key_of(true, next_id_++);
  auto& stream = *streams_.emplace(key, std::make_unique<entry>()).first->second;
  byte_string greeting;
  append_varint(greeting, terms.service.size());
  append(greeting, as_bytes(terms.service));
  stream.writable_to = greeting.size() + write_ahead();
  stream.priority = terms.priority;
  stream.patience = terms.patience;
  stream.greeted = true;
  stream.progress_at = now;
  if (terms.opening_patience > duration::zero()) arm_patience(key, stream, now + terms.opening_patience);
  const auto writable = static_cast<std::size_t>(stream.writable_to - greeting.size());
  std::vector<byte_string> first;
  first.push_back(std::move(greeting));
  write(key, std::move(first), false, now);
  return opened{key, writable};
}

void stream_table::write(stream_key key, std::vector<byte_string> bytes, bool end, steady_time now) {
  auto* stream = find(key);
  if (!stream || stream->closing || stream->out.ended()) return;
  if (stream->out.held_bytes() == 0) {
    stream->progress_at = now;
    if (stream->heard && stream->patience > duration::zero()) arm_patience(key, *stream, now + stream->patience);
  }
  for (auto& each : bytes) {
    held_bytes_ += each.size();
    stream->out.write(std::move(each));
  }
  if (end) stream->out.end();
  enqueue(key, *stream);
}

void stream_table::consume(stream_key key, std::size_t bytes, steady_time now, duration rtt) {
  auto* stream = find(key);
  if (!stream || stream->closing) return;
  const auto before = stream->in.consumed();
  const bool tell = stream->in.consume(bytes, now, rtt);
  count_consumed(stream->in.consumed() - before);
  if (tell) notice(key, stream->window_due);
}

void stream_table::close(stream_key key, const error& why) {
  auto* stream = find(key);
  if (!stream || stream->closing) return;
  begin_closing(key, *stream, why);
}

void stream_table::close_all(const error& why) {
  for (auto& [key, stream] : streams_)
    if (stream->greeted && !stream->closing) events_.push_back(stream_over{key, why});
  auto events = std::move(events_);
  const auto next = next_id_;
  *this = stream_table{};
  events_ = std::move(events);
  next_id_ = next;
}

void stream_table::on_peer_restarted(const error& why) {
  stream_map unheard;
  for (auto at = streams_.begin(); at != streams_.end();) {
    auto& [key, stream] = *at;
    const bool keep = is_mine(key) && !stream->heard && stream->in.highest() == 0 && !stream->closing;
    auto next = std::next(at);
    if (keep) unheard.insert(streams_.extract(at));
    at = next;
  }
  auto patience = std::move(patience_);
  const auto window = window_bytes_;
  close_all(why);
  window_bytes_ = window;
  std::erase_if(patience, [&](auto& each) { return !unheard.contains(each.second); });
  patience_ = std::move(patience);
  streams_ = std::move(unheard);
  for (auto& [key, stream] : streams_) {
    stream->out.begin_anew();
    stream->lost_queued = stream->fresh_queued = stream->window_due = false;
    held_bytes_ += stream->out.held_bytes();
    enqueue(key, *stream);
  }
}

// ---- the peer -------------------------------------------------------------------------------------------------------

stream_table::entry* stream_table::find(stream_key key) {
  auto found = streams_.find(key);
  return found == streams_.end() ? nullptr : found->second.get();
}

/// Null: a stream that is over (the frame is late), or, when `refused`, one too many.
stream_table::entry* stream_table::find_or_make(stream_key key, steady_time now, bool& refused) {
  if (auto* held = find(key)) return held;
  if (is_mine(key) || known_.contains(id_of(key))) return nullptr;
  if (streams_.size() >= limits::stream_open_max) {
    refused = true;
    return nullptr;
  }
  known_.insert(id_of(key), id_of(key) + 1);
  while (known_.ranges().size() > limits::stream_known_id_ranges_max) known_.close_lowest_gap();
  auto& made = *streams_.emplace(key, std::make_unique<entry>()).first->second;
  made.writable_to = write_ahead();
  made.progress_at = now;
  return &made;
}

bool stream_table::on_stream(const stream_frame& told, steady_time now) {
  const auto key = key_of(!told.mine, told.id);
  bool refused = false;
  auto* stream = find_or_make(key, now, refused);
  if (!stream) return !refused;
  const auto highest = stream->in.highest();
  const bool was_complete = stream->in.is_complete();
  if (const auto to = told.offset + told.bytes.size(); to > highest && arrived_ + (to - highest) > own_credit_) return false;
  std::vector<byte_string> bytes;
  const auto verdict = stream->in.add(told.offset, told.bytes, told.end, bytes, segments_);
  if (verdict == receiving_stream::verdict::beyond) return false;
  arrived_ += stream->in.highest() - highest;
  if (verdict == receiving_stream::verdict::broken) {
    if (!stream->closing) {
      const error why{error_code::malformed, "the other node contradicted itself about where the stream ends"};
      if (stream->greeted) events_.push_back(stream_over{key, why});
      begin_closing(key, *stream, why);
    }
    return true;
  }
  if (stream->closing) {
    stream->in.drop(segments_);
    count_consumed(stream->in.highest() - highest);
    erase_if_over(key, *stream);
    return true;
  }
  if (!stream->greeted) greet(key, *stream, bytes);
  if (!stream->greeted || stream->closing) return true;
  const bool ends = stream->in.is_complete() && !was_complete;
  if (!bytes.empty() || ends) events_.push_back(stream_received{key, std::move(bytes), ends});
  erase_if_over(key, *stream);
  return true;
}

/// Takes the name of the service off the beginning.
void stream_table::greet(stream_key key, entry& stream, std::vector<byte_string>& bytes) {
  for (auto& each : bytes) append(stream.greeting, each);
  bytes.clear();
  std::size_t at = 0;
  std::uint64_t length = 0;
  const bool known = read_varint(stream.greeting, at, length);
  const bool wrong = known && (length == 0 || length > limits::stream_service_name_bytes_max);
  if (wrong || (stream.in.is_complete() && (!known || stream.greeting.size() - at < length)))
    return begin_closing(key, stream, {error_code::malformed, "the stream does not begin with the name of a service"});
  if (!known || stream.greeting.size() - at < length) return;
  const auto name = byte_view{stream.greeting}.subspan(at, length);
  stream.greeted = true;
  stream.in.consume(at + length, {}, {});
  count_consumed(at + length);
  events_.push_back(stream_arrived{key, to_text(name), static_cast<std::size_t>(stream.writable_to)});
  if (stream.greeting.size() > at + length)
    bytes.push_back({stream.greeting.begin() + static_cast<std::ptrdiff_t>(at + length), stream.greeting.end()});
  stream.greeting = {};
}

void stream_table::on_window(const window_frame& told) {
  const auto key = key_of(!told.mine, told.id);
  if (auto* stream = find(key)) {
    stream->out.raise_limit(told.limit);
    enqueue(key, *stream);
  }
}

bool stream_table::on_close(const close_frame& told) {
  const auto key = key_of(!told.mine, told.id);
  bool refused = false;
  auto* stream = find_or_make(key, {}, refused);
  if (!stream) return !refused;
  const auto highest = stream->in.highest();
  if (!stream->in.finish_at(told.final_size)) stream->in.finish_at(highest);
  arrived_ += stream->in.highest() - highest;
  if (!stream->closing) {
    auto code = static_cast<error_code>(told.code);
    if (told.code > static_cast<unsigned>(error_code::stopped)) code = error_code::failed;
    const error why{code, to_text(told.text)};
    if (stream->greeted) events_.push_back(stream_over{key, why});
    begin_closing(key, *stream, {error_code::none, {}});
  } else {
    count_consumed(stream->in.highest() - highest);
  }
  erase_if_over(key, *stream);
  return true;
}

void stream_table::on_credit(const credit_frame& told) { credit_ = std::max(credit_, told.limit); }

/// The peer must hear where our direction ended, whoever gave the stream up.
void stream_table::begin_closing(stream_key key, entry& stream, error why) {
  stream.closing = true;
  stream.why = std::move(why);
  held_bytes_ -= stream.out.held_bytes();
  stream.out.drop();
  stream.in.drop(segments_);
  stream.greeting = {};
  count_consumed(stream.in.highest() - stream.in.consumed());
  notice(key, stream.close_due);
}

void stream_table::erase_if_over(stream_key key, entry& stream) {
  if (stream.closing) {
    if (!stream.close_acknowledged || !stream.in.is_final()) return;
  } else {
    if (!stream.out.is_delivered() || !stream.in.is_complete()) return;
    count_consumed(stream.in.highest() - stream.in.consumed());
    events_.push_back(stream_over{key, {error_code::none, {}}});
  }
  streams_.erase(key);
}

void stream_table::count_consumed(std::uint64_t bytes) {
  consumed_ += bytes;
  const bool due = own_credit_ - consumed_ <= limits::stream_credit_bytes * 3 / 4;
  if (!due) return;
  own_credit_ = consumed_ + limits::stream_credit_bytes;
  if (std::find(notices_.begin(), notices_.end(), credit_notice) == notices_.end()) notices_.push_front(credit_notice);
}

// ---- bounds and time ------------------------------------------------------------------------------------------------

std::size_t stream_table::write_ahead() const {
  const auto wanted = std::clamp(2 * window_bytes_, limits::stream_write_ahead_min, limits::stream_write_ahead_max);
  const auto share = limits::stream_write_ahead_total / std::max<std::size_t>(1, streams_.size());
  return std::min(wanted, std::max(share, limits::stream_write_ahead_share_min));
}

void stream_table::grant(stream_key key, entry& stream) {
  if (stream.out.ended()) return;
  const auto ahead = write_ahead();
  const auto to = stream.out.acknowledged_to() + ahead;
  if (to < stream.writable_to + ahead / grants_per_write_ahead) return;
  events_.push_back(stream_writable{key, static_cast<std::size_t>(to - stream.writable_to)});
  stream.writable_to = to;
}

void stream_table::arm_patience(stream_key key, entry& stream, steady_time at) {
  if (stream.patience_armed) return;
  stream.patience_armed = true;
  patience_.emplace(at, key);
}

void stream_table::on_tick(steady_time now) {
  while (!patience_.empty() && patience_.begin()->first <= now) {
    const auto key = patience_.begin()->second;
    patience_.erase(patience_.begin());
    auto* stream = find(key);
    if (!stream || stream->closing) continue;
    stream->patience_armed = false;
    if (stream->heard) {
      if (stream->patience == duration::zero() || stream->out.held_bytes() == 0) continue;
      if (const auto due = stream->progress_at + stream->patience; due > now) {
        arm_patience(key, *stream, due);
        continue;
      }
    }
    const error why{error_code::timed_out, stream->heard ? "the other node has not been heard for too long"
                                                         : "the other node did not answer in time: is it up? (glow nodes)"};
    if (stream->greeted) events_.push_back(stream_over{key, why});
    begin_closing(key, *stream, why);
  }
}

std::optional<steady_time> stream_table::wake_at() const {
  if (patience_.empty()) return {};
  return patience_.begin()->first;
}

} // namespace glow::stream
