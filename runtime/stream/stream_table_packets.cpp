// What the streams of one conversation put into packets, and hear of them.
#include "runtime/stream/stream_table.hpp"

#include <algorithm>

namespace glow::stream {

void stream_table::enqueue(stream_key key, entry& stream) {
  if (stream.closing) return;
  if (!stream.lost_queued && stream.out.has_lost()) {
    stream.lost_queued = true;
    lost_ready_.push_back(key);
  }
  if (!stream.fresh_queued && stream.out.has_fresh()) {
    stream.fresh_queued = true;
    fresh_ready_[static_cast<std::size_t>(stream.priority)].push_back(key);
  }
}

bool stream_table::has_tail_only(std::size_t bytes) const {
  if (!notices_.empty() || !lost_ready_.empty()) return false;
  const std::deque<stream_key>* only = nullptr;
  for (auto& each : fresh_ready_) {
    if (each.empty()) continue;
    if (only || each.size() > 1) return false;
    only = &each;
  }
  if (!only) return false;
  auto at = streams_.find(only->front());
  return at != streams_.end() && !at->second->out.ended() && at->second->out.fresh_bytes() < bytes;
}

void stream_table::notice(stream_key key, bool& due) {
  if (due) return;
  due = true;
  notices_.push_back(key);
}

void stream_table::write_frames(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried) {
  while (!lost_ready_.empty()) {
    const auto key = lost_ready_.front();
    auto* stream = find(key);
    if (stream && !stream->closing && stream->out.has_lost()) {
      if (!write_piece(key, *stream, 0, packet, packet_bytes, carried)) return;
      if (stream->out.has_lost()) continue;
    }
    lost_ready_.pop_front();
    if (stream) stream->lost_queued = false;
  }
  while (credit_left() > 0) {
    auto* queue = next_queue();
    if (!queue) return;
    const auto key = queue->front();
    auto* stream = find(key);
    if (stream && !stream->closing && stream->out.has_fresh()
        && !write_piece(key, *stream, credit_left(), packet, packet_bytes, carried))
      return;
    // the next packet is another stream's
    queue->pop_front();
    if (!stream) continue;
    stream->fresh_queued = false;
    enqueue(key, *stream);
  }
}

/// The preferred priority with something to send; every now and then the one behind it, which must not starve.
std::deque<stream_key>* stream_table::next_queue() {
  std::deque<stream_key>* first = nullptr;
  for (auto& each : fresh_ready_) {
    if (each.empty()) continue;
    if (!first) {
      first = &each;
      if (preferred_in_a_row_ < limits::stream_small_packets_in_a_row) continue;
    } else if (preferred_in_a_row_ >= limits::stream_small_packets_in_a_row) {
      preferred_in_a_row_ = 0;
      return &each;
    }
  }
  ++preferred_in_a_row_;
  return first;
}

bool stream_table::write_piece(stream_key key, entry& stream, std::uint64_t credit, byte_string& packet, std::size_t packet_bytes,
                               std::vector<fragment>& carried) {
  constexpr std::size_t piece_bytes_worthwhile = 64;
  const auto room = packet_bytes - std::min(packet_bytes, packet.size());
  if (room <= stream_head_bytes(id_of(key), stream.out.written(), room)) return false;
  sending_stream::piece piece;
  if (!stream.out.next(room, credit, piece)) return true; // nothing now: not the packet's fault
  const auto head = stream_head_bytes(id_of(key), piece.offset, room);
  const auto most = room - head;
  if (most < std::min(piece.length, carried.empty() ? std::size_t{1} : piece_bytes_worthwhile)) return false;
  if (piece.length > most) {
    piece.length = most;
    piece.end = false;
  }
  append_stream_head(packet, {is_mine(key), piece.end, id_of(key), piece.offset, {}}, piece.length);
  stream.out.take(piece, packet);
  if (piece.fresh) sent_ += piece.length;
  carried.push_back({key, piece.offset, static_cast<std::uint32_t>(piece.length), fragment::kind::stream, piece.end});
  return true;
}

void stream_table::write_notices(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried) {
  while (!notices_.empty()) {
    if (!write_notice(notices_.front(), packet, packet_bytes, carried)) return;
    notices_.pop_front();
  }
}

bool stream_table::write_notice(stream_key key, byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried) {
  const auto room = packet_bytes - std::min(packet_bytes, packet.size());
  if (key == credit_notice) {
    if (room < credit_bytes_max) return false;
    append_credit(packet, {own_credit_});
    carried.push_back({key, 0, 0, fragment::kind::credit, false});
    return true;
  }
  auto* stream = find(key);
  if (!stream) return true;
  if (stream->close_due) {
    close_frame close{is_mine(key), id_of(key), static_cast<std::uint32_t>(stream->why.code), stream->out.sent_to(), {}};
    const auto text = as_bytes(stream->why.message);
    close.text = text.first(std::min(text.size(), limits::stream_close_text_bytes_max));
    if (close_bytes(close) > room) close.text = {};
    if (close_bytes(close) > room) return false;
    append_close(packet, close);
    carried.push_back({key, 0, 0, fragment::kind::close, false});
    stream->close_due = stream->window_due = false;
    return true;
  }
  if (!stream->window_due) return true;
  if (room < window_bytes_max) return false;
  append_window(packet, {is_mine(key), id_of(key), stream->in.limit()});
  carried.push_back({key, 0, 0, fragment::kind::window, false});
  stream->window_due = false;
  return true;
}

void stream_table::on_acknowledged(const fragment& what, steady_time now) {
  auto* stream = find(what.key);
  if (!stream) return;
  stream->heard = true;
  stream->progress_at = now;
  if (what.what == fragment::kind::close) {
    stream->close_acknowledged = true;
  } else if (what.what == fragment::kind::stream && !stream->closing) {
    const auto held = stream->out.held_bytes();
    stream->out.on_acknowledged(what.offset, what.length, what.end);
    held_bytes_ -= held - stream->out.held_bytes();
    grant(what.key, *stream);
  }
  erase_if_over(what.key, *stream);
}

void stream_table::on_lost(const fragment& what) {
  if (what.what == fragment::kind::credit) {
    if (std::find(notices_.begin(), notices_.end(), credit_notice) == notices_.end()) notices_.push_front(credit_notice);
    return;
  }
  auto* stream = find(what.key);
  if (!stream) return;
  switch (what.what) {
  case fragment::kind::close:
    if (!stream->close_acknowledged) notice(what.key, stream->close_due);
    return;
  case fragment::kind::window:
    if (!stream->closing && !stream->in.is_final()) notice(what.key, stream->window_due);
    return;
  default:
    if (stream->closing) return;
    stream->out.on_lost(what.offset, what.length, what.end);
    enqueue(what.key, *stream);
  }
}

} // namespace glow::stream
