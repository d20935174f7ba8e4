#include "runtime/link/liveness.hpp"

#include "runtime/link/limits.hpp"

#include <algorithm>

namespace glow::link {
namespace {

constexpr int probes_max = 4;
/// A handshake, a request, an exchange of routes are none: their ends would cost a ping each.
constexpr int flow_heard_min = 16;
/// Assumed while nothing was measured.
constexpr duration rtt_unmeasured = 300ms;
/// A full packet each way at 9600 bit/s, and one that was queued before it.
constexpr duration rtt_slow_min = 3s;

/// The next whole beat after `t`: links of one node wake it together.
steady_time beat_after(steady_time t) {
  auto beats = t.time_since_epoch() / limits::link_beat + 1;
  return steady_time{std::chrono::duration_cast<steady_time::duration>(beats * limits::link_beat)};
}

} // namespace

duration liveness::round_trip(duration measured) const {
  if (pace_ == pace::slow) return std::max(measured, rtt_slow_min);
  return measured > 0ns ? measured : rtt_unmeasured;
}

duration liveness::patience(duration rtt) const { return pace_ == pace::local ? 100ms : round_trip(rtt) + 100ms; }

duration liveness::probe_interval(duration rtt) const {
  return pace_ == pace::local ? 50ms : (2 * round_trip(rtt) + 400ms) / probes_max;
}

void liveness::on_sent(steady_time now, duration rtt, duration answer_pause) {
  const auto at = now + patience(rtt) + answer_pause;
  if (!next_probe_ || (probes_ == 0 && at < *next_probe_)) next_probe_ = at;
}

void liveness::on_heard(steady_time now, duration rtt) {
  in_a_row_ = now - heard_at_ < patience(rtt) ? std::min(in_a_row_ + 1, flow_heard_min) : 1;
  heard_at_ = now;
  next_probe_.reset();
  if (in_a_row_ == flow_heard_min) next_probe_ = now + patience(rtt);
  probes_ = 0;
}

void liveness::doubt(steady_time now) {
  if (!next_probe_ || probes_ == 0) next_probe_ = now;
}

liveness::advice liveness::on_tick(steady_time now, duration rtt) {
  if (now < next_tick()) return advice::nothing;
  if (!next_probe_) { // the idle beat: an ordinary ping, doubted only when its answer stays out
    next_probe_ = now + patience(rtt);
    return advice::probe;
  }
  if (probes_ >= probes_max) return advice::dead;
  ++probes_;
  next_probe_ = now + probe_interval(rtt);
  return advice::probe;
}

steady_time liveness::next_tick() const {
  if (next_probe_) return *next_probe_;
  return beat_after(heard_at_ + (leads_ ? limits::link_beat / 2 : 2 * limits::link_beat));
}

} // namespace glow::link
