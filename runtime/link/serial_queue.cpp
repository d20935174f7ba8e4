#include "runtime/link/serial_queue.hpp"

#include <algorithm>

namespace glow::link {

serial_queue::serial_queue(std::size_t bytes_per_second)
  : bytes_per_second_{std::max<std::size_t>(bytes_per_second, 1)}, piece_bytes_{serial_piece_bytes_for(bytes_per_second)} {
  auto in_time = bytes_per_second * static_cast<std::size_t>(limits::serial_queue_time / 1ms) / 1000;
  waiting_bytes_max_ = std::clamp(in_time, limits::serial_queue_bytes_min, limits::serial_queue_bytes_max);
}

void serial_queue::drop_oldest_of(std::deque<entry>& from, bool keep_begun) {
  auto oldest = from.begin() + (keep_begun && from.front().next > 0 ? 1 : 0);
  waiting_bytes_ -= oldest->bytes;
  from.erase(oldest);
  ++dropped_;
}

void serial_queue::make_room(std::size_t bytes) {
  // what has half left already is finished; long ones are what fills the line
  while (waiting_bytes_ + bytes > waiting_bytes_max_) {
    if (long_.size() > 1 || (!long_.empty() && long_.front().next == 0))
      drop_oldest_of(long_, true);
    else if (!short_.empty())
      drop_oldest_of(short_, false);
    else
      return;
  }
}

void serial_queue::push(byte_view datagram) {
  auto frames = serial_frames(datagram, number_, piece_bytes_);
  if (frames.empty()) return;
  ++number_;
  make_room(datagram.size());
  auto& queue = frames.size() == 1 ? short_ : long_;
  queue.push_back({std::move(frames), 0, datagram.size()});
  waiting_bytes_ += datagram.size();
}

byte_string serial_queue::take_from(std::deque<entry>& from) {
  auto& first = from.front();
  auto out = std::move(first.frames[first.next++]);
  if (first.next < first.frames.size()) return out;
  waiting_bytes_ -= first.bytes;
  from.pop_front();
  return out;
}

std::optional<steady_time> serial_queue::next_take() const {
  if (short_.empty() && long_.empty()) return {};
  return line_free_ - std::chrono::duration_cast<steady_time::duration>(limits::serial_lead);
}

std::optional<byte_string> serial_queue::take(steady_time now) {
  auto when = next_take();
  if (!when || now < *when) return {};
  bool is_long = short_.empty() || (!long_.empty() && passed_ >= limits::serial_passing_max);
  passed_ = is_long ? 0 : passed_ + 1;
  auto out = take_from(is_long ? long_ : short_);
  auto on_wire = std::chrono::nanoseconds{std::int64_t{1'000'000'000} * static_cast<std::int64_t>(out.size())
                                          / static_cast<std::int64_t>(bytes_per_second_)};
  line_free_ = std::max(line_free_, now) + on_wire;
  return out;
}

} // namespace glow::link
