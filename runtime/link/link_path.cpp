/// The part of link_machine that finds out how long its datagrams may be (path_mtu.hpp), and what follows from that.
#include "runtime/link/limits.hpp"
#include "runtime/link/link_machine.hpp"

namespace glow::link {
namespace {

std::uint64_t micros(steady_time t) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count());
}

std::uint32_t micros(duration d) { return static_cast<std::uint32_t>(std::clamp<std::int64_t>(d.count() / 1000, 0, UINT32_MAX)); }

} // namespace

ping_frame link_machine::ping_numbered(std::uint32_t number, steady_time now) const {
  return {number, micros(now), micros(estimates_.rtt())};
}

void link_machine::enable_path_lengths() {
  mtu_ = path_mtu{peer_->datagram_bytes_max};
  // a link that is declared slow has no bytes to spare for probes
  if (config_.liveness && config_.declared_class.empty()) mtu_.enable(peer_->datagram_bytes_ceiling);
  if ((peer_->features & feature_records) == 0 || record_pieces_max(peer_->datagram_bytes_max) == 0) return;
  joiner_.emplace();
  fit_records();
}

void link_machine::fit_records() {
  if (joiner_ && config_.on_link && !config_.reliable) records_.enable(piece_bytes());
}

void link_machine::probe_path(effects& out, steady_time now) {
  if (!mtu_.is_enabled() || (estimates_.link_class() != "local" && estimates_.link_class() != "wan")) return;
  if (mtu_.wants_probe(estimates_.bytes_sent(), estimates_.rtt(), now))
    send_path_probe(out, mtu_.on_probe_sent(estimates_.bytes_sent(), now), now);
}

/// Not among the bytes sent before it was answered: a lost one says nothing of loss.
void link_machine::send_path_probe(effects& out, std::uint32_t number, steady_time now) {
  auto probe = ping_numbered(number, now);
  probe.padding_bytes = path_mtu::length_of(number) - sealed_overhead_bytes - encode(frame{probe}).size();
  auto bytes = encode(frame{probe});
  session_->seal(datagram_type::sealed_frame, bytes, now);
  add_datagram(out, std::move(bytes), 0);
}

void link_machine::on_path_probe_answered(effects& out, std::uint32_t number, steady_time now) {
  if (!mtu_.on_probe_answered(number, now)) return;
  estimates_.on_bytes_sent(path_mtu::length_of(number));
  fit_records();
  emit(out, announce_changed{});
}

void link_machine::act_on(effects& out, const path_mtu::verdict& verdict, steady_time now) {
  if (verdict.shrank) {
    estimates_.excuse_missing_bytes(now);
    fit_records();
    emit(out, announce_changed{});
  }
  if (verdict.confirm_with == 0) return;
  for (unsigned i = 0; i < verdict.confirm_with; ++i) send_path_probe(out, mtu_.next_confirmation(), now);
  mtu_.on_doubted(send_ping(out, now));
}

} // namespace glow::link
