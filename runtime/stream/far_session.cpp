#include "runtime/stream/far_session.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/stream/limits.hpp"

namespace glow::stream {

void far_session::begin(link::role as, const session_terms& terms, steady_time now, random_source& random, output& out) {
  link::link_config config;
  config.as = as;
  config.keys = terms.keys;
  config.session_index = static_cast<std::uint32_t>(random.next_below(0xffffffff) + 1);
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
  machine_ = std::make_unique<link::link_machine>(std::move(config));
  perform(machine_->start(now, random), out);
}

void far_session::open(const session_terms& terms, steady_time now, random_source& random, output& out) {
  if (machine_ || now < next_attempt_) return;
  begin(link::role::initiator, terms, now, random, out);
}

void far_session::reopen(const session_terms& terms, steady_time now, random_source& random, output& out) {
  if (now < next_attempt_ || (machine_ && !machine_->is_up())) return;
  begin(link::role::initiator, terms, now, random, out);
}

void far_session::on_datagrams(packet_batch datagrams, const session_terms& terms, steady_time now, random_source& random,
                               output& out) {
  if (!machine_) {
    bool opening = false;
    for (auto& each : datagrams.contents()) opening = opening || link::type_of(each) == link::datagram_type::handshake_1;
    if (!opening) return; // for a session that is no more: the peer will notice and begin anew
    begin(link::role::responder, terms, now, random, out);
    next_attempt_ = now; // the peer's attempt must not delay our own
    if (!machine_) return;
  }
  perform(machine_->on_datagrams(std::move(datagrams), now, random), out);
}

void far_session::seal(packet_batch packets, steady_time now, random_source& random, output& out) {
  if (!machine_) return;
  perform(machine_->on_packets_to_send(std::move(packets), now), out);
  on_tick(now, random, out);
}

void far_session::on_tick(steady_time now, random_source& random, output& out) {
  if (machine_ && machine_->next_tick() <= now) perform(machine_->on_tick(now, random), out);
}

void far_session::close(const error& why, steady_time now, random_source&, output& out) {
  if (machine_) perform(machine_->on_close(why, now), out);
  machine_.reset();
}

std::optional<steady_time> far_session::wake_at() const {
  if (!machine_ || machine_->next_tick() == steady_time::max()) return {};
  return machine_->next_tick();
}

void far_session::perform(link::effects effects, output& out) {
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
  if (gone) machine_.reset();
}

} // namespace glow::stream
