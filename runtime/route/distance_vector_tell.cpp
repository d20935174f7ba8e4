/// The half of the distance vector that speaks: updates, acknowledgements, repetitions, requests for newer claims.
#include "runtime/route/distance_vector.hpp"
#include "runtime/route/limits.hpp"

#include <cmath>

namespace glow::route {

namespace {

/// Passed-on requests are remembered for less than the pause after which the asker repeats itself.
constexpr duration passed_on_life = limits::seqno_request_pause * 3 / 4;
constexpr offer own_offer{0, 0, limits::frame_bytes_max};

claim next_claim(const claim& after) {
  return after.seqno == 0xffffffff ? claim{after.epoch + 1, 0} : claim{after.epoch, after.seqno + 1};
}

duration gather_pause(duration rtt) { return std::clamp(rtt / 2, limits::route_gather_min, limits::route_gather_max); }

} // namespace

/// Later sessions have higher numbers, so that a packet which was overtaken by a new life is known as old: epochs rise from
/// life to life, and the last bits tell two apart where an epoch could not be kept.
std::uint64_t distance_vector::next_session() {
  return own_.what.epoch << 32 | (++sessions_ & 0xfffff) << 12 | (random_.next_u64() & 0xfff);
}

/// A lower number after a silence is a node whose calendar went back, and no packet is under way for so long.
bool distance_vector::is_outdated(const neighbour_entry& peer, std::uint64_t session, steady_time now) const {
  return session == 0 || (session < peer.their_session && now - peer.heard_at < limits::route_session_overlap);
}

void distance_vector::on_session(neighbour_entry& peer, std::uint64_t session, steady_time now) {
  if (session == peer.their_session) return;
  const bool restarted = peer.their_session != 0;
  peer.their_session = session;
  peer.acks_owed.clear();
  peer.acks_since.reset();
  // whatever was sent so far met nobody, or somebody who forgot it
  repeat_all(peer);
  peer.unanswered = 0;
  if (!restarted) return;
  peer.own_told.reset();
  forget_to_tell(peer);
  forget_all_of(peer.place, now);
  tell_everything(peer);
}

void distance_vector::on_request(const node_id& from, const seqno_request& request, steady_time now) {
  if (request.origin == keys_.id()) return raise_own_claim(from, request.newer_than, now);
  auto at = destinations_.find(request.origin);
  if (at == destinations_.end() || request.hop_limit == 0) return;
  auto& table = at->second.tables[index_of(request.table)];
  auto& peer = neighbours_.at(from);
  if (table.chosen && *table.chosen != peer.place && table.told_claim > request.newer_than.what) {
    tell_one(peer, *at);
    return;
  }
  peer.asked.insert(request.origin);
  std::erase_if(passed_on_, [&](auto& each) { return each.second <= now; });
  if (passed_on_.size() >= limits::seqno_requests_remembered_max) return;
  if (!passed_on_.try_emplace({{request.origin, request.table}, request.newer_than.what}, now + passed_on_life).second) return;
  neighbour_entry* towards = nullptr;
  if (table.chosen && *table.chosen != peer.place) towards = slots_[*table.chosen].second;
  for (auto& each : table.ways)
    if (towards == nullptr && each.via != peer.place && cost_of(each, request.table) != infinite_metric)
      towards = slots_[each.via].second;
  if (towards == nullptr || towards->to_ask.size() >= limits::route_entries_per_packet_max) return;
  auto passed = request;
  --passed.hop_limit;
  towards->to_ask.push_back(passed);
}

void distance_vector::raise_own_claim(const node_id& asked_by, const signed_claim& newer_than, steady_time now) {
  if (newer_than.what < own_.what) {
    tell_self(neighbours_.at(asked_by));
    return;
  }
  // a claim from an earlier life, when the clock was ahead: believed only with this node's own signature
  if (newer_than.what != own_.what && !verify_claim(keys_.id(), newer_than)) {
    ++counters_.forged;
    return;
  }
  if (counters_.claims_raised != 0 && now - raised_at_ < limits::seqno_raise_pause) return;
  raised_at_ = now;
  ++counters_.claims_raised;
  own_ = sign_claim(keys_, next_claim(newer_than.what));
  tell_self(neighbours_.at(asked_by));
}

void distance_vector::enqueue(neighbour_entry& peer, destination& of) {
  if (of.first == slots_[peer.place].first) return; // nobody reaches it better than itself
  auto* told = find_told(of.second, peer.place);
  if (told == nullptr) told = &of.second.told.emplace_back(told_to{peer.place, false, {}});
  if (!std::exchange(told->queued, true)) peer.to_tell.push_back(&of);
}

void distance_vector::tell_one(neighbour_entry& peer, destination& of) {
  enqueue(peer, of);
  peer.hurries = true;
}

void distance_vector::tell_self(neighbour_entry& peer) { peer.to_tell_self = peer.hurries = true; }

void distance_vector::forget_to_tell(neighbour_entry& peer) {
  for (auto* each : peer.to_tell) find_told(each->second, peer.place)->queued = false;
  peer.to_tell.clear();
  peer.to_tell_self = false;
}

/// News of a way is of no use to a neighbour whose own one, by the same claim, was and is as good: ours is not feasible there,
/// whatever it costs. It hears of it as soon as its own gets worse, and at each refresh.
void distance_vector::tell_change(destination& of, const table_entry& table, const std::optional<slot>& chosen_before,
                                  const offer& before, urgency how) {
  const auto cheapest = std::min(before.cost, table.told.cost);
  auto has_no_use = [&](slot neighbour) {
    if (before.cost == infinite_metric || table.told.cost == infinite_metric) return false;
    if (table.chosen == neighbour || chosen_before == neighbour) return false; // split horizon
    return std::any_of(table.ways.begin(), table.ways.end(), [&](auto& each) {
      return each.via == neighbour && each.promised.cost <= cheapest && each.said->what >= table.told_claim;
    });
  };
  for (auto& [id, peer] : neighbours_) {
    const bool asked = peer.asked.contains(of.first);
    if (!asked && has_no_use(peer.place)) continue;
    enqueue(peer, of);
    peer.hurries |= how == urgency::at_once || asked;
  }
}

/// Any claim is newer than none.
void distance_vector::ask_all(const node_id& origin) {
  for (auto& [id, peer] : neighbours_)
    if (peer.to_ask.size() < limits::route_entries_per_packet_max)
      peer.to_ask.push_back({origin, {}, metric_class::interactive, 1});
}

void distance_vector::tell_askers(destination& of) {
  for (auto& [id, peer] : neighbours_)
    if (peer.asked.contains(of.first)) tell_one(peer, of);
}

void distance_vector::tell_everything(neighbour_entry& peer) {
  peer.to_tell_self = true;
  for (auto& each : destinations_) enqueue(peer, each);
}

/// What was not worth telling at once is told now; of the rest a digest is compared.
void distance_vector::refresh_neighbour(neighbour_entry& peer) {
  peer.to_tell_self |= peer.own_told != own_.what;
  for (auto& each : destinations_)
    if (!is_told(peer, each)) enqueue(peer, each);
  peer.digest_due = true;
}

distance_vector::told_to* distance_vector::find_told(destination_entry& entry, slot neighbour) {
  for (auto& each : entry.told)
    if (each.to == neighbour) return &each;
  return nullptr;
}

bool distance_vector::is_told(const neighbour_entry& peer, destination& of) const {
  auto& [origin, entry] = of;
  auto* before = find_told(entry, peer.place);
  for (auto c : each_metric_class) {
    auto& table = entry.tables[index_of(c)];
    const auto told = before != nullptr ? before->offers[index_of(c)] : told_offer{};
    auto* way = way_to_tell(peer.place, table);
    const auto now = way ? way_of(origin, table, *way, c) : glow::route::way{};
    if (has_moved(told.what.cost, now.cost, tuning_.tell_share)) return false;
    // of newer claims in one life only those hear who asked: what it was told stands, and is confirmed by the digest
    if (way
        && (told.by.epoch != way->said->what.epoch || told.what.hops != now.hops
            || told.what.packet_bytes_max != now.packet_bytes_max))
      return false;
  }
  return true;
}

std::uint64_t distance_vector::digest_of_told(const neighbour_entry& peer) {
  std::uint64_t sum = 0;
  for (auto c : each_metric_class) {
    if (peer.own_told) sum += offer_digest(keys_.id(), c, own_offer, *peer.own_told);
    for (auto& [origin, entry] : destinations_)
      if (auto* told = find_told(entry, peer.place))
        sum += offer_digest(origin, c, told->offers[index_of(c)].what, told->offers[index_of(c)].by);
  }
  return sum;
}

/// The neighbour's digest against what was learnt from it: when they are equal, all its ways are as good as told anew.
bool distance_vector::confirm_ways_via(slot neighbour, std::uint64_t digest, steady_time now) {
  std::uint64_t sum = 0;
  std::vector<learned_way*> confirmed;
  for (auto& [origin, entry] : destinations_)
    for (auto c : each_metric_class)
      for (auto& each : entry.tables[index_of(c)].ways)
        if (each.via == neighbour && each.promised.cost != infinite_metric) {
          sum += offer_digest(origin, c, each.promised, each.said->what);
          confirmed.push_back(&each);
        }
  if (sum != digest) return false;
  for (auto* each : confirmed) each->expires = now + limits::route_life;
  return true;
}

void distance_vector::ask_for_wanted(steady_time now) {
  if (now < wanted_at_) return;
  wanted_at_ = steady_time::max();
  for (auto at = wanted_.begin(); at != wanted_.end();) {
    const auto wanted = *at++; // choose() may take it out
    const auto c = wanted.second;
    auto& of = *destinations_.find(wanted.first);
    auto& table = of.second.tables[index_of(c)];
    if (table.held_until && *table.held_until <= now) choose(of, c, news::told, now);
    if (table.held_until) wanted_at_ = std::min(wanted_at_, *table.held_until);
    if (table.requests >= limits::seqno_requests_max || !table.feasible_claim) continue;
    if (table.request_at > now) {
      wanted_at_ = std::min(wanted_at_, table.request_at);
      continue;
    }
    auto may_help = [&](const learned_way& each) {
      return cost_of(each, c) != infinite_metric && (!is_feasible(table, each) || each.worse_since);
    };
    const learned_way* cheapest = nullptr;
    for (auto& each : table.ways)
      if (may_help(each) && (cheapest == nullptr || cost_of(each, c) < cost_of(*cheapest, c))) cheapest = &each;
    for (auto& each : table.ways) {
      if (!may_help(each) || (table.requests == 0 && &each != cheapest)) continue; // at first the best one, then all
      auto& asked = slots_[each.via].second->to_ask;                               // a way of finite cost has a neighbour
      if (asked.size() < limits::route_entries_per_packet_max)
        asked.push_back({of.first, *table.feasible_claim, c, limits::hop_limit_default});
    }
    table.request_at = now + limits::seqno_request_pause * (1 << std::min(table.requests, 5u));
    if (++table.requests < limits::seqno_requests_max) wanted_at_ = std::min(wanted_at_, table.request_at);
  }
}

/// The chosen way; nothing towards the neighbour that it leads through (split horizon, RFC 8966, 3.7.4).
const distance_vector::learned_way* distance_vector::way_to_tell(slot to, const table_entry& table) {
  return table.chosen == to ? nullptr : chosen_way(table);
}

void distance_vector::put_update(neighbour_entry& peer, destination& of, std::vector<route_update>& out, steady_time now) {
  auto& [origin, entry] = of;
  auto& before = *find_told(entry, peer.place);
  for (auto c : each_metric_class) {
    auto& table = entry.tables[index_of(c)];
    const auto* chosen = way_to_tell(peer.place, table);
    if (!chosen && !before.offers[index_of(c)].may_stand) continue;
    signed_claim said;
    offer told;
    if (chosen) {
      const auto best = way_of(origin, table, *chosen, c);
      said = *chosen->said;
      told = {best.cost, best.hops, best.packet_bytes_max};
      const bool newer = !table.feasible_claim || said.what > table.feasible_claim->what;
      table.feasible_cost = newer ? best.cost : std::min(table.feasible_cost, best.cost);
      table.feasible_claim = chosen->said;
      table.feasible_told = now;
    }
    before.offers[index_of(c)] = {told, true, said.what};
    const bool fits = !out.empty() && out.back().origin == origin && out.back().said.what == said.what
                      && out.back().said.by_origin == said.by_origin;
    if (!fits) out.push_back({origin, said, {}});
    out.back().offers[index_of(c)] = told;
  }
}

void distance_vector::tell(const node_id& to, neighbour_entry& peer, steady_time now) {
  const auto bytes_max = std::min(peer.between.control_bytes_max, limits::route_packet_bytes_max);
  if (bytes_max < control_packet_bytes + route_update_bytes) { // its links carry too small packets for routing
    forget_to_tell(peer);
    peer.to_ask.clear();
    peer.acks_owed.clear();
    peer.digest_due = peer.asks_table = false;
    return;
  }
  if (peer.silent) peer.to_ask.clear();
  auto compares = [&] { return peer.digest_due && !has_to_tell(peer) && peer.in_flight.empty(); };
  const bool has_news = !peer.silent && (has_to_tell(peer) || !peer.to_ask.empty() || peer.asks_table || compares());
  if (has_news && !peer.news_since) peer.news_since = now;
  if (!peer.acks_owed.empty() && !peer.acks_since) peer.acks_since = now;
  peer.hurries |= !peer.to_ask.empty();
  const bool tells = has_news && news_due(peer) <= now;
  if (!tells && acks_due(peer) > now) return;
  for (;;) {
    control_packet packet{peer.session, 0, peer.their_session, {}, {}, {}};
    std::vector<node_id> origins;
    const auto acks = std::min(peer.acks_owed.size(), (bytes_max - control_packet_bytes) / 4 / ack_bytes);
    const auto acks_end = peer.acks_owed.begin() + static_cast<std::ptrdiff_t>(acks);
    packet.acks.assign(peer.acks_owed.begin(), acks_end);
    peer.acks_owed.erase(peer.acks_owed.begin(), acks_end);
    auto bytes = control_packet_bytes + acks * ack_bytes;
    const bool may_speak =
      tells && peer.in_flight.size() < limits::route_packets_in_flight_max && peer.next_send <= now + limits::route_packet_burst;
    while (may_speak && !peer.to_ask.empty() && bytes + seqno_request_bytes <= bytes_max) {
      packet.requests.push_back(peer.to_ask.back());
      peer.to_ask.pop_back();
      bytes += seqno_request_bytes;
    }
    if (may_speak && peer.to_tell_self && bytes + route_update_bytes <= bytes_max) {
      packet.updates.push_back({keys_.id(), own_, {own_offer, own_offer}});
      bytes += route_update_bytes;
      origins.push_back(keys_.id());
      peer.own_told = own_.what;
      peer.asked.erase(keys_.id());
      peer.to_tell_self = false;
    }
    while (may_speak && !peer.to_tell.empty()) {
      auto& next = *peer.to_tell.front();
      std::vector<route_update> updates;
      put_update(peer, next, updates, now);
      const auto more = updates.size() * route_update_bytes;
      if (bytes + more > bytes_max && bytes > control_packet_bytes) break; // the next packet has room
      if (bytes + more <= bytes_max && !updates.empty()) {
        bytes += more;
        origins.push_back(next.first);
        packet.updates.insert(packet.updates.end(), updates.begin(), updates.end());
      }
      peer.asked.erase(next.first);
      find_told(next.second, peer.place)->queued = false;
      peer.to_tell.pop_front();
    }
    if (may_speak) packet.asks_table = std::exchange(peer.asks_table, false);
    if (may_speak && packet.updates.empty() && compares()) {
      packet.digest = digest_of_told(peer);
      peer.digest_due = false;
    }
    if (peer.acks_owed.empty()) peer.acks_since.reset();
    const bool told_all = !has_to_tell(peer) && peer.to_ask.empty();
    if (told_all) peer.hurries = false;
    if (told_all && !peer.asks_table && !compares()) peer.news_since.reset();
    const bool speaks = !packet.updates.empty() || !packet.requests.empty() || packet.digest || packet.asks_table;
    if (!speaks && packet.acks.empty()) return;
    if (speaks) {
      packet.number = ++peer.number;
      peer.in_flight[packet.number] = {std::move(origins), packet.digest.has_value(), packet.asks_table,
                                       now + repeat_after(peer)};
      peer.repeat_at = std::min(peer.repeat_at, now + repeat_after(peer));
    }
    auto body = encode(packet);
    if (speaks) peer.next_send = std::max(now, peer.next_send) + spacing(peer, body.size());
    pending_.send.push_back({to, std::move(body), speaks});
  }
}

/// News comes in crowds: one link that changes moves the ways to all that lie behind it. What somebody waits for shares packets
/// by waiting for no longer than a packet is under way; the rest, and acknowledgements, wait for more of it.
steady_time distance_vector::news_due(const neighbour_entry& peer) const {
  if (!peer.news_since) return steady_time::max();
  if (!tuning_.gather) return *peer.news_since;
  if (peer.hurries) return *peer.news_since + gather_pause(peer.between.rtt);
  return *peer.news_since + limits::route_gather_patient
         + static_cast<int>(destinations_.size()) * limits::route_gather_per_destination;
}

steady_time distance_vector::acks_due(const neighbour_entry& peer) const {
  if (!peer.acks_since) return steady_time::max();
  return tuning_.gather ? *peer.acks_since + limits::route_ack_pause : *peer.acks_since;
}

duration distance_vector::spacing(const neighbour_entry& peer, std::size_t bytes) const {
  const auto seconds = 8 * static_cast<double>(bytes) / (limits::route_rate_share * std::max(peer.between.rate_bps, 1.0));
  const auto wanted = std::chrono::duration<double>(std::min(seconds, 3600.0));
  return std::min(std::chrono::duration_cast<duration>(wanted), limits::route_packet_spacing_max);
}

duration distance_vector::repeat_after(const neighbour_entry& peer) const {
  const auto first = peer.between.rtt == duration::zero()
                       ? limits::route_retransmit_unmeasured
                       : std::max(limits::route_retransmit_min, 2 * peer.between.rtt + duration{50ms} + limits::route_ack_pause);
  const auto doublings = peer.unanswered < 3 ? 0u : std::min(peer.unanswered - 2, 6u); // three quick ones: loss is common
  return std::min(first * (1 << doublings), std::max(limits::route_retransmit_max, first));
}

void distance_vector::repeat(neighbour_entry& peer, const told_packet& packet) {
  for (auto& each : packet.origins) {
    peer.to_tell_self |= each == keys_.id();
    if (auto of = destinations_.find(each); of != destinations_.end()) enqueue(peer, *of); // else: forgotten, and retracted
  }
  peer.digest_due |= packet.digest;
  peer.asks_table |= packet.asks_table;
}

void distance_vector::repeat_all(neighbour_entry& peer) {
  for (auto& [number, packet] : peer.in_flight) repeat(peer, packet);
  peer.in_flight.clear();
  peer.hurries = true;
}

void distance_vector::repeat_unanswered(neighbour_entry& peer, steady_time now) {
  if (now < peer.repeat_at) return;
  peer.repeat_at = steady_time::max();
  bool repeated = false;
  for (auto at = peer.in_flight.begin(); at != peer.in_flight.end();) {
    if (at->second.repeat_at > now) {
      peer.repeat_at = std::min(peer.repeat_at, at->second.repeat_at);
      ++at;
      continue;
    }
    repeat(peer, at->second);
    peer.hurries = true;
    at = peer.in_flight.erase(at);
    repeated = true;
  }
  if (!repeated || ++peer.unanswered <= limits::route_retransmissions_max) return;
  peer.silent = true;
  repeat_all(peer);
}

steady_time distance_vector::wake_at() const {
  if (neighbours_.empty()) return steady_time::max();
  auto out = refresh_at_;
  for (auto& [id, peer] : neighbours_) {
    out = std::min(out, acks_due(peer));
    if (peer.silent) continue;
    for (auto& [number, packet] : peer.in_flight) out = std::min(out, packet.repeat_at);
    if (peer.news_since && peer.in_flight.size() < limits::route_packets_in_flight_max)
      out = std::min(out, std::max(peer.next_send - limits::route_packet_burst, news_due(peer)));
  }
  return std::min(out, wanted_at_);
}

table_effects distance_vector::flush(steady_time now) {
  ask_for_wanted(now);
  for (auto& [id, peer] : neighbours_) {
    repeat_unanswered(peer, now);
    tell(id, peer, now);
  }
  return std::exchange(pending_, {});
}

} // namespace glow::route
