/// The part of link_machine that lies before `up`: attempts, refusals, admission.
#include "runtime/base/base32.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/link_machine.hpp"

namespace glow::link {

std::string link_machine::whom() const {
  if (peer_) return "node " + (peer_->member.name.empty() ? to_short_string(peer_->member.id) : peer_->member.name);
  if (config_.expected) return "node " + to_short_string(*config_.expected);
  return "the other side";
}

effects link_machine::start(steady_time now, random_source& random) {
  effects out;
  phase_ = phase::handshaking;
  deadline_ = now + limits::handshake_timeout;
  retry_pause_ = first_retry_pause();
  retry_at_ = now + retry_pause_;
  if (config_.as == role::initiator) {
    attempt own{handshake{role::initiator}, now, std::nullopt};
    auto first = own.talk.start(config_, random);
    if (!first) {
      end(out, first.why());
      return out;
    }
    send(out, std::move(*first));
    attempts_.push_back(std::move(own));
  }
  return finish(std::move(out));
}

/// Simultaneous open on one channel: of two initiators the one with the lower ephemeral key stays it. Who joins stays it
/// in any case: nobody could answer its ticket the other way round. An attempt that stays unanswered while the other side
/// repeats its own gives way: perhaps another node is there now than the one we wait for, and cannot read ours.
bool link_machine::keeps_own_attempt(const handshake_1& message, steady_time now) const {
  for (auto& each : attempts_) {
    if (each.talk.as() != role::initiator) continue;
    if (config_.join_with) return true;
    if (message.pattern == pattern_code::xxpsk3) return false;
    if (!each.unproven && now - each.since >= limits::own_attempt_retries * first_retry_pause()) return false;
    auto own = each.talk.initiator_ephemeral();
    auto theirs = message.noise.first(own.size());
    return std::lexicographical_compare(own.begin(), own.end(), theirs.begin(), theirs.end());
  }
  return false;
}

void link_machine::on_handshake_1(effects& out, byte_view datagram, steady_time now, random_source& random) {
  auto message = decode_handshake_1(datagram);
  if (!message) return;
  if (phase_ == phase::up && liveness_) {
    // the peer may have started anew, or somebody replays an old message: its answer to a probe tells
    liveness_->doubt(now);
    return;
  }
  for (auto& each : attempts_)
    if (each.talk.answers(*message)) return send(out, each.talk.last_sent());
  if (phase_ == phase::refused) return repeat_refusal(out);
  const bool own_wins = keeps_own_attempt(*message, now);
  // IK shows who knocks: with another node than the one we wait for there is nothing to settle
  const bool may_be_another =
    config_.answers_any_member && config_.expected && !config_.join_with && message->pattern == pattern_code::ik;
  if ((phase_ != phase::handshaking && phase_ != phase::up) || (own_wins && !may_be_another)) return;
  auto is_responder = [](const attempt& each) { return each.talk.as() == role::responder; };
  if (std::count_if(attempts_.begin(), attempts_.end(), is_responder) >= static_cast<int>(limits::handshake_attempts_max))
    attempts_.erase(std::find_if(attempts_.begin(), attempts_.end(), is_responder));
  attempts_.push_back({handshake{role::responder}, now, std::nullopt});
  auto outcome = attempts_.back().talk.on_message_1(*message, config_, random);
  if (outcome.what == handshake::progress::failed && outcome.send.empty()) {
    // it broke before any key was proven, so anybody may have sent it: the true peer's may still come
    attempts_.pop_back();
    broken_message_1_ = std::move(outcome.why);
    return;
  }
  const auto& knocking = attempts_.back().talk;
  if (own_wins && (outcome.what != handshake::progress::keyed || knocking.peer().member.id == *config_.expected))
    return attempts_.pop_back();
  after(out, attempts_.size() - 1, std::move(outcome), now);
}

void link_machine::on_handshake_2(effects& out, byte_view datagram, steady_time now, random_source& random) {
  auto message = decode_handshake_2(datagram);
  if (!message) return;
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    auto& each = attempts_[i];
    if (each.talk.as() != role::initiator) continue;
    if (each.unproven) return send(out, each.talk.last_sent()); // message 3 was lost, perhaps
    return after(out, i, each.talk.on_message_2(*message, config_, random), now);
  }
}

void link_machine::on_handshake_3(effects& out, byte_view datagram, steady_time now) {
  auto message = decode_handshake_3(datagram);
  if (!message) return;
  if (phase_ == phase::refused) return repeat_refusal(out);
  auto hash = identity::hash_of("glow link message 3", {message->noise});
  if (session_ && hash == proven_message_3_) return send_frame(out, confirm_frame{}, now);
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    if (attempts_[i].talk.as() != role::responder) continue;
    auto outcome = attempts_[i].talk.on_message_3(*message, config_);
    if (outcome.what == handshake::progress::ignored) continue;
    if (outcome.what == handshake::progress::keyed) proven_message_3_ = hash;
    return after(out, i, std::move(outcome), now);
  }
}

void link_machine::on_cookie(effects& out, byte_view datagram) {
  auto reply = decode_cookie_reply(datagram);
  if (!reply || cookies_echoed_ >= limits::cookies_echoed_max) return;
  for (auto& each : attempts_)
    if (each.talk.as() == role::initiator && !each.unproven) {
      ++cookies_echoed_;
      send(out, each.talk.with_cookie(reply->value));
    }
}

/// What follows from one step of one attempt. May erase attempts.
void link_machine::after(effects& out, std::size_t which, handshake::outcome outcome, steady_time now) {
  auto& it = attempts_[which];
  switch (outcome.what) {
  case handshake::progress::ignored: return;
  case handshake::progress::waiting: return send(out, std::move(outcome.send));
  case handshake::progress::needs_ticket: return emit(out, ask_ticket_secret{*it.talk.ticket_id()});
  case handshake::progress::failed: {
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(which));
    send(out, outcome.send);
    if (phase_ != phase::handshaking || !attempts_.empty()) return; // another attempt, or the link that is up, goes on
    return refuse(out, std::move(outcome.why), std::move(outcome.send), now);
  }
  case handshake::progress::keyed: break;
  }
  send(out, std::move(outcome.send));
  bool peer_has_spoken_under_keys = it.talk.as() == role::responder && it.talk.pattern() != pattern_code::ik;
  bool peer_holds_keys = it.talk.as() == role::initiator && it.talk.pattern() == pattern_code::ik;
  if (!peer_has_spoken_under_keys && !peer_holds_keys) {
    it.unproven = it.talk.make_session(now);
    if (it.talk.as() == role::initiator) { // message 3 is a new message: its repetitions begin afresh
      retry_pause_ = first_retry_pause();
      retry_at_ = now + retry_pause_;
    }
    return;
  }
  auto proven = std::move(it);
  attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(which));
  proven.unproven = proven.talk.make_session(now);
  if (proven.talk.pattern() == pattern_code::xxpsk3)
    start_admitting(out, std::move(proven), now);
  else
    become_up(out, std::move(proven), now);
}

void link_machine::refuse(effects& out, error why, byte_string last_word, steady_time now) {
  bool was_initiator = config_.as == role::initiator;
  if (last_word.empty() || was_initiator || config_.reliable) return end(out, std::move(why));
  phase_ = phase::refused;
  refusal_ = std::move(why);
  refusal_datagram_ = std::move(last_word);
  refusals_sent_ = 1;
  deadline_ = now + limits::refusal_linger;
}

void link_machine::repeat_refusal(effects& out) {
  if (refusals_sent_ >= limits::refusals_sent_max) return;
  ++refusals_sent_;
  send(out, refusal_datagram_);
}

/// The peer may have said what its owner wants of the link.
void link_machine::hear_policy() {
  auto both = combined({config_.declared_class, config_.declared_why, config_.bulk}, peer_->features);
  config_.bulk = both.bulk;
  if (both.declared_class == config_.declared_class) return;
  config_.declared_class = std::move(both.declared_class);
  config_.declared_why = both.declared_by;
  estimates_.declare(config_.declared_class, std::move(both.declared_by));
}

void link_machine::become_up(effects& out, attempt proven, steady_time now) {
  session_ = std::move(proven.unproven);
  session_role_ = proven.talk.as();
  peer_ = proven.talk.peer();
  // routes shall not be made by a guess and again by the first ping (with XX this says two round trips, until that ping);
  // after a repetition it is unknown what was answered (RFC 6298)
  if (const auto taken = now - proven.since; taken < first_retry_pause()) estimates_.on_peer_rtt(taken);
  attempts_.clear();
  phase_ = phase::up;
  hear_policy();
  enable_path_lengths();
  up_since_ = last_packet_at_ = now;
  if (config_.liveness) {
    auto pace = !config_.declared_class.empty() ? liveness::pace::slow
                : config_.on_link               ? liveness::pace::local
                                                : liveness::pace::wide;
    liveness_.emplace(pace, session_role_ == role::initiator, now);
  }
  // the responder's confirmation stops message 3; either side's ping proves the keys and measures the first round trip
  if (session_role_ == role::responder) send_frame(out, confirm_frame{}, now);
  (void)send_ping(out, now);
  if (liveness_) liveness_->on_sent(now, estimates_.rtt());
  emit(out, announce_up{*peer_});
  (void)estimates_.worth_telling(now); // announce_up told it
  auto longest = one_datagram();
  for (auto& each : std::exchange(before_up_, {})) {
    if (each.empty() || each.size() > longest) {
      ++counters_.dropped_too_long;
      continue;
    }
    ++counters_.packets_out;
    session_->seal(datagram_type::sealed_packet, each, now);
    estimates_.on_bytes_sent(each.size());
    send_sealed(out, std::move(each), 0);
  }
}

// ---- joining ----------------------------------------------------------------------------------------------------

effects link_machine::on_ticket_secret(result<byte_string> secret, steady_time now, random_source& random) {
  effects out;
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    auto& each = attempts_[i];
    if (each.talk.as() != role::responder || !each.talk.is_waiting_for_ticket()) continue;
    after(out, i, each.talk.on_ticket_secret(std::move(secret), config_, random), now);
    break;
  }
  return finish(std::move(out));
}

void link_machine::start_admitting(effects& out, attempt proven, steady_time now) {
  session_ = std::move(proven.unproven);
  session_role_ = proven.talk.as();
  peer_ = proven.talk.peer();
  mtu_ = path_mtu{peer_->datagram_bytes_max};
  phase_ = phase::admitting;
  deadline_ = now + limits::admission_timeout;
  auto ticket = proven.talk.ticket_id();
  attempts_.clear();
  if (session_role_ == role::initiator) return;
  send_frame(out, confirm_frame{}, now);
  admitting_ticket_ = ticket;
  emit(out, ask_admission{*ticket, peer_->member.id, peer_->member.name});
}

effects link_machine::on_admission(result<byte_string> admission, steady_time now, random_source&) {
  effects out;
  if (phase_ != phase::admitting || session_role_ != role::responder || admission_out_) return out;
  if (admission && admission->size() > limits::admission_bytes_max)
    admission = error{error_code::exhausted, "the namespace has more records than an admission can carry"};
  if (!admission) {
    auto bytes = encode(frame{close_frame{admission.why()}});
    session_->seal(datagram_type::sealed_frame, bytes, now);
    send(out, bytes);
    refuse(out, admission.why(), std::move(bytes), now);
  } else {
    auto room = peer_->datagram_bytes_max - sealed_overhead_bytes - admission_frame_header_bytes;
    admission_out_.emplace(std::move(*admission), room, now);
    deadline_ = now + limits::admission_timeout;
    send_admission_parts(out, now);
  }
  return finish(std::move(out));
}

void link_machine::send_admission_parts(effects& out, steady_time now) {
  if (admission_out_->is_done()) return end(out, {error_code::none, "admitted"});
  for (auto& each : admission_out_->due(now)) send_frame(out, each, now);
  deadline_ = std::max(deadline_, admission_out_->next_tick());
}

void link_machine::on_admission_part(effects& out, admission_frame part, steady_time now) {
  if (phase_ != phase::admitting || session_role_ != role::initiator) return;
  auto index = part.index;
  auto whole = admission_in_.on_fragment(std::move(part));
  if (!whole) {
    send_frame(out, close_frame{whole.why()}, now);
    return end(out, whole.why());
  }
  send_frame(out, admission_received_frame{index}, now);
  deadline_ = now + limits::admission_timeout;
  if (!*whole) return;
  send_frame(out, close_frame{{error_code::none, "joined"}}, now);
  emit(out, joined{std::move(**whole), peer_->member.id});
  end(out, {error_code::none, "joined"});
}

} // namespace glow::link
