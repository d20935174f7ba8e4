#include "runtime/stream/peer.hpp"

#include "runtime/base/limits.hpp"

#include <algorithm>

namespace glow::stream {
namespace {

/// In front of a packet to a neighbour: the overlay's header, and that of the link's session.
constexpr std::size_t direct_headroom_bytes = 2 + link::sealed_header_bytes;
/// Nobody moves what goes farther: the session's header, the overlay's, and the link's.
constexpr std::size_t far_headroom_bytes = session_header_bytes + link::sealed_head_bytes + link::sealed_header_bytes;

constexpr std::array all_lanes{traffic_class::control, traffic_class::interactive, traffic_class::bulk};

std::uint32_t random_epoch(random_source& random) {
  for (;;)
    if (auto epoch = static_cast<std::uint32_t>(random.next_u64()); epoch != 0) return epoch;
}

} // namespace

conversation& peer::lane(traffic_class traffic, steady_time now, random_source& random) {
  auto& held = lanes_[lane_of(traffic)];
  if (!held) {
    held = std::make_unique<conversation>(traffic, random_epoch(random));
    held->set_path(path_of(traffic), now);
  }
  used_at_ = now;
  return *held;
}

const route* peer::route_of(traffic_class traffic) const {
  auto& own = routes_[lane_of(traffic)];
  auto& instead = routes_[lane_of(traffic_class::interactive)];
  if (!own && traffic == traffic_class::control && instead) return &*instead;
  return own ? &*own : nullptr;
}

std::optional<path> peer::path_of(traffic_class traffic) const {
  auto* over = route_of(traffic);
  if (!over) return {};
  path out;
  out.next = over->next;
  out.direct = over->next == id_;
  out.packet_bytes_max = std::min(over->packet_bytes_max, limits::frame_bytes_max);
  if (!out.direct) {
    if (!session_.is_up() || out.packet_bytes_max <= session_overhead_bytes) return {};
    out.packet_bytes_max -= session_overhead_bytes;
    out.session = session_.replaced();
  }
  if (out.packet_bytes_max < packet_bytes_min) return {};
  out.headroom = out.direct ? direct_headroom_bytes : far_headroom_bytes;
  auto& timed = routes_[lane_of(traffic_class::interactive)];
  if (timed && timed->next == over->next) out.latency = std::chrono::microseconds{timed->metric};
  return out;
}

void peer::update_paths(steady_time now) {
  for (auto traffic : all_lanes)
    if (auto* held = existing_lane(traffic))
      if (auto over = path_of(traffic); over != held->current_path()) held->set_path(over, now);
}

void peer::set_routes(const lane_routes& routes, steady_time now) {
  routes_ = routes;
  update_paths(now);
}

void peer::on_payloads(packet_batch payloads, bool direct, const session_terms& terms, steady_time now, random_source& random,
                       std::vector<event>& events, std::vector<send_payloads>& out) {
  if (direct) {
    read_packets(payloads.contents(), now, random, events);
    return;
  }
  far_session::output from;
  session_.on_datagrams(std::move(payloads), terms, now, random, from);
  for (auto& each : from.packets) read_packets(each.contents(), now, random, events);
  emit(from, out);
}

void peer::read_packets(const std::vector<byte_view>& packets, steady_time now, random_source& random,
                        std::vector<event>& events) {
  conversation_events from;
  for (auto& each : packets) {
    auto header = check_packet(each);
    if (!header) continue;
    lane(header->lane, now, random).on_packet(*header, each, now, from);
    for (auto& what : from) events.push_back({header->lane, std::move(what)});
    from.clear();
    tell_streams(header->lane, events);
  }
}

void peer::tell_streams(traffic_class traffic, std::vector<event>& events) {
  if (auto* held = existing_lane(traffic))
    for (auto& each : held->take_stream_events()) events.push_back({traffic, std::move(each)});
}

void peer::close_streams(const error& why, std::vector<event>& events) {
  for (auto traffic : all_lanes)
    if (auto* held = existing_lane(traffic)) {
      held->close_streams(why);
      tell_streams(traffic, events);
    }
}

void peer::on_tick(steady_time now, random_source& random, std::vector<event>& events, std::vector<send_payloads>& out) {
  far_session::output from;
  session_.on_tick(now, random, from);
  for (auto& each : from.packets) read_packets(each.contents(), now, random, events);
  emit(from, out);
  for (auto traffic : all_lanes)
    if (auto* held = existing_lane(traffic)) {
      held->on_tick(now);
      tell_streams(traffic, events);
    }
}

bool peer::wants_session(steady_time now) const {
  for (auto traffic : all_lanes) {
    auto& held = lanes_[lane_of(traffic)];
    auto* over = route_of(traffic);
    if (held && over && over->next != id_ && held->has_something_to_say(now)) return true;
  }
  return false;
}

void peer::flush(const session_terms& terms, steady_time now, random_source& random, std::vector<send_payloads>& out) {
  far_session::output from;
  bool unheard = false;
  for (auto& each : lanes_) unheard = unheard || (each && each->is_unheard() && !each->current_path()->direct);
  if (unheard)
    session_.reopen(terms, now, random, from);
  else if (!session_.is_open() && wants_session(now))
    session_.open(terms, now, random, from);
  emit(from, out);
  update_paths(now);
  for (auto traffic : all_lanes) {
    auto* held = existing_lane(traffic);
    if (!held || !held->has_path()) continue;
    std::vector<byte_string> packets;
    held->collect_packets(now, packets);
    if (packets.empty()) continue;
    packet_batch batch{std::move(packets), held->current_path()->headroom};
    if (held->current_path()->direct) {
      out.push_back({id_, traffic, true, std::move(batch)});
      continue;
    }
    far_session::output sealed;
    session_.seal(std::move(batch), now, random, sealed);
    for (auto& each : sealed.datagrams) out.push_back({id_, traffic, false, std::move(each)});
  }
}

void peer::close(const error& why, steady_time now, random_source& random, std::vector<send_payloads>& out) {
  far_session::output from;
  session_.close(why, now, random, from);
  emit(from, out);
}

void peer::emit(far_session::output& from, std::vector<send_payloads>& out) const {
  for (auto& each : from.datagrams) out.push_back({id_, traffic_class::interactive, false, std::move(each)});
  from.datagrams.clear();
}

std::optional<steady_time> peer::wake_at() const {
  auto first = session_.wake_at();
  auto consider = [&](std::optional<steady_time> when) {
    if (when && (!first || *when < *first)) first = when;
  };
  for (auto& each : lanes_)
    if (each) consider(each->wake_at());
  // what falls due later (an acknowledgement) wakes its lane then; here it would only spin until that time
  if (!session_.is_open() && wants_session(session_.next_attempt())) consider(session_.next_attempt());
  return first;
}

bool peer::is_idle() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](auto& each) { return !each || each->is_idle(); });
}

std::size_t peer::held_bytes() const {
  std::size_t sum = 0;
  for (auto& each : lanes_)
    if (each) sum += each->held_bytes();
  return sum;
}

} // namespace glow::stream
