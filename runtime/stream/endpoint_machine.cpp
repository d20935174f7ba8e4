#include "runtime/stream/endpoint_machine.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/stream/limits.hpp"

#include <algorithm>

namespace glow::stream {
namespace {

constexpr std::array all_lanes{traffic_class::control, traffic_class::interactive, traffic_class::bulk};

std::string seconds_text(duration d) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

void add(endpoint_effects& out, std::vector<send_payloads>& payloads) {
  for (auto& each : payloads) out.push_back(std::move(each));
  payloads.clear();
}

} // namespace

endpoint_machine::endpoint_machine(std::shared_ptr<const identity::node_keys> keys, random_source& random)
  : random_{random}, self_{keys->id()} {
  terms_.keys = std::move(keys);
  terms_.check_member = [this](const node_id& node, byte_view) -> result<identity::member> {
    if (auto* found = roster_ ? roster_->find(node) : nullptr) return *found;
    return error{error_code::not_a_member, "node " + to_short_string(node) + " is no member of this namespace"};
  };
}

std::string endpoint_machine::name_of(const node_id& node) const {
  return roster_ ? roster_->name_of(node) : to_short_string(node);
}

// ---- who is there, and how to reach them ------------------------------------------------------------------------

const lane_routes& endpoint_machine::routes_to(const node_id& node) const {
  static const lane_routes none;
  auto found = routes_.find(node);
  return found == routes_.end() ? none : found->second;
}

endpoint_machine::peer_entry* endpoint_machine::entry_of(const node_id& node, steady_time now) {
  if (auto found = peers_.find(node); found != peers_.end()) return found->second.get();
  if (peers_.size() >= limits::stream_peers_max && !make_room_for_peer()) return nullptr;
  auto& entry = peers_.emplace(node, std::make_unique<peer_entry>(node, now)).first->second;
  entry->state.set_routes(routes_to(node), now);
  return entry.get();
}

bool endpoint_machine::make_room_for_peer() {
  auto oldest = peers_.end();
  for (auto at = peers_.begin(); at != peers_.end(); ++at)
    if (at->second->state.is_idle() && (oldest == peers_.end() || at->second->state.used_at() < oldest->second->state.used_at()))
      oldest = at;
  if (oldest == peers_.end()) return false;
  peers_.erase(oldest);
  return true;
}

endpoint_effects endpoint_machine::on_roster(identity::roster_ptr roster, steady_time now) {
  endpoint_effects out;
  roster_ = std::move(roster);
  if (!roster_) return out;
  terms_.space = roster_->id;
  if (auto* own = roster_->find(self_)) terms_.node_name = own->name;
  for (auto at = peers_.begin(); at != peers_.end();) {
    auto next = std::next(at);
    if (!is_member(at->first))
      remove_peer(at, {error_code::not_a_member, "node " + name_of(at->first) + " is not a member of this namespace any more"},
                  now, out);
    at = next;
  }
  return out;
}

void endpoint_machine::remove_peer(peer_map::iterator at, const error& why, steady_time now, endpoint_effects& out) {
  auto& entry = *at->second;
  std::vector<peer::event> events;
  entry.state.close_streams(why, events);
  on_events(entry, events, now, out);
  std::vector<send_payloads> payloads;
  entry.state.close(why, now, random_, payloads);
  add(out, payloads);
  for (auto traffic : all_lanes) {
    forget_serving(entry, traffic);
    auto tickets = entry.tickets[lane_of(traffic)];
    for (auto& [id, ticket] : tickets) fail_ticket(ticket, why, out);
  }
  peers_.erase(at);
}

endpoint_effects endpoint_machine::on_routes(const std::vector<route>& routes, steady_time now) {
  endpoint_effects out;
  routes_.clear();
  for (auto& each : routes) {
    if (lane_of(each.traffic) >= lane_count || each.destination == self_) continue;
    auto& held = routes_[each.destination][lane_of(each.traffic)];
    if (!held || each.metric < held->metric) held = each;
  }
  for (auto& [id, entry] : peers_) {
    apply_routes(*entry, routes_to(id), now);
    flush(*entry, now, out);
  }
  return out;
}

void endpoint_machine::apply_routes(peer_entry& entry, const lane_routes& routes, steady_time now) {
  std::array<bool, lane_count> before{};
  for (auto traffic : all_lanes) before[lane_of(traffic)] = entry.state.is_reachable(traffic);
  entry.state.set_routes(routes, now);
  for (auto traffic : all_lanes) {
    auto lane = lane_of(traffic);
    bool after = entry.state.is_reachable(traffic);
    if (after) entry.stranded[lane].clear();
    if (!before[lane] || after) continue;
    entry.route_lost_at[lane] = now;
    for (auto& [id, ticket] : entry.tickets[lane]) entry.stranded[lane].insert(ticket);
  }
}

// ---- packets ----------------------------------------------------------------------------------------------------

endpoint_effects endpoint_machine::on_payloads(const node_id& from, bool direct, packet_batch payloads, steady_time now) {
  endpoint_effects out;
  if (from == self_ || !is_member(from)) return out;
  auto* entry = entry_of(from, now);
  if (!entry) return out;
  std::vector<peer::event> events;
  std::vector<send_payloads> sent;
  entry->state.on_payloads(std::move(payloads), direct, terms_, now, random_, events, sent);
  add(out, sent);
  on_events(*entry, events, now, out);
  flush(*entry, now, out);
  return out;
}

void endpoint_machine::flush(peer_entry& entry, steady_time now, endpoint_effects& out) {
  std::vector<send_payloads> sent;
  entry.state.flush(terms_, now, random_, sent);
  add(out, sent);
}

void endpoint_machine::on_events(peer_entry& entry, std::vector<peer::event>& events, steady_time now, endpoint_effects& out) {
  for (auto& each : events) {
    auto lane = each.lane;
    std::visit(overloaded{
                 [&](request_received& e) { on_request(entry, lane, e, now, out); },
                 [&](answer_received& e) { on_answer(entry, lane, e, out); },
                 [&](request_cancelled& e) {
                   auto& tokens = entry.tokens[lane_of(lane)];
                   if (auto found = tokens.find(e.id); found != tokens.end()) drop_token(found->second);
                 },
                 [&](peer_restarted&) { forget_serving(entry, lane); },
                 [&](stream_event& e) { on_stream_event(entry, lane, e, out); },
               },
               each.what);
  }
}

void endpoint_machine::on_request(peer_entry& entry, traffic_class lane, request_received& request, steady_time now,
                                  endpoint_effects& out) {
  auto& tokens = entry.tokens[lane_of(lane)];
  if (tokens.size() >= limits::stream_requests_outstanding_max
      || entry.serving_bytes + request.body.size() > limits::stream_held_bytes_max) {
    entry.state.lane(lane, now, random_)
      .send_answer(request.id,
                   error{error_code::exhausted, "node " + name_of(self_) + " has too many requests of yours at work"});
    return;
  }
  auto token = next_token_++;
  auto bytes = request.body.size();
  serving_.emplace(token, serving{entry.state.id(), lane, request.id, 0, false, bytes, now + request.timeout});
  token_deadlines_.emplace(now + request.timeout, token);
  tokens.emplace(request.id, token);
  entry.serving_bytes += bytes;
  out.push_back(request_arrived{token, entry.state.id(), request.method, request.timeout, std::move(request.body)});
}

void endpoint_machine::on_answer(peer_entry& entry, traffic_class lane, answer_received& answer, endpoint_effects& out) {
  auto& tickets = entry.tickets[lane_of(lane)];
  auto found = tickets.find(answer.id);
  if (found == tickets.end()) return;
  auto ticket = found->second;
  tickets.erase(found);
  entry.stranded[lane_of(lane)].erase(ticket);
  auto request = asked_.find(ticket);
  ticket_deadlines_.erase({request->second.deadline, ticket});
  asked_.erase(request);
  out.push_back(request_answered{ticket, std::move(answer.answer)});
}

void endpoint_machine::forget_serving(peer_entry& entry, traffic_class lane) {
  auto tokens = entry.tokens[lane_of(lane)];
  for (auto& [id, token] : tokens) drop_token(token);
}

void endpoint_machine::drop_token(std::uint64_t token) {
  auto found = serving_.find(token);
  if (found == serving_.end()) return;
  auto& work = found->second;
  token_deadlines_.erase({work.deadline, token});
  if (auto at = peers_.find(work.from); !work.local && at != peers_.end()) {
    at->second->tokens[lane_of(work.lane)].erase(work.id);
    at->second->serving_bytes -= work.bytes;
  }
  serving_.erase(found);
}

// ---- requests ---------------------------------------------------------------------------------------------------

endpoint_effects endpoint_machine::send_request(std::uint64_t ticket, const node_id& to, traffic_class traffic,
                                                std::uint16_t method, byte_string body, duration timeout, steady_time now) {
  endpoint_effects out;
  auto refuse = [&](error_code code, std::string text) {
    out.push_back(request_answered{ticket, error{code, std::move(text)}});
    return std::move(out);
  };
  timeout = std::clamp<duration>(timeout, duration::zero(), limits::stream_request_timeout_max);
  if (body.size() > limits::message_bytes_max)
    return refuse(error_code::exhausted, "a request of " + std::to_string(body.size())
                                           + " bytes is longer than a message may be ("
                                           + std::to_string(limits::message_bytes_max) + "): send it in parts");
  asked request{to, traffic, 0, 0, now + timeout, timeout, method};
  if (to == self_) {
    if (serving_.size() >= limits::stream_requests_queued_max)
      return refuse(error_code::exhausted, "too many requests are at work on this node; try again when some are done");
    request.token = next_token_++;
    serving_.emplace(request.token, serving{self_, traffic, 0, ticket, true, 0, request.deadline});
    token_deadlines_.emplace(request.deadline, request.token);
    out.push_back(request_arrived{request.token, self_, method, timeout, std::move(body)});
  } else {
    if (roster_ && !is_member(to))
      return refuse(error_code::not_a_member, "node " + to_short_string(to) + " is no member of this namespace");
    auto* entry = entry_of(to, now);
    if (!entry) return refuse(error_code::exhausted, "requests to too many nodes are under way");
    auto id = entry->state.lane(traffic, now, random_).send_request(method, std::move(body), request.deadline);
    if (!id) return refuse(id.why().code, "node " + name_of(to) + ": " + id.why().message);
    request.id = *id;
    entry->tickets[lane_of(traffic)].emplace(*id, ticket);
  }
  ticket_deadlines_.emplace(request.deadline, ticket);
  asked_.insert_or_assign(ticket, std::move(request));
  if (to != self_) flush(*entry_of(to, now), now, out);
  return out;
}

endpoint_effects endpoint_machine::respond(std::uint64_t token, result<byte_string> answer, steady_time now) {
  endpoint_effects out;
  auto found = serving_.find(token);
  if (found == serving_.end()) return out;
  auto work = found->second;
  drop_token(token);
  if (work.local) {
    auto request = asked_.find(work.ticket);
    if (request == asked_.end() || request->second.token != token) return out;
    ticket_deadlines_.erase({request->second.deadline, work.ticket});
    asked_.erase(request);
    out.push_back(request_answered{work.ticket, std::move(answer)});
    return out;
  }
  auto at = peers_.find(work.from);
  if (at == peers_.end()) return out;
  at->second->state.lane(work.lane, now, random_).send_answer(work.id, std::move(answer));
  flush(*at->second, now, out);
  return out;
}

void endpoint_machine::fail_ticket(std::uint64_t ticket, error why, endpoint_effects& out) {
  auto found = asked_.find(ticket);
  if (found == asked_.end()) return;
  auto& request = found->second;
  ticket_deadlines_.erase({request.deadline, ticket});
  if (auto at = peers_.find(request.to); at != peers_.end()) {
    auto lane = lane_of(request.lane);
    at->second->tickets[lane].erase(request.id);
    at->second->stranded[lane].erase(ticket);
    if (auto* held = at->second->state.existing_lane(request.lane)) held->cancel_request(request.id);
  }
  if (request.token != 0) drop_token(request.token);
  asked_.erase(found);
  out.push_back(request_answered{ticket, std::move(why)});
}

error endpoint_machine::why_expired(const asked& request) const {
  auto whom = "node " + name_of(request.to);
  auto in_time = " within " + seconds_text(request.timeout);
  auto at = peers_.find(request.to);
  if (request.to == self_ || at == peers_.end())
    return {error_code::timed_out, "this node's own service did not answer" + in_time};
  auto& state = at->second->state;
  if (!state.is_reachable(request.lane)) {
    bool other = request.lane == traffic_class::bulk && state.is_reachable(traffic_class::interactive);
    return {error_code::unreachable, other ? whom + " is reachable only over links too slow for bulk data"
                                           : "no route to " + whom + in_time + ": is it up and linked? (glow nodes, glow links)"};
  }
  auto text = whom + " did not answer" + in_time;
  if (state.session_failure().code != error_code::none) text += ": " + state.session_failure().message;
  return {error_code::timed_out, text};
}

// ---- time -------------------------------------------------------------------------------------------------------

void endpoint_machine::fail_stranded(peer_entry& entry, steady_time now, endpoint_effects& out) {
  for (auto traffic : all_lanes) {
    auto lane = lane_of(traffic);
    if (entry.stranded[lane].empty() || now - entry.route_lost_at[lane] < limits::stream_route_grace) continue;
    auto tickets = std::exchange(entry.stranded[lane], {});
    for (auto ticket : tickets)
      fail_ticket(ticket,
                  {error_code::unreachable, "the route to node " + name_of(entry.state.id())
                                              + " vanished and did not return within "
                                              + seconds_text(limits::stream_route_grace)},
                  out);
  }
}

void endpoint_machine::expire(steady_time now, endpoint_effects& out) {
  while (!ticket_deadlines_.empty() && ticket_deadlines_.begin()->first <= now) {
    auto ticket = ticket_deadlines_.begin()->second;
    fail_ticket(ticket, why_expired(asked_.at(ticket)), out);
  }
  while (!token_deadlines_.empty() && token_deadlines_.begin()->first <= now) {
    auto token = token_deadlines_.begin()->second;
    auto work = serving_.at(token);
    drop_token(token);
    if (auto at = peers_.find(work.from); !work.local && at != peers_.end())
      if (auto* held = at->second->state.existing_lane(work.lane)) held->abandon_answer(work.id);
  }
}

endpoint_effects endpoint_machine::on_tick(steady_time now) {
  endpoint_effects out;
  for (auto at = peers_.begin(); at != peers_.end();) {
    auto next = std::next(at);
    auto& entry = *at->second;
    if (entry.state.is_idle() && now - entry.state.used_at() >= limits::stream_peer_idle) {
      remove_peer(at, {error_code::none, "idle"}, now, out);
      at = next;
      continue;
    }
    std::vector<peer::event> events;
    std::vector<send_payloads> sent;
    entry.state.on_tick(now, random_, events, sent);
    add(out, sent);
    on_events(entry, events, now, out);
    fail_stranded(entry, now, out);
    at = next;
  }
  expire(now, out);
  for (auto& [id, entry] : peers_) flush(*entry, now, out);
  return out;
}

std::optional<steady_time> endpoint_machine::wake_at() const {
  std::optional<steady_time> first;
  auto consider = [&](std::optional<steady_time> when) {
    if (when && (!first || *when < *first)) first = when;
  };
  if (!ticket_deadlines_.empty()) consider(ticket_deadlines_.begin()->first);
  if (!token_deadlines_.empty()) consider(token_deadlines_.begin()->first);
  for (auto& [id, entry] : peers_) {
    consider(entry->state.wake_at());
    if (entry->state.is_idle()) consider(entry->state.used_at() + limits::stream_peer_idle);
    for (auto lane : {0u, 1u, 2u})
      if (!entry->stranded[lane].empty()) consider(entry->route_lost_at[lane] + limits::stream_route_grace);
  }
  return first;
}

// ---- what people see --------------------------------------------------------------------------------------------

std::uint8_t endpoint_machine::hops_to(const node_id& node) const {
  auto& over = routes_to(node)[lane_of(traffic_class::interactive)];
  return over ? over->hops : std::uint8_t{0};
}

std::vector<peer_figures> endpoint_machine::figures() const {
  std::vector<peer_figures> all;
  for (auto& [id, entry] : peers_) {
    peer_figures one;
    one.id = id;
    one.reachable = entry->state.is_reachable(traffic_class::interactive);
    auto& over = entry->state.routes()[lane_of(traffic_class::interactive)];
    one.direct = over && over->next == id;
    one.has_session = entry->state.has_session();
    if (auto* held = entry->state.existing_lane(traffic_class::interactive)) one.rtt = held->smoothed_rtt();
    one.name = name_of(id);
    for (auto lane : {0u, 1u, 2u}) {
      if (auto* said = entry->state.existing_lane(static_cast<traffic_class>(lane))) one.lanes[lane] = &said->recovery();
      one.requests_out += entry->tickets[lane].size();
      one.requests_in += entry->tokens[lane].size();
      one.streams += entry->streams[lane].size();
    }
    one.held_bytes = entry->state.held_bytes() + entry->serving_bytes;
    all.push_back(one);
  }
  return all;
}

} // namespace glow::stream
