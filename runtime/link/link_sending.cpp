/// The part of link_machine that sends: packets and frames, sealed, whole or in pieces.
#include "runtime/link/limits.hpp"
#include "runtime/link/link_machine.hpp"

namespace glow::link {
namespace {

/// A link that has carried less need not know whether it could carry records: a probe is as long as one.
constexpr std::uint64_t worth_a_record_probe_bytes = 16 * limits::record_body_bytes_max;

} // namespace

void link_machine::send(effects& out, byte_string datagram) {
  if (!datagram.empty()) add_datagram(out, std::move(datagram), 0);
}

/// Whatever is longer than the runs' datagrams would be taken for a run.
void link_machine::add_datagram(effects& out, byte_string datagram, std::size_t headroom) {
  const auto bytes = datagram.size() - headroom;
  if (outgoing_headroom_ != headroom || (outgoing_run_bytes_ != 0 && bytes > outgoing_run_bytes_)) flush(out);
  outgoing_headroom_ = headroom;
  outgoing_longest_ = std::max(outgoing_longest_, bytes);
  outgoing_.push_back(std::move(datagram));
}

void link_machine::add_run(effects& out, byte_string run, std::size_t run_bytes) {
  if (outgoing_headroom_ != 0 || outgoing_longest_ > run_bytes || (outgoing_run_bytes_ != 0 && outgoing_run_bytes_ != run_bytes))
    flush(out);
  outgoing_headroom_ = 0;
  outgoing_run_bytes_ = run_bytes;
  outgoing_.push_back(std::move(run));
}

void link_machine::send_frame(effects& out, const frame& what, steady_time now) {
  auto bytes = encode(what);
  session_->seal(datagram_type::sealed_frame, bytes, now);
  estimates_.on_bytes_sent(bytes.size());
  send_sealed(out, std::move(bytes), 0);
}

std::uint32_t link_machine::send_ping(effects& out, steady_time now) {
  auto number = estimates_.on_ping_sent(now);
  records_.on_ping_sent(number, estimates_.bytes_sent());
  send_frame(out, ping_numbered(number, now), now);
  mtu_.on_ping_sent(number, estimates_.rtt(), now);
  return number;
}

void link_machine::send_record_probe(effects& out, steady_time now) {
  auto probe = ping_numbered(records_.on_probe_sent(now), now);
  probe.padding_bytes = records_.cut_bytes_max() - encode(frame{probe}).size();
  send_frame(out, probe, now);
}

void link_machine::send_sealed(effects& out, byte_string sealed, std::size_t headroom) {
  const auto bytes = sealed.size() - headroom;
  const bool in_pieces = bytes > mtu_.datagram_bytes();
  mtu_.on_sent(bytes, mtu_.is_long(in_pieces ? piece_bytes() : bytes));
  if (in_pieces) return add_run(out, cut_record(byte_view{sealed}.subspan(headroom), piece_bytes()), piece_bytes());
  if (headroom > 0 && !config_.keeps_headroom) {
    sealed.erase(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(headroom));
    headroom = 0;
  }
  add_datagram(out, std::move(sealed), headroom);
}

std::optional<datagram_type> link_machine::form_of(std::size_t packet_bytes, sealing seal) const {
  if (agreed_on(feature_compact) && packet_bytes <= one_datagram()) return std::nullopt;
  if (seal == sealing::head && agreed_on(feature_heads) && packet_bytes >= sealed_head_bytes) return datagram_type::sealed_head;
  if (seal == sealing::label && agreed_on(feature_labels) && packet_bytes >= sealed_label_bytes)
    return datagram_type::sealed_label;
  return datagram_type::sealed_packet;
}

effects link_machine::on_packets_to_send(packet_batch packets, steady_time now, expectation expects, sealing seal, bool shared) {
  effects out;
  if (shared) estimates_.on_shared_load(now);
  if (phase_ != phase::up) {
    const auto waiting_before = before_up_.size();
    const auto offered = packets.size();
    if (phase_ == phase::handshaking || phase_ == phase::idle)
      for (auto& each : packets.take())
        if (before_up_.size() < limits::packets_before_up_max) before_up_.push_back(std::move(each));
    counters_.dropped_not_up += offered - (before_up_.size() - waiting_before);
    return out;
  }
  const auto headroom = packets.headroom();
  auto all = packets.take_with_headroom();
  auto longest = std::max(one_datagram(), records_.cut_bytes_max());
  std::size_t bytes = 0;
  std::size_t sealed = 0;
  outgoing_.reserve(all.size());
  for (auto& each : all) {
    if (each.size() <= headroom || each.size() - headroom > longest) continue;
    const auto form = form_of(each.size() - headroom, seal);
    const auto begin = form ? session_->seal(*form, each, now, headroom) : session_->seal_compact(each, now, headroom);
    bytes += each.size() - begin;
    ++sealed;
    send_sealed(out, std::move(each), begin);
  }
  counters_.dropped_too_long += all.size() - sealed;
  counters_.packets_out += sealed;
  if (sealed == 0 && !shared) return out;
  estimates_.on_bytes_sent(bytes);
  if (sealed > 0) last_packet_at_ = now;
  if ((shared || estimates_.bytes_sent() >= worth_a_record_probe_bytes)
      && records_.wants_probe(estimates_.link_class() == "local", now))
    send_record_probe(out, now);
  probe_path(out, now);
  if (liveness_ && sealed > 0 && expects != expectation::nothing) {
    if (estimates_.worth_measuring(now, expects == expectation::traffic)) (void)send_ping(out, now);
    liveness_->on_sent(now, estimates_.rtt(), expects == expectation::answer ? limits::answer_pause_max : 0ns);
  }
  return finish(std::move(out));
}

} // namespace glow::link
