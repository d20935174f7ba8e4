// What the endpoint tells of its measurements.
#include "actors/endpoint/endpoint.hpp"

#include "runtime/base/base32.hpp"

namespace glow {
namespace {

using measure::family;
using measure::labels;

constexpr family requests_ended{"glow_endpoint_requests", "Requests of this node that ended, by traffic class and outcome."};
constexpr family request_times{"glow_endpoint_request_seconds", "From asking to the answer, by traffic class.", "seconds"};
constexpr family requests_waiting{"glow_endpoint_waiting_requests", "Requests of this node that wait for their answer."};
constexpr family served{"glow_endpoint_served_requests", "Requests of others that this node took on."};
constexpr family held{"glow_endpoint_held_bytes", "Bytes kept for a peer until it has acknowledged or asked for them.", "bytes"};
constexpr family sent{"glow_endpoint_packets_sent", "Packets to a peer."};
constexpr family acknowledged{"glow_endpoint_packets_acknowledged", "Packets that a peer confirmed."};
constexpr family lost{"glow_endpoint_packets_lost", "Packets that were given up as lost."};
constexpr family resent{"glow_endpoint_packets_resent", "Packets whose content went out again."};
constexpr family acks{"glow_endpoint_acks_received", "Acknowledgements of a peer."};
constexpr family window{"glow_endpoint_window_bytes", "Bytes that congestion control lets be under way.", "bytes"};
constexpr family in_flight{"glow_endpoint_in_flight_bytes", "Bytes that are under way.", "bytes"};
constexpr family rtt{"glow_endpoint_rtt_seconds", "Smoothed round trip to a peer, acknowledgements' delay deducted.", "seconds"};

constexpr std::array<const char*, stream::lane_count> class_names{"control", "interactive", "bulk"};

void expose_lane(measure::exposition& out, const labels& where, const stream::loss_recovery& of) {
  const auto& counted = of.counted();
  out.counter(sent, where, counted.packets_sent);
  out.counter(acknowledged, where, counted.packets_acknowledged);
  out.counter(lost, where, counted.packets_lost);
  out.counter(resent, where, counted.packets_resent);
  out.counter(acks, where, counted.acks_received);
  out.gauge(window, where, static_cast<double>(of.window().window_bytes()));
  out.gauge(in_flight, where, static_cast<double>(of.bytes_in_flight()));
  if (of.path_time().measured()) out.gauge(rtt, where, std::chrono::duration<double>(of.path_time().smoothed()).count());
}

} // namespace

void endpoint_state::expose(measure::exposition& out) const {
  if (!machine) return;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& of = requests[i];
    auto count = [&](const char* outcome, std::uint64_t value) {
      out.counter(requests_ended, {{"class", class_names[i]}, {"outcome", outcome}}, value);
    };
    count("answered", of.answered);
    count("timed_out", of.timed_out);
    count("unreachable", of.unreachable);
    count("failed", of.failed);
    out.times(request_times, {{"class", class_names[i]}}, of.times);
  }
  out.gauge(requests_waiting, {}, static_cast<double>(asked.size()));
  out.counter(served, {}, requests_served);
  for (const auto& peer : machine->figures()) {
    const labels whom{{"peer", peer.name}, {"peer_id", to_short_string(peer.id)}}; // names may be alike, samples may not
    out.gauge(held, whom, static_cast<double>(peer.held_bytes));
    for (std::size_t i = 0; i < peer.lanes.size(); ++i)
      if (peer.lanes[i]) expose_lane(out, {whom[0], whom[1], {"class", class_names[i]}}, *peer.lanes[i]);
  }
}

} // namespace glow
