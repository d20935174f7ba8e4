#include "runtime/stream/conversation.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/stream/limits.hpp"

#include <algorithm>
#include <cassert>

namespace glow::stream {
namespace {

/// Spare bytes behind a packet: for the tag of the session that seals it.
constexpr std::size_t path_tail_bytes = 32;  // two tags
constexpr duration quick_latency_max = 10ms; // overlay.md: the round trip of a `local` link

bool is_quick(const path& p) { return p.direct && p.latency > duration::zero() && p.latency <= quick_latency_max; }

/// First guess of the round trip: generous, since a probe too early costs more than one too late.
duration rtt_guess(const path& p) {
  if (p.latency <= duration::zero()) return 333ms;
  return std::clamp<duration>(4 * p.latency, 20ms, 333ms);
}

} // namespace

conversation::conversation(traffic_class lane, std::uint32_t epoch)
  : lane_{lane}, epoch_{epoch}, inbound_{[this](std::uint64_t id) { return outbox_.awaits_answer(id); }},
    recovery_{limits::udp_datagram_bytes_max, false, 333ms} {
  assert(epoch != 0);
}

result<std::uint64_t> conversation::send_request(std::uint16_t method, byte_string body, steady_time deadline) {
  return outbox_.add_request(method, std::move(body), deadline);
}

void conversation::send_answer(std::uint64_t id, result<byte_string> answer) {
  if (!served_.contains(id)) return;
  served_.erase(id, id + 1);
  outbox_.add_answer(id, std::move(answer));
}

void conversation::cancel_request(std::uint64_t id) {
  if (outbox_.finish_request(id)) outbox_.add_cancel(id);
}

bool conversation::adopt_epoch(const packet_header& header, steady_time now, conversation_events& out) {
  if (header.peer_epoch != 0 && header.peer_epoch != epoch_) {
    if (now - reset_at_ >= limits::stream_reset_pause) reset_due_ = header.peer_epoch;
    reset_to_ = header.own_epoch;
    return false;
  }
  if (header.own_epoch == peer_epoch_) return true;
  if (std::find(retired_epochs_.begin(), retired_epochs_.end(), header.own_epoch) != retired_epochs_.end()) return false;
  if (peer_epoch_ != 0) {
    retired_epochs_.push_back(peer_epoch_);
    if (retired_epochs_.size() > limits::stream_retired_epochs_max) retired_epochs_.pop_front();
    received_ = {};
    recovery_.on_peer_restarted();
    served_.clear();
    outbox_.on_peer_restarted();
    inbound_.on_peer_restarted();
    streams_.on_peer_restarted({error_code::stopped, "the other node started anew"});
    out.push_back(peer_restarted{});
  }
  peer_epoch_ = header.own_epoch;
  return true;
}

void conversation::on_packet(const packet_header& header, byte_view packet, steady_time now, conversation_events& out) {
  if (!adopt_epoch(header, now, out)) return;
  heard_at_ = now;
  auto number = received_.full_number(header.number);
  if (received_.is_duplicate(number)) return;
  bool eliciting = false;
  bool all_taken = true;
  frame_reader reader{packet};
  frame each;
  while (reader.next(each))
    std::visit(overloaded{
                 [](std::monostate) {},
                 [&](ping_frame&) { eliciting = true; },
                 [&](ack_frame& ack) { take_back(recovery_.on_ack(ack, now), now); },
                 [](reset_frame&) {}, // its packet's epoch has said it all
                 [&](cancel_frame& cancel) {
                   eliciting = true;
                   inbound_.drop_request(cancel.id);
                   outbox_.drop_answer(cancel.id);
                   if (!served_.contains(cancel.id)) return;
                   served_.erase(cancel.id, cancel.id + 1);
                   out.push_back(request_cancelled{cancel.id});
                 },
                 [&](message_frame& fragment) {
                   eliciting = true;
                   all_taken = on_message(fragment, now, out) && all_taken;
                 },
                 [&](stream_frame& piece) {
                   eliciting = true;
                   all_taken = streams_.on_stream(piece, now) && all_taken;
                 },
                 [&](window_frame& window) {
                   eliciting = true;
                   streams_.on_window(window);
                 },
                 [&](close_frame& close) {
                   eliciting = true;
                   all_taken = streams_.on_close(close) && all_taken;
                 },
                 [&](credit_frame& credit) {
                   eliciting = true;
                   streams_.on_credit(credit);
                 },
               },
               each);
  if (all_taken) received_.on_packet(number, eliciting, now);
}

bool conversation::on_message(const message_frame& fragment, steady_time now, conversation_events& out) {
  std::optional<inbound_message> whole;
  if (!inbound_.add(fragment, now, whole)) return false;
  if (!whole) return true;
  if (whole->kind == message_kind::request) {
    served_.insert(whole->id, whole->id + 1);
    out.push_back(request_received{whole->id, static_cast<std::uint16_t>(whole->code), whole->timeout, std::move(whole->body)});
    return true;
  }
  outbox_.finish_request(whole->id);
  if (whole->kind == message_kind::response) {
    out.push_back(answer_received{whole->id, std::move(whole->body)});
    return true;
  }
  auto code = static_cast<error_code>(whole->code);
  if (whole->code == 0 || whole->code > static_cast<unsigned>(error_code::stopped)) code = error_code::failed;
  out.push_back(answer_received{whole->id, error{code, to_text(whole->body)}});
  return true;
}

void conversation::take_back(const loss_recovery::outcome& what, steady_time now) {
  auto of_message = [](const fragment& each) {
    return each.what == fragment::kind::message || each.what == fragment::kind::cancel;
  };
  if (!what.acknowledged.empty()) streams_.set_window(recovery_.window().window_bytes());
  for (auto& each : what.acknowledged) {
    if (of_message(each))
      outbox_.on_acknowledged(each);
    else
      streams_.on_acknowledged(each, now);
  }
  for (auto& each : what.lost) {
    if (of_message(each))
      outbox_.on_lost(each);
    else
      streams_.on_lost(each);
  }
}

void conversation::set_path(const std::optional<path>& now_over, steady_time now) {
  bool returned = now_over && !path_;
  path_ = now_over;
  if (!path_) return;
  assert(path_->packet_bytes_max >= packet_bytes_min);
  bool another = !last_path_ || last_path_->next != path_->next || last_path_->session != path_->session
                 || last_path_->packet_bytes_max > path_->packet_bytes_max;
  // a larger packet over the same hop needs nothing; a smaller one makes what is under way undeliverable
  if (another || returned) {
    take_back(recovery_.on_new_path(path_->packet_bytes_max, is_quick(*path_), rtt_guess(*path_)), now);
    if (!is_idle()) received_.say_again(now);
    ping_due_ = ping_due_ || (awaits_answers() && heard_at_ != steady_time{}); // it may have restarted meanwhile
    heard_at_ = std::max(heard_at_, now);
    burst_at_.reset();
  } else {
    recovery_.window().on_packet_size(path_->packet_bytes_max);
  }
  last_path_ = path_;
}

void conversation::on_tick(steady_time now) {
  inbound_.expire(now);
  streams_.on_tick(now);
  if (!path_) return;
  if (auto due = recovery_.wake_at(); due && *due <= now) take_back(recovery_.on_timer(now), now);
  if (awaits_answers() && !recovery_.in_flight() && now - heard_at_ >= limits::stream_keepalive) {
    ping_due_ = true;
    heard_at_ = now;
  }
  if (!burst_at_ || *burst_at_ > now) return;
  recovery_.window().on_woken(now - *burst_at_);
  burst_at_.reset();
}

std::optional<steady_time> conversation::wake_at() const {
  auto first = inbound_.wake_at();
  auto consider = [&](std::optional<steady_time> when) {
    if (when && (!first || *when < *first)) first = when;
  };
  consider(streams_.wake_at());
  if (!path_) return first;
  consider(recovery_.wake_at());
  if (recovery_.may_record()) consider(received_.ack_due());
  consider(burst_at_);
  if (awaits_answers() && !recovery_.in_flight()) consider(heard_at_ + limits::stream_keepalive);
  return first;
}

bool conversation::has_something_to_say(steady_time now) const {
  return !outbox_.empty() || streams_.has_data() || reset_due_ != 0 || ping_due_
         || (received_.ack_due() && *received_.ack_due() <= now);
}

byte_string conversation::begin_packet(std::size_t reserve) {
  byte_string packet;
  packet.reserve(headroom() + reserve + path_tail_bytes);
  packet.resize(headroom());
  append_header(packet, {lane_, epoch_, peer_epoch_, recovery_.next_number()});
  return packet;
}

void conversation::send_reset(steady_time now, std::vector<byte_string>& out) {
  byte_string packet(headroom());
  append_header(packet, {lane_, epoch_, reset_to_, recovery_.next_number()});
  append_reset(packet, {reset_due_});
  reset_due_ = 0;
  reset_at_ = now;
  recovery_.on_sent(packet.size() - headroom(), false, {}, now);
  out.push_back(std::move(packet));
}

void conversation::collect_packets(steady_time now, std::vector<byte_string>& out) {
  if (!path_) return;
  if (reset_due_ != 0 && recovery_.may_record()) send_reset(now, out);
  if (heard_at_ == steady_time{}) heard_at_ = now;
  while (build_packet(now, out)) {}
}

/// As long as several packets are under way over a quick path, the next acknowledgement is here before anybody misses the last
/// bytes of a write, and with them a packet may be full: a short one costs as much work as a long one.
bool conversation::tail_waits() {
  const auto& time = recovery_.path_time();
  return time.measured() && time.minimum() <= limits::stream_tail_round_trip_max
         && recovery_.bytes_in_flight() >= limits::stream_tail_packets_ahead * path_->packet_bytes_max && !outbox_.has_data()
         && streams_.has_tail_only(path_->packet_bytes_max);
}

bool conversation::build_packet(steady_time now, std::vector<byte_string>& out) {
  constexpr std::size_t ack_bytes_usual = 64;
  const auto size_max = path_->packet_bytes_max;
  bool probing = recovery_.probes_due() > 0;
  bool data = (outbox_.has_data() || streams_.has_data()) && (probing || recovery_.window_open());
  if (data && !probing && !recovery_.window().may_burst(now, recovery_.path_time().smoothed())) {
    burst_at_ = recovery_.window().next_burst(recovery_.path_time().smoothed());
    data = false;
  }
  if (data && !probing && tail_waits()) data = false;
  bool ack_due = received_.ack_due() && *received_.ack_due() <= now && recovery_.may_record();
  bool ping = !data && (probing || ping_due_);
  if (!data && !ack_due && !ping) return false;

  auto expected = !data ? std::size_t{0} : streams_.has_data() ? size_max : outbox_.pending_bytes(size_max);
  auto packet = begin_packet(std::min(size_max, packet_header_bytes + ack_bytes_usual + expected));
  if (received_.has_news() && packet_bytes_min + ack_bytes_usual <= size_max) {
    append_ack(packet, received_.take_ack(now, size_max - packet_bytes_min));
  } else if (ack_due) {
    append_ack(packet, received_.take_ack(now, size_max - packet_header_bytes));
    data = ping = false; // on a path of tiny packets an acknowledgement travels alone
  }
  if (ping) append_ping(packet);
  std::vector<fragment> carried;
  if (data) write_data(packet, headroom() + size_max, carried, now);
  bool eliciting = ping || !carried.empty();
  if (eliciting) ping_due_ = false;
  if (packet.size() == headroom() + packet_header_bytes) return false;
  recovery_.on_sent(packet.size() - headroom(), eliciting, std::move(carried), now);
  out.push_back(std::move(packet));
  return true;
}

/// Small messages first; long ones and streams fill packets in turns.
void conversation::write_data(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried, steady_time now) {
  const bool streams_first = streams_next_ && !outbox_.has_small();
  streams_.write_notices(packet, packet_bytes, carried);
  if (streams_first) streams_.write_frames(packet, packet_bytes, carried);
  outbox_.write_frames(packet, packet_bytes, carried, now);
  if (!streams_first) streams_.write_frames(packet, packet_bytes, carried);
  streams_next_ = !streams_next_;
}

} // namespace glow::stream
