#include "runtime/identity/discovery_plan.hpp"

#include "runtime/identity/limits.hpp"

#include <array>

namespace glow::identity {
namespace {

/// Pauses after each beacon of a burst: a lost datagram or a peer that starts in the same moment still meets one.
constexpr std::array<duration, 3> burst_pauses{100ms, 200ms, 400ms};

} // namespace

void discovery_plan::burst(steady_time now) {
  burst_step_ = 0;
  next_ = now;
  told_.clear(); // after a change of interfaces a known place is news again
}

discovery_plan::due_beacon discovery_plan::next_beacon(steady_time now) {
  if (now < next_) return {};
  bool in_burst = burst_step_ <= burst_pauses.size();
  next_ = now + (burst_step_ < burst_pauses.size() ? burst_pauses[burst_step_] : limits::beacon_pause_idle);
  if (in_burst) ++burst_step_;
  return {true, in_burst};
}

beacon_verdict discovery_plan::on_datagram(byte_view datagram, const std::string& from_host, const namespace_secret& secret,
                                           wall_time wall, steady_time now) {
  if (now - second_began_ >= 1s) {
    second_began_ = now;
    handled_this_second_ = 0;
  }
  if (++handled_this_second_ > limits::beacons_per_second_max) return {};
  auto heard = decode_beacon(datagram, secret, wall);
  if (!heard || heard->node == self_) return {};
  beacon_verdict out;
  if (heard->wants_answer && (!answered_ || now - last_answer_ >= limits::beacon_answer_pause)) {
    out.answer_now = true;
    answered_ = true;
    last_answer_ = now;
  }
  for (auto& port : heard->listening) {
    channel_uri uri{port.scheme, from_host, port.port, {}, {}};
    auto [at, fresh] = told_.try_emplace({heard->node, uri}, now);
    if (!fresh && now - at->second < limits::beacon_sighting_pause) continue;
    at->second = now;
    out.sightings.push_back({heard->node, std::move(uri)});
  }
  if (told_.size() > limits::beacon_sightings_max)
    std::erase_if(told_, [&](const auto& entry) { return now - entry.second >= limits::beacon_sighting_pause; });
  if (told_.size() > limits::beacon_sightings_max) told_.clear(); // a crowd: telling twice does no harm
  return out;
}

} // namespace glow::identity
