#include "runtime/link/record_plan.hpp"

#include "runtime/link/records.hpp"

namespace glow::link {
namespace {

/// Share of the bytes that must be missing for a fall: half a percent of datagrams lost is this share of records.
constexpr double loss_to_fall = 0.05;
/// So much falls at once, less must be seen twice: a queue that overflows when a transfer starts is no property of the path.
constexpr double loss_to_fall_at_once = 0.5;
/// Loss of single datagrams at which the rest goes on.
constexpr double loss_to_rest = 0.003;
constexpr int bad_samples_needed = 2;

} // namespace

void record_plan::enable(std::size_t datagram_bytes_max) { record_bytes_ = record_packet_bytes_max(datagram_bytes_max); }

std::size_t record_plan::packet_bytes_max(std::size_t one_datagram) const {
  return offers_records() ? std::max(record_bytes_, one_datagram) : one_datagram;
}

bool record_plan::wants_probe(bool local, steady_time now) const {
  return is_enabled() && local && !offers_records() && now >= probe_at_;
}

std::uint32_t record_plan::on_probe_sent(steady_time now) {
  probe_at_ = now + probe_pause_;
  probe_pause_ = std::min<duration>(2 * probe_pause_, limits::record_probe_pause_max);
  probe_ = probe_bit | (probe_ + 1);
  return probe_;
}

void record_plan::on_ping_sent(std::uint32_t number, std::uint64_t bytes_sent) {
  if (is_enabled()) awaited_ = mark{number, bytes_sent, 0}; // the round trip of a local link is shorter than the pings' interval
}

bool record_plan::on_pong(std::uint32_t number, std::uint64_t bytes_arrived, bool local, steady_time now) {
  if (!is_enabled()) return false;
  if (is_probe(number)) {
    if (number != probe_ || offers_records() || !local) return false;
    now_ = state::records;
    bad_samples_ = 0;
    probe_pause_ = limits::record_probe_pause_min;
    return true;
  }
  if (offers_records() && !local) return rest(now), true;
  if (!awaited_ || awaited_->ping != number) return false;
  auto sent = awaited_->sent - counted_.sent;
  auto arrived = bytes_arrived - std::min(bytes_arrived, counted_.arrived);
  if (sent < limits::record_loss_sample_bytes) return awaited_.reset(), false;
  counted_ = {number, awaited_->sent, bytes_arrived};
  awaited_.reset();
  return on_loss(arrived >= sent ? 0 : 1 - static_cast<double>(arrived) / static_cast<double>(sent), now);
}

bool record_plan::on_loss(double share, steady_time now) {
  if (!offers_records()) {
    if (now_ == state::resting && share > loss_to_rest) probe_at_ = std::max(probe_at_, now + rest_pause_);
    return false;
  }
  bad_samples_ = share > loss_to_fall ? bad_samples_ + 1 : 0;
  if (share <= loss_to_fall_at_once && bad_samples_ < bad_samples_needed) return false;
  rest(now);
  return true;
}

void record_plan::rest(steady_time now) {
  bool again = rest_pause_ > 0ns && now - fell_at_ < 2 * limits::record_rest_max;
  rest_pause_ = again ? std::min<duration>(2 * rest_pause_, limits::record_rest_max) : limits::record_rest_min;
  fell_at_ = now;
  probe_at_ = now + rest_pause_;
  now_ = state::resting;
}

void record_plan::on_path_changed() {
  now_ = state::unproven;
  probe_at_ = {};
  probe_pause_ = limits::record_probe_pause_min;
  probe_ = probe_bit | (probe_ + 1); // what the old path still answers proves nothing
  awaited_.reset();
}

} // namespace glow::link
