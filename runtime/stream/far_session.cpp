#include "runtime/stream/far_session.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/stream/limits.hpp"

#include <algorithm>

namespace glow::stream {

void far_session::begin(machine_ptr& which, link::role as, const session_terms& terms, steady_time now, random_source& random,
                        output& out) {
  link::link_config config;
  config.as = as;
  config.keys = terms.keys;
  config.session_index = last_index_ = static_cast<std::uint32_t>(random.next_below(0xffffffff) + 1);
  // how long a packet may be is the path's business and changes with it: no bound of the session's own
  config.datagram_bytes_max = limits::frame_bytes_max;
  config.expected = peer_;
  config.space = terms.space;
  config.node_name = terms.node_name;
  config.check_member = terms.check_member;
  config.liveness = false;
  config.keeps_headroom = true;
  config.idle_close = limits::stream_peer_idle;
  next_attempt_ = now + limits::stream_session_retry;
  which = std::make_unique<link::link_machine>(std::move(config));
  perform(which, which->start(now, random), out);
}

void far_session::open(const session_terms& terms, steady_time now, random_source& random, output& out) {
  if (machine_ || now < next_attempt_) return;
  begin(machine_, link::role::initiator, terms, now, random, out);
}

void far_session::reopen(const session_terms& terms, steady_time now, random_source& random, output& out) {
  if (now < next_attempt_ || successor_ || (machine_ && !machine_->is_up())) return;
  begin(machine_ ? successor_ : machine_, link::role::initiator, terms, now, random, out);
}

/// Handshakes of the peer's own are the successor's business, too: of two that open at the same time one gives way.
bool far_session::is_for_successor(byte_view datagram) const {
  const auto type = link::type_of(datagram);
  return successor_ && type && (*type == link::datagram_type::handshake_1 || link::receiver_index_of(datagram) == last_index_);
}

void far_session::on_datagrams(packet_batch datagrams, const session_terms& terms, steady_time now, random_source& random,
                               output& out) {
  if (!machine_) {
    bool opening = false;
    for (auto& each : datagrams.contents()) opening = opening || link::type_of(each) == link::datagram_type::handshake_1;
    if (!opening) return; // for a session that is no more: the peer will notice and begin anew
    begin(machine_, link::role::responder, terms, now, random, out);
    next_attempt_ = now; // the peer's attempt must not delay our own
    if (!machine_) return;
  }
  if (!successor_) return perform(machine_, machine_->on_datagrams(std::move(datagrams), now, random), out);
  const auto headroom = datagrams.headroom();
  auto all = datagrams.take_with_headroom();
  auto others = std::stable_partition(all.begin(), all.end(),
                                      [&](auto& each) { return !is_for_successor(byte_view{each}.subspan(headroom)); });
  std::vector<byte_string> for_successor(std::make_move_iterator(others), std::make_move_iterator(all.end()));
  all.erase(others, all.end());
  const auto heard = out.packets.size();
  if (!all.empty()) perform(machine_, machine_->on_datagrams(packet_batch{std::move(all), headroom}, now, random), out);
  if (out.packets.size() > heard) { // it holds the old keys still: it was out of reach, or its answers were
    successor_.reset();
    last_failure_ = {error_code::none, {}};
  }
  if (successor_ && !for_successor.empty())
    perform(successor_, successor_->on_datagrams(packet_batch{std::move(for_successor), headroom}, now, random), out);
  succeed();
}

void far_session::succeed() {
  if (!successor_ || (machine_ && !successor_->is_up())) return;
  machine_ = std::move(successor_);
  ++replaced_;
}

void far_session::seal(packet_batch packets, steady_time now, random_source& random, output& out) {
  if (!machine_) return;
  perform(machine_, machine_->on_packets_to_send(std::move(packets), now), out);
  on_tick(now, random, out);
}

void far_session::on_tick(steady_time now, random_source& random, output& out) {
  for (auto* each : {&machine_, &successor_})
    if (*each && (*each)->next_tick() <= now) perform(*each, (*each)->on_tick(now, random), out);
  succeed();
}

void far_session::close(const error& why, steady_time now, random_source&, output& out) {
  if (machine_) perform(machine_, machine_->on_close(why, now), out);
  machine_.reset();
  successor_.reset();
}

std::optional<steady_time> far_session::wake_at() const {
  auto first = steady_time::max();
  for (auto* each : {&machine_, &successor_})
    if (*each) first = std::min(first, (*each)->next_tick());
  return first == steady_time::max() ? std::nullopt : std::optional{first};
}

void far_session::perform(machine_ptr& which, link::effects effects, output& out) {
  bool gone = false;
  for (auto& each : effects)
    std::visit(overloaded{
                 [&](link::send_datagrams& e) { out.datagrams.push_back(std::move(e.datagrams)); },
                 [&](link::deliver_packets& e) { out.packets.push_back(std::move(e.packets)); },
                 [&](link::announce_up&) {
                   last_failure_ = {error_code::none, {}};
                 },
                 [&](link::give_up& e) {
                   gone = true;
                   if (e.why.code != error_code::none) last_failure_ = std::move(e.why);
                 },
                 [](auto&) {}, // estimates, joining and roaming are a link's business
               },
               each);
  if (gone) which.reset();
}

} // namespace glow::stream
