#include "runtime/link/link_machine.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/link/limits.hpp"

namespace glow::link {
namespace {

constexpr duration timer_slack = 5ms;

} // namespace

link_machine::link_machine(link_config config)
  : config_{std::move(config)}, estimates_{config_.on_link, config_.declared_class, config_.declared_why, config_.rate_bps} {}

// ---- effects ----------------------------------------------------------------------------------------------------

void link_machine::flush(effects& out) {
  if (!delivered_.empty()) out.push_back(deliver_packets{packet_batch{std::exchange(delivered_, {}), delivered_headroom_}});
  if (!outgoing_.empty())
    out.push_back(send_datagrams{packet_batch{std::exchange(outgoing_, {}), outgoing_headroom_},
                                 std::exchange(outgoing_run_bytes_, std::size_t{0})});
  outgoing_longest_ = 0;
}

void link_machine::emit(effects& out, effect what) {
  flush(out); // what was opened and sent before this keeps its place
  out.push_back(std::move(what));
}

effects link_machine::finish(effects out) {
  flush(out);
  if (phase_ == phase::gone) return out;
  if (auto next = next_tick(); next < armed_) {
    armed_ = next;
    out.push_back(wake_at{next});
  }
  return out;
}

void link_machine::end(effects& out, error why) {
  if (phase_ == phase::gone) return;
  emit(out, give_up{std::move(why)});
  phase_ = phase::gone;
  attempts_.clear();
  session_.reset(); // keys go with it
  admission_out_.reset();
}

// ---- inputs -----------------------------------------------------------------------------------------------------

effects link_machine::on_datagrams_from(channel_key channel, packet_batch datagrams, steady_time now, random_source& random,
                                        std::size_t run_bytes) {
  effects out;
  const auto headroom = datagrams.headroom();
  auto all = datagrams.take_with_headroom();
  delivered_.reserve(all.size());
  for (auto& each : all) {
    if (phase_ == phase::gone || phase_ == phase::idle) break;
    if (run_bytes != 0 && each.size() > run_bytes)
      on_run(out, channel, each, run_bytes, now, random);
    else
      on_datagram(out, channel, {std::move(each), headroom}, now, random);
  }
  if (phase_ == phase::up && estimates_.worth_telling(now)) emit(out, announce_changed{});
  return finish(std::move(out));
}

/// Pieces are read where they lie.
void link_machine::on_run(effects& out, channel_key channel, byte_view run, std::size_t run_bytes, steady_time now,
                          random_source& random) {
  for (auto& datagram : datagrams_of(run, run_bytes)) {
    if (phase_ == phase::gone || phase_ == phase::idle) return;
    if (is_piece(type_of(datagram)) && receiver_index_of(datagram) == config_.session_index)
      on_piece(out, channel, datagram, now);
    else
      on_datagram(out, channel, {to_bytes(datagram), 0}, now, random);
  }
}

void link_machine::on_datagram(effects& out, channel_key channel, roomy whole, steady_time now, random_source& random) {
  const auto datagram = whole.content();
  auto type = type_of(datagram);
  if (!type) return void(++counters_.rejected_foreign);
  if (*type == datagram_type::handshake_1) return on_handshake_1(out, datagram, now, random);
  if (*type == datagram_type::compact_packet) return on_compact(out, channel, std::move(whole), now);
  if (receiver_index_of(datagram) != config_.session_index) return void(++counters_.rejected_foreign);
  switch (*type) {
  case datagram_type::handshake_1:
  case datagram_type::compact_packet: return;
  case datagram_type::handshake_2: return on_handshake_2(out, datagram, now, random);
  case datagram_type::handshake_3: return on_handshake_3(out, datagram, now);
  case datagram_type::cookie_reply: return on_cookie(out, datagram);
  case datagram_type::sealed_head:
  case datagram_type::sealed_label:
  case datagram_type::sealed_packet:
  case datagram_type::sealed_frame: return on_sealed(out, channel, std::move(whole), *type, now);
  case datagram_type::piece_of_packet:
  case datagram_type::piece_of_head:
  case datagram_type::piece_of_label:
  case datagram_type::piece_of_frame: return on_piece(out, channel, datagram, now);
  }
}

bool link_machine::takes(datagram_type type) const {
  if (type == datagram_type::sealed_head) return (config_.features & feature_heads) != 0;
  if (type == datagram_type::sealed_label) return (config_.features & feature_labels) != 0;
  return true;
}

/// No index tells whose it is: the link's own channel does.
void link_machine::on_compact(effects& out, channel_key channel, roomy datagram, steady_time now) {
  if (!session_ || channel != config_.channel || !agreed_on(feature_compact)) return void(++counters_.rejected_foreign);
  const auto bytes = datagram.content().size();
  if (!session_->open_compact_in_place(datagram.bytes, datagram.headroom)) {
    count_rejected(session_->last_was_replay());
    if (session_->compact_forgeries() >= limits::compact_forgeries_max)
      end(out, {error_code::failed, "too many datagrams on the line to " + whom() + " were forged, or noise"});
    return;
  }
  estimates_.on_bytes_received(bytes);
  datagram.headroom += compact_header_bytes;
  on_opened(out, channel, std::move(datagram), datagram_type::sealed_packet, now);
}

/// Only on the link's own channel: the first whole datagram tells that the peer roamed, and nobody else need be let in.
void link_machine::on_piece(effects& out, channel_key channel, byte_view piece, steady_time now) {
  if (!joiner_ || !session_ || channel != config_.channel || !session_->may_open(read_le<std::uint32_t>(piece.data() + 5)))
    return;
  auto whole = joiner_->on_piece(piece, now);
  if (!whole) return;
  const auto type = static_cast<datagram_type>((*whole)[0]);
  on_sealed(out, channel, {std::move(*whole), 0}, type, now);
}

void link_machine::on_sealed(effects& out, channel_key channel, roomy datagram, datagram_type type, steady_time now) {
  if (!takes(type)) return void(++counters_.rejected_foreign);
  auto bytes = datagram.content().size();
  bool has_unproven = std::any_of(attempts_.begin(), attempts_.end(), [](auto& each) { return each.unproven.has_value(); });
  if (session_) {
    // a failed open spoils its bytes: copy only where somebody else may still open them
    auto copy = has_unproven ? datagram : roomy{};
    if (session_->open_in_place(datagram.bytes, datagram.headroom)) {
      estimates_.on_bytes_received(bytes);
      datagram.headroom += sealed_header_bytes;
      return on_opened(out, channel, std::move(datagram), type, now);
    }
    if (!has_unproven) return count_rejected(session_->last_was_replay());
    datagram = std::move(copy);
  }
  if (has_unproven && open_under_unproven(out, datagram, type, now)) {
    estimates_.on_bytes_received(bytes);
    if (session_) on_opened(out, channel, std::move(datagram), type, now);
  } else if (phase_ != phase::gone) {
    count_rejected(session_ && session_->last_was_replay());
  }
}

/// The first datagram that opens under new keys proves that the peer holds them, too.
bool link_machine::open_under_unproven(effects& out, roomy& datagram, datagram_type type, steady_time now) {
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    if (!attempts_[i].unproven) continue;
    auto copy = datagram;
    if (!attempts_[i].unproven->open_in_place(copy.bytes, copy.headroom)) continue;
    datagram = std::move(copy);
    datagram.headroom += sealed_header_bytes;
    if (type == datagram_type::sealed_frame) { // a close frame as first word is a refusal, not an agreement
      auto first = decode_frame(datagram.content());
      if (first && std::holds_alternative<close_frame>(*first)) {
        on_closed_by_peer(out, std::get<close_frame>(*first).why);
        return false;
      }
    }
    auto proven = std::move(attempts_[i]);
    if (config_.join_with)
      start_admitting(out, std::move(proven), now);
    else
      become_up(out, std::move(proven), now);
    return true;
  }
  return false;
}

void link_machine::on_opened(effects& out, channel_key channel, roomy plain, datagram_type type, steady_time now) {
  if (liveness_) liveness_->on_heard(now, estimates_.rtt());
  if (was_silent_) {
    was_silent_ = false;
    emit(out, announce_changed{});
  }
  if (channel != config_.channel && session_->last_was_newest()) {
    config_.channel = channel;
    estimates_.on_path_changed();
    records_.on_path_changed();
    mtu_.on_path_changed();
    fit_records();
    emit(out, move_channel{channel});
  }
  if (type == datagram_type::sealed_frame) return on_frame(out, plain.content(), now);
  if (phase_ != phase::up) return; // before admission nobody's packets pass
  last_packet_at_ = now;
  ++counters_.packets_in;
  if (delivered_headroom_ != plain.headroom) flush(out);
  delivered_headroom_ = plain.headroom;
  delivered_.push_back(std::move(plain.bytes));
}

void link_machine::on_frame(effects& out, byte_view bytes, steady_time now) {
  auto decoded = decode_frame(bytes);
  if (!decoded) return; // a later version's frame, or a faulty peer: neither is worth the link
  std::visit(overloaded{
               [&](const ping_frame& f) {
                 estimates_.on_peer_rtt(std::chrono::microseconds{f.rtt_us});
                 send_frame(out, pong_frame{f.number, f.sent_us, estimates_.bytes_received()}, now);
               },
               [&](const pong_frame& f) { on_pong(out, f, now); },
               [&](const close_frame& f) { on_closed_by_peer(out, f.why); },
               [&](const confirm_frame&) {},
               [&](admission_frame& f) { on_admission_part(out, std::move(f), now); },
               [&](const admission_received_frame& f) {
                 if (!admission_out_) return;
                 admission_out_->on_received(f.index, now);
                 send_admission_parts(out, now);
               },
             },
             *decoded);
}

void link_machine::on_pong(effects& out, const pong_frame& pong, steady_time now) {
  if (path_mtu::is_probe(pong.number)) return on_path_probe_answered(out, pong.number, now);
  if (!record_plan::is_probe(pong.number)) {
    const auto verdict = mtu_.on_pong(pong.number, pong.bytes_received, now);
    // what a path loses for its length it does not lose for being full
    const bool loss_means_full = !records_.offers_records() && !verdict.shrank && !mtu_.is_in_doubt();
    estimates_.on_pong(pong.number, pong.bytes_received, now, loss_means_full);
    act_on(out, verdict, now);
  }
  bool local = estimates_.link_class() == "local";
  if (records_.on_pong(pong.number, pong.bytes_received, local, now)) emit(out, announce_changed{});
}

void link_machine::on_closed_by_peer(effects& out, const error& why) {
  if (phase_ == phase::admitting && why.code == error_code::none) return end(out, {error_code::none, "admitted"});
  if (phase_ == phase::up)
    return end(out, {why.code == error_code::none ? error_code::stopped : why.code,
                     "the peer closed the link" + (why.message.empty() ? "" : ": " + why.message)});
  end(out, {why.code == error_code::none ? error_code::failed : why.code, "the other side refused: " + why.message});
}

effects link_machine::on_close(error why, steady_time now) {
  effects out;
  if (phase_ == phase::gone) return out;
  if (session_) send_frame(out, close_frame{why}, now);
  end(out, std::move(why));
  return finish(std::move(out));
}

effects link_machine::on_too_long(std::size_t datagram_bytes_that_fit, bool certain, steady_time now) {
  effects out;
  if (phase_ == phase::up) act_on(out, mtu_.on_too_long(datagram_bytes_that_fit, certain, now), now);
  return finish(std::move(out));
}

effects link_machine::on_channel_lost(error why) {
  effects out;
  end(out, phase_ == phase::refused ? refusal_ : std::move(why));
  return finish(std::move(out));
}

// ---- time -------------------------------------------------------------------------------------------------------

effects link_machine::on_tick(steady_time now, random_source&) {
  effects out;
  // a timer that rings a little early must not be the last one
  if (now + timer_slack >= armed_) armed_ = steady_time::max();
  if (phase_ == phase::up)
    tick_up(out, now);
  else if (phase_ != phase::idle && phase_ != phase::gone)
    tick_before_up(out, now);
  return finish(std::move(out));
}

void link_machine::tick_up(effects& out, steady_time now) {
  std::erase_if(attempts_, [&](auto& each) { return now - each.since >= limits::handshake_timeout; });
  if (config_.idle_close > 0ns && now - last_packet_at_ >= config_.idle_close) {
    send_frame(out, close_frame{{error_code::none, "idle"}}, now);
    return end(out, {error_code::none, "idle"});
  }
  if (joiner_) joiner_->forget_stale(now);
  if (!liveness_) return;
  switch (liveness_->on_tick(now, estimates_.rtt())) {
  case liveness::advice::nothing: break;
  case liveness::advice::probe: (void)send_ping(out, now); break;
  case liveness::advice::dead: return end(out, {error_code::unreachable, whom() + " no longer answers: probes went unanswered"});
  }
  if (liveness_->is_silent() && !was_silent_) {
    was_silent_ = true;
    emit(out, announce_changed{});
  }
}

void link_machine::tick_before_up(effects& out, steady_time now) {
  if (phase_ == phase::refused) {
    if (now >= deadline_) end(out, refusal_);
    return;
  }
  if (now >= deadline_) {
    if (phase_ == phase::handshaking && attempts_.empty() && broken_message_1_) return end(out, *broken_message_1_);
    auto seconds = std::to_string((phase_ == phase::admitting ? limits::admission_timeout : limits::handshake_timeout) / 1s);
    return end(out, {error_code::timed_out, whom() + " did not complete the handshake within " + seconds + " s"
                                              + (config_.join_with ? "; the ticket may be wrong or for another node" : "")});
  }
  if (admission_out_) {
    if (admission_out_->is_stalled(now)) return end(out, {error_code::timed_out, whom() + " stopped taking its admission"});
    send_admission_parts(out, now);
  }
  if (phase_ != phase::handshaking || now < retry_at_) return;
  for (auto& each : attempts_)
    if (each.talk.as() == role::initiator && !config_.reliable) send(out, each.talk.last_sent());
  retry_pause_ *= 2;
  retry_at_ = now + retry_pause_;
}

steady_time link_machine::next_tick() const {
  switch (phase_) {
  case phase::idle:
  case phase::gone: return steady_time::max();
  case phase::refused: return deadline_;
  case phase::admitting: return admission_out_ ? std::min(deadline_, admission_out_->next_tick()) : deadline_;
  case phase::handshaking: {
    bool repeats = !config_.reliable && config_.as == role::initiator;
    return repeats ? std::min(deadline_, retry_at_) : deadline_;
  }
  case phase::up: break;
  }
  auto next = steady_time::max();
  if (liveness_) next = liveness_->next_tick();
  if (config_.idle_close > 0ns)
    next = std::min(next, last_packet_at_ + std::chrono::duration_cast<steady_time::duration>(config_.idle_close));
  for (auto& each : attempts_) next = std::min(next, each.since + limits::handshake_timeout);
  return next;
}

link_figures link_machine::figures(steady_time) const {
  link_figures out;
  out.state = phase_ == phase::gone || phase_ == phase::refused ? "gone"
              : phase_ != phase::up                             ? "handshaking"
              : was_silent_                                     ? "silent"
                                                                : "up";
  out.link_class = estimates_.link_class();
  out.why = estimates_.why();
  if (peer_) out.packet_bytes_max = records_.packet_bytes_max(one_datagram());
  if (peer_) out.datagram_bytes = mtu_.datagram_bytes();
  out.rtt = estimates_.rtt();
  out.rtt_min = estimates_.rtt_min();
  out.loss = estimates_.loss();
  out.rate_bps = estimates_.rate_bps();
  out.load = estimates_.load();
  out.bulk = config_.bulk;
  out.bytes_in = estimates_.bytes_received();
  out.bytes_out = estimates_.bytes_sent();
  out.up_since = up_since_;
  return out;
}

} // namespace glow::link
