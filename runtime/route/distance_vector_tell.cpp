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
    tell_one(peer, request.origin);
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
    tell_one(neighbours_.at(asked_by), keys_.id());
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
  tell_one(neighbours_.at(asked_by), keys_.id());
}

void distance_vector::tell_all(const node_id& origin, urgency how) {
  for (auto& [id, peer] : neighbours_) {
    peer.to_tell.insert(origin);
    peer.hurries |= how == urgency::at_once || peer.asked.contains(origin);
  }
}

/// News of a way is of no use to a neighbour whose own one, by the same claim, was and is as good: ours is not feasible there,
/// whatever it costs. It hears of it as soon as its own gets worse, and at each refresh.
void distance_vector::tell_change(const node_id& origin, const table_entry& table, const std::optional<slot>& chosen_before,
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
    if (!peer.asked.contains(origin) && has_no_use(peer.place)) continue;
    peer.to_tell.insert(origin);
    peer.hurries |= how == urgency::at_once || peer.asked.contains(origin);
  }
}

/// Any claim is newer than none.
void distance_vector::ask_all(const node_id& origin) {
  for (auto& [id, peer] : neighbours_)
    if (peer.to_ask.size() < limits::route_entries_per_packet_max)
      peer.to_ask.push_back({origin, {}, metric_class::interactive, 1});
}

void distance_vector::tell_askers(const node_id& origin) {
  for (auto& [id, peer] : neighbours_)
    if (peer.asked.contains(origin)) tell_one(peer, origin);
}

void distance_vector::tell_one(neighbour_entry& peer, const node_id& origin) {
  peer.to_tell.insert(origin);
  peer.hurries = true;
}

void distance_vector::tell_everything(neighbour_entry& peer) {
  peer.to_tell.insert(keys_.id());
  for (auto& [origin, entry] : destinations_) peer.to_tell.insert(origin);
}

/// What was not worth telling at once is told now; of the rest a digest is compared.
void distance_vector::refresh_neighbour(const node_id& id, neighbour_entry& peer) {
  if (peer.own_told != own_.what) peer.to_tell.insert(keys_.id());
  for (auto& [origin, entry] : destinations_)
    if (origin != id && !is_told(peer, origin, entry)) peer.to_tell.insert(origin);
  peer.digest_due = true;
}

const distance_vector::told_offers* distance_vector::offered_to(const destination_entry& entry, slot neighbour) {
  for (auto& [to, offers] : entry.offered)
    if (to == neighbour) return &offers;
  return nullptr;
}

bool distance_vector::is_told(const neighbour_entry& peer, const node_id& origin, const destination_entry& entry) const {
  static const told_offers nothing{};
  auto* offered = offered_to(entry, peer.place);
  for (auto c : each_metric_class) {
    auto& table = entry.tables[index_of(c)];
    const auto& told = (offered != nullptr ? *offered : nothing)[index_of(c)];
    auto* way = way_to_tell(peer.place, table);
    const auto now = way ? way_of(origin, table, *way, c) : glow::route::way{};
    if (has_moved(told.what.cost, now.cost, tuning_.tell_share)) return false;
    if (way && (told.by != way->said->what || told.what.hops != now.hops || told.what.packet_bytes_max != now.packet_bytes_max))
      return false;
  }
  return true;
}

std::uint64_t distance_vector::digest_of_told(const neighbour_entry& peer) const {
  std::uint64_t sum = 0;
  for (auto c : each_metric_class) {
    if (peer.own_told) sum += offer_digest(keys_.id(), c, own_offer, *peer.own_told);
    for (auto& [origin, entry] : destinations_)
      if (auto* offers = offered_to(entry, peer.place))
        sum += offer_digest(origin, c, (*offers)[index_of(c)].what, (*offers)[index_of(c)].by);
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
  for (auto& [origin, c] : wanted_) {
    auto& table = destinations_.at(origin).tables[index_of(c)];
    if (table.requests >= limits::seqno_requests_max || table.request_at > now || !table.feasible_claim) continue;
    for (auto& each : table.ways) {
      if (cost_of(each, c) == infinite_metric || (is_feasible(table, each) && !each.worse_since)) continue;
      auto& asked = slots_[each.via].second->to_ask; // a way of finite cost has a neighbour
      if (asked.size() < limits::route_entries_per_packet_max)
        asked.push_back({origin, *table.feasible_claim, c, limits::hop_limit_default});
    }
    table.request_at = now + limits::seqno_request_pause * (1 << std::min(table.requests, 5u));
    ++table.requests;
  }
}

/// The chosen way; nothing towards the neighbour that it leads through (split horizon, RFC 8966, 3.7.4).
const distance_vector::learned_way* distance_vector::way_to_tell(slot to, const table_entry& table) {
  return table.chosen == to ? nullptr : chosen_way(table);
}

void distance_vector::put_update(const node_id& to, neighbour_entry& peer, const node_id& origin, std::vector<route_update>& out,
                                 steady_time now) {
  if (origin == to) return; // nobody reaches it better than itself
  if (origin == keys_.id()) {
    peer.own_told = own_.what;
    out.push_back({origin, own_, {own_offer, own_offer}});
    return;
  }
  auto at = destinations_.find(origin);
  if (at == destinations_.end()) return; // forgotten, and retracted long ago
  auto& entry = at->second;
  auto offered = std::find_if(entry.offered.begin(), entry.offered.end(), [&](auto& each) { return each.first == peer.place; });
  for (auto c : each_metric_class) {
    auto& table = entry.tables[index_of(c)];
    const auto* chosen = way_to_tell(peer.place, table);
    if (!chosen && (offered == entry.offered.end() || !offered->second[index_of(c)].may_stand)) continue;
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
    if (offered == entry.offered.end()) offered = entry.offered.insert(offered, {peer.place, {}});
    offered->second[index_of(c)] = {told, true, said.what};
    const bool fits = !out.empty() && out.back().origin == origin && out.back().said.what == said.what
                      && out.back().said.by_origin == said.by_origin;
    if (!fits) out.push_back({origin, said, {}});
    out.back().offers[index_of(c)] = told;
  }
}

void distance_vector::tell(const node_id& to, neighbour_entry& peer, steady_time now) {
  const auto bytes_max = std::min(peer.between.control_bytes_max, limits::route_packet_bytes_max);
  if (bytes_max < control_packet_bytes + route_update_bytes) { // its links carry too small packets for routing
    peer.to_tell.clear();
    peer.to_ask.clear();
    peer.acks_owed.clear();
    peer.digest_due = peer.asks_table = false;
    return;
  }
  if (peer.silent) peer.to_ask.clear();
  auto compares = [&] { return peer.digest_due && peer.to_tell.empty() && peer.in_flight.empty(); };
  const bool has_news = !peer.silent && (!peer.to_tell.empty() || !peer.to_ask.empty() || peer.asks_table || compares());
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
    while (may_speak && !peer.to_tell.empty()) {
      // in turn: were it always the first, those behind it would starve while the first ones keep changing
      auto next = peer.to_tell.upper_bound(peer.told_last);
      if (next == peer.to_tell.end()) next = peer.to_tell.begin();
      std::vector<route_update> updates;
      put_update(to, peer, *next, updates, now);
      const auto more = updates.size() * route_update_bytes;
      if (bytes + more > bytes_max && bytes > control_packet_bytes) break; // the next packet has room
      if (bytes + more <= bytes_max && !updates.empty()) {
        bytes += more;
        origins.push_back(*next);
        packet.updates.insert(packet.updates.end(), updates.begin(), updates.end());
      }
      peer.told_last = *next;
      peer.asked.erase(*next);
      peer.to_tell.erase(next);
    }
    if (may_speak) packet.asks_table = std::exchange(peer.asks_table, false);
    if (may_speak && packet.updates.empty() && compares()) {
      packet.digest = digest_of_told(peer);
      peer.digest_due = false;
    }
    if (peer.acks_owed.empty()) peer.acks_since.reset();
    const bool told_all = peer.to_tell.empty() && peer.to_ask.empty();
    if (told_all) peer.hurries = false;
    if (told_all && !peer.asks_table && !compares()) peer.news_since.reset();
    const bool speaks = !packet.updates.empty() || !packet.requests.empty() || packet.digest || packet.asks_table;
    if (!speaks && packet.acks.empty()) return;
    if (speaks) {
      packet.number = ++peer.number;
      peer.in_flight[packet.number] = {std::move(origins), packet.digest.has_value(), packet.asks_table,
                                       now + repeat_after(peer)};
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
  return *peer.news_since + (peer.hurries ? gather_pause(peer.between.rtt) : limits::route_gather_patient);
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
  peer.to_tell.insert(packet.origins.begin(), packet.origins.end());
  peer.digest_due |= packet.digest;
  peer.asks_table |= packet.asks_table;
}

void distance_vector::repeat_all(neighbour_entry& peer) {
  for (auto& [number, packet] : peer.in_flight) repeat(peer, packet);
  peer.in_flight.clear();
  peer.hurries = true;
}

void distance_vector::repeat_unanswered(neighbour_entry& peer, steady_time now) {
  bool repeated = false;
  for (auto at = peer.in_flight.begin(); at != peer.in_flight.end();) {
    if (at->second.repeat_at > now) {
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
  for (auto& [origin, c] : wanted_) {
    auto& table = destinations_.at(origin).tables[index_of(c)];
    if (table.requests < limits::seqno_requests_max && table.feasible_claim) out = std::min(out, table.request_at);
  }
  return out;
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
