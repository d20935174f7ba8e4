// Streams of an endpoint: handles of this node's own, and the conversations they belong to.
#include "runtime/base/base32.hpp"
#include "runtime/stream/endpoint_machine.hpp"

namespace glow::stream {
namespace {

void set_handle(stream_event& event, std::uint64_t handle) {
  std::visit([&](auto& each) { each.stream = handle; }, event);
}

stream_key key_in(const stream_event& event) {
  return std::visit([](auto& each) { return each.stream; }, event);
}

} // namespace

result<stream_table::opened> endpoint_machine::open_stream(const node_id& to, traffic_class traffic, const stream_terms& terms,
                                                           steady_time now, endpoint_effects& out) {
  if (to == self_) {
    const auto caller = next_stream_++;
    const auto called = next_stream_++;
    local_streams_.join(caller, called);
    out.push_back(stream_told{self_, stream_arrived{called, terms.service, local_streams::writable()}});
    return stream_table::opened{caller, local_streams::writable()};
  }
  if (roster_ && !is_member(to))
    return error{error_code::not_a_member, "node " + to_short_string(to) + " is no member of this namespace"};
  auto* entry = entry_of(to, now);
  if (!entry) return error{error_code::exhausted, "too many nodes are being talked to at the same time"};
  if (traffic == traffic_class::bulk && !entry->state.is_reachable(traffic)
      && entry->state.is_reachable(traffic_class::interactive))
    return error{error_code::unreachable, "node " + name_of(to)
                                            + " is reachable only over links too slow for bulk data (glow links says why);"
                                              " without the class bulk the stream is taken"};
  auto made = entry->state.lane(traffic, now, random_).open_stream(terms, now);
  if (!made) return error{made.why().code, "node " + name_of(to) + ": " + made.why().message};
  const auto handle = next_stream_++;
  entry->streams[lane_of(traffic)].emplace(made->stream, handle);
  streams_.emplace(handle, stream_place{entry, traffic, made->stream});
  flush(*entry, now, out);
  return stream_table::opened{handle, made->writable};
}

conversation* endpoint_machine::lane_of_stream(std::uint64_t stream, stream_place& place) {
  auto found = streams_.find(stream);
  if (found == streams_.end()) return nullptr;
  place = found->second;
  return place.entry->state.existing_lane(place.lane);
}

endpoint_effects endpoint_machine::write_stream(std::uint64_t stream, std::vector<byte_string> bytes, bool end, steady_time now) {
  endpoint_effects out;
  if (local_streams_.contains(stream)) {
    std::vector<stream_event> events;
    local_streams_.write(stream, std::move(bytes), end, events);
    for (auto& each : events) out.push_back(stream_told{self_, std::move(each)});
    return out;
  }
  stream_place at;
  if (auto* lane = lane_of_stream(stream, at)) {
    lane->write_stream(at.key, std::move(bytes), end, now);
    flush(*at.entry, now, out);
  }
  return out;
}

endpoint_effects endpoint_machine::consume_stream(std::uint64_t stream, std::size_t bytes, steady_time now) {
  endpoint_effects out;
  if (local_streams_.contains(stream)) {
    std::vector<stream_event> events;
    local_streams_.consume(stream, bytes, events);
    for (auto& each : events) out.push_back(stream_told{self_, std::move(each)});
    return out;
  }
  stream_place at;
  if (auto* lane = lane_of_stream(stream, at)) {
    lane->consume_stream(at.key, bytes, now);
    flush(*at.entry, now, out);
  }
  return out;
}

endpoint_effects endpoint_machine::close_stream(std::uint64_t stream, const error& why, steady_time now) {
  endpoint_effects out;
  if (local_streams_.contains(stream)) {
    std::vector<stream_event> events;
    local_streams_.close(stream, why, events);
    for (auto& each : events) out.push_back(stream_told{self_, std::move(each)});
    return out;
  }
  stream_place at;
  if (auto* lane = lane_of_stream(stream, at)) {
    lane->close_stream(at.key, why);
    forget_stream(*at.entry, at.lane, at.key);
    flush(*at.entry, now, out);
  }
  return out;
}

void endpoint_machine::on_stream_event(peer_entry& entry, traffic_class lane, stream_event& event, endpoint_effects& out) {
  auto& handles = entry.streams[lane_of(lane)];
  const auto key = key_in(event);
  if (std::holds_alternative<stream_arrived>(event)) {
    const auto handle = next_stream_++;
    handles.emplace(key, handle);
    streams_.emplace(handle, stream_place{&entry, lane, key});
  }
  auto found = handles.find(key);
  if (found == handles.end()) return; // closed here a moment ago
  set_handle(event, found->second);
  if (std::holds_alternative<stream_over>(event)) forget_stream(entry, lane, key);
  out.push_back(stream_told{entry.state.id(), std::move(event)});
}

void endpoint_machine::forget_stream(peer_entry& entry, traffic_class lane, stream_key key) {
  auto node = entry.streams[lane_of(lane)].extract(key);
  if (!node.empty()) streams_.erase(node.mapped());
}

} // namespace glow::stream
