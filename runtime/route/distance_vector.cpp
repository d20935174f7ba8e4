#include "runtime/route/distance_vector.hpp"

#include "runtime/route/limits.hpp"

namespace glow::route {

namespace {

constexpr std::size_t verified_claims_max = 4; // neighbours are at most a few versions apart

/// What stands under a way that nobody has promised anything for: older than any claim.
const std::shared_ptr<const signed_claim>& no_claim() {
  static const auto none = std::make_shared<const signed_claim>();
  return none;
}

} // namespace

distance_vector::distance_vector(identity::node_keys keys, std::uint64_t epoch, random_source& random, route_tuning tuning)
  : keys_{std::move(keys)}, random_{random}, tuning_{tuning}, own_{sign_claim(keys_, claim{epoch, 1})}, version_{epoch << 32} {}

bool distance_vector::is_member(const node_id& node) const {
  return node == keys_.id() || std::binary_search(members_.begin(), members_.end(), node);
}

bool distance_vector::knows_us(const node_id& neighbour) const {
  auto at = neighbours_.find(neighbour);
  return at != neighbours_.end() && at->second.knows_session;
}

table_effects distance_vector::set_members(std::vector<node_id> members, steady_time now) {
  auto before = std::exchange(members_, std::move(members));
  // what neighbours said of it while it was a stranger here was refused, and they do not say it again by themselves
  for (auto& each : members_)
    if (!std::binary_search(before.begin(), before.end(), each)) ask_all(each);
  for (auto& each : destinations_) {
    auto& [origin, entry] = each;
    if (is_member(origin)) continue;
    if (entry.tables[0].ways.empty() && entry.tables[1].ways.empty()) continue; // forgotten already
    for (auto c : each_metric_class) wanted_.erase({origin, c});
    entry.tables = {}; // no way: it is told as a retraction
    ++version_;
    entry.newest.reset();
    entry.verified.clear();
    for (auto& [id, peer] : neighbours_) tell_one(peer, each);
    pending_.changed = true;
  }
  return flush(now);
}

distance_vector::slot distance_vector::free_slot() const {
  auto free = std::find_if(slots_.begin(), slots_.end(), [](auto& each) { return each.second == nullptr; });
  return static_cast<slot>(free - slots_.begin());
}

table_effects distance_vector::set_neighbour(const node_id& neighbour, const adjacency& between, steady_time now) {
  if (neighbours_.empty()) refresh_at_ = now + limits::route_refresh_min;
  auto [at, is_new] = neighbours_.try_emplace(neighbour);
  auto& peer = at->second;
  auto old = peer.between;
  peer.between = between;
  if (is_new) {
    peer.session = next_session();
    peer.place = free_slot();
    if (peer.place == slots_.size()) slots_.emplace_back();
    slots_[peer.place] = {neighbour, &peer};
    tell_everything(peer);
    return flush(now);
  }
  bool matters = false;
  for (auto c : each_metric_class) {
    const auto i = index_of(c);
    if (has_moved(old.cost[i], between.cost[i], tuning_.adopt_share))
      matters = true;
    else
      peer.between.cost[i] = old.cost[i];
    matters |= old.packet_bytes_max[i] != between.packet_bytes_max[i];
  }
  if (matters) choose_all_via(peer.place, now);
  return flush(now);
}

table_effects distance_vector::drop_neighbour(const node_id& neighbour, steady_time now) {
  auto at = neighbours_.find(neighbour);
  if (at == neighbours_.end()) return flush(now);
  const auto place = at->second.place;
  neighbours_.erase(at);
  slots_[place] = {};
  ++version_;
  forget_all_of(place, now);
  return flush(now);
}

/// What it promised, and what it was told.
void distance_vector::forget_all_of(slot neighbour, steady_time now) {
  for (auto& of : destinations_) {
    std::erase_if(of.second.told, [&](auto& each) { return each.to == neighbour; });
    for (auto c : each_metric_class) {
      auto& ways = of.second.tables[index_of(c)].ways;
      if (std::erase_if(ways, [&](auto& each) { return each.via == neighbour; }) != 0) choose(of, c, news::first_hand, now);
    }
  }
}

table_effects distance_vector::on_control(const node_id& from, byte_view body, steady_time now) {
  auto at = neighbours_.find(from);
  if (at == neighbours_.end()) return flush(now);
  auto packet = decode_control_packet(body);
  if (!packet) {
    ++counters_.malformed;
    return flush(now);
  }
  auto& peer = at->second;
  if (is_outdated(peer, packet->session, now)) {
    ++counters_.outdated;
    return flush(now);
  }
  peer.heard_at = now;
  on_session(peer, packet->session, now);
  peer.silent = false;
  if (!peer.knows_session && packet->ack_session == peer.session) peer.knows_session = true, ++version_;
  if (packet->ack_session == peer.session)
    for (auto number : packet->acks)
      if (peer.in_flight.erase(number) != 0) peer.unanswered = 0;
  if (packet->number != 0) {
    if (peer.acks_owed.size() >= limits::route_acks_owed_max) peer.acks_owed.erase(peer.acks_owed.begin());
    peer.acks_owed.push_back(packet->number);
  }
  for (auto& each : packet->updates) learn(from, peer, each, packet->number, now);
  for (auto& each : packet->requests) on_request(from, each, now);
  if (packet->asks_table) tell_everything(peer);
  if (packet->digest && !confirm_ways_via(peer.place, *packet->digest, now)) peer.asks_table = true;
  return flush(now);
}

void distance_vector::learn(const node_id& from, neighbour_entry& peer, const route_update& update, std::uint64_t number,
                            steady_time now) {
  if (update.origin == keys_.id()) return; // nobody reaches this node better than itself
  if (!is_member(update.origin)) {
    ++counters_.strangers;
    return;
  }
  bool promises = false;
  for (auto& each : update.offers) {
    if (!each || each->cost == infinite_metric) continue;
    promises = true;
    if (update.origin != from && (each->cost == 0 || each->hops == 0)) { // only the origin is at distance nought
      ++counters_.forged;
      return;
    }
  }
  // also for a retraction, which may have overtaken the promise that it withdraws; members bound the number of entries
  if (destinations_.size() >= limits::routes_max && !destinations_.contains(update.origin)) return;
  auto& of = *destinations_.try_emplace(update.origin).first;
  auto& entry = of.second;
  auto said = promises ? prove(entry, update.origin, update.said) : no_claim();
  if (!said) {
    ++counters_.forged;
    return;
  }
  if (promises && entry.newest && said->what.epoch < entry.newest->what.epoch) {
    ++counters_.outdated;
    // the origin started anew with a clock that went backwards, or somebody missed its newer word: show it, all the way
    if (peer.to_ask.size() < limits::route_entries_per_packet_max)
      peer.to_ask.push_back({update.origin, *entry.newest, metric_class::interactive, limits::hop_limit_default});
    return;
  }
  if (promises && (!entry.newest || said->what > entry.newest->what)) entry.newest = said;
  for (auto c : each_metric_class)
    if (auto& promised = update.offers[index_of(c)]) learn_offer(peer, of, said, c, *promised, number, now);
}

/// Nothing for a false signature.
distance_vector::claim_ref distance_vector::prove(destination_entry& entry, const node_id& origin, const signed_claim& said) {
  // the signature counts as well: it is told on, and a false one under a true claim would make this node the forger
  for (auto& each : entry.verified)
    if (*each == said) return each;
  if (!verify_claim(origin, said)) return nullptr;
  if (entry.verified.size() >= verified_claims_max) entry.verified.erase(entry.verified.begin());
  return entry.verified.emplace_back(std::make_shared<const signed_claim>(said));
}

void distance_vector::learn_offer(neighbour_entry& peer, destination& of, const claim_ref& said, metric_class c,
                                  const offer& promised, std::uint64_t number, steady_time now) {
  auto& table = of.second.tables[index_of(c)];
  const auto via = peer.place;
  auto* known = way_via(table, via);
  if (known == nullptr) known = &table.ways.emplace_back(learned_way{no_claim(), {}, via, false, 0, now + limits::route_life});
  if (number < known->number) {
    ++counters_.outdated;
    return;
  }
  known->number = number;
  const auto promised_before = known->promised.cost;
  learned_way next{said, promised, via, false, number, now + limits::route_life};
  if (promised.cost == infinite_metric) {
    next.said = known->said; // a retraction needs no proof, hence proves no claim
    next.expires = known->expires;
    *known = std::move(next);
  } else if (table.chosen == via && !is_feasible(table, next) && is_feasible(table, *known)) {
    // keep to the old promise until the origin answers with a newer claim (RFC 8966, 3.5.3): no gap, and no loop
    known->worse_since = true;
    known->promised.packet_bytes_max = std::min(known->promised.packet_bytes_max, promised.packet_bytes_max);
  } else {
    *known = std::move(next);
  }
  choose(of, c, news::told, now);
  // it had a better way, and was not told of ours (tell_change)
  if (table.chosen && table.chosen != via && promised.cost > promised_before && promised.cost > table.told.cost)
    tell_one(peer, of);
}

bool distance_vector::is_feasible(const table_entry& entry, const learned_way& known) const {
  if (known.promised.cost == infinite_metric) return false;
  if (!entry.feasible_claim || known.said->what > entry.feasible_claim->what) return true;
  return known.said->what == entry.feasible_claim->what && known.promised.cost < entry.feasible_cost;
}

metric distance_vector::cost_of(const learned_way& known, metric_class c) const {
  auto* peer = slots_[known.via].second;
  return peer == nullptr ? infinite_metric : over_hop(c, peer->between.cost[index_of(c)], known.promised.cost);
}

distance_vector::learned_way* distance_vector::way_via(table_entry& table, slot neighbour) {
  auto found = std::find_if(table.ways.begin(), table.ways.end(), [&](auto& each) { return each.via == neighbour; });
  return found == table.ways.end() ? nullptr : &*found;
}

void distance_vector::choose_all_via(slot neighbour, steady_time now) {
  for (auto& of : destinations_)
    for (auto c : each_metric_class)
      if (way_via(of.second.tables[index_of(c)], neighbour) != nullptr) choose(of, c, news::first_hand, now);
}

/// Of a way that is lost with a link of ours the others hear only when the origin's newer claim did not bring another one soon:
/// told at once, it would take their ways from all who lie behind us, and each of them would ask the origin, too.
void distance_vector::choose(destination& of, metric_class c, news how, steady_time now) {
  auto& [origin, entry] = of;
  auto& table = entry.tables[index_of(c)];
  const learned_way* best = nullptr;
  const learned_way* current = nullptr;
  metric best_cost = infinite_metric;
  metric current_cost = infinite_metric;
  bool hopes = false; // for an infeasible way to become feasible
  for (auto& each : table.ways) {
    const auto cost = cost_of(each, c);
    if (cost == infinite_metric || each.promised.hops >= limits::hop_limit_default) continue;
    hopes = true;
    if (!is_feasible(table, each)) continue;
    if (cost < best_cost) best = &each, best_cost = cost;
    if (table.chosen == each.via) current = &each, current_cost = cost;
  }
  if (current && static_cast<double>(best_cost) >= static_cast<double>(current_cost) * (1 - tuning_.switch_share))
    best = current, best_cost = current_cost;

  offer now_told;
  claim now_claim = table.told_claim;
  if (best) {
    now_told =
      offer{best_cost, static_cast<std::uint8_t>(best->promised.hops + 1), way_of(origin, table, *best, c).packet_bytes_max};
    now_claim = best->said->what;
  }
  const auto chosen_before = table.chosen;
  const auto told_before = table.told;
  const bool has_newer_claim = now_claim != table.told_claim;
  table.told_claim = now_claim;
  table.chosen = best ? std::optional<slot>{best->via} : std::nullopt;
  if (table.chosen != chosen_before) ++version_, pending_.changed = true;
  if (best || !hopes || told_before.cost == infinite_metric)
    table.held_until.reset();
  else if (how == news::first_hand && !table.held_until)
    table.held_until = now + limits::route_hold;
  if (table.held_until && now < *table.held_until) {
    wanted_at_ = std::min(wanted_at_, *table.held_until);
    return want_newer(origin, table, c, best_cost, now);
  }
  table.held_until.reset();
  if (table.chosen != chosen_before || now_told.packet_bytes_max != told_before.packet_bytes_max
      || has_moved(told_before.cost, now_told.cost, tuning_.tell_share)) {
    pending_.changed = true;
    table.told = now_told;
    // who has a way wants to know at once that it is gone, and who has none that there is one; costs may wait
    const bool appears = (told_before.cost == infinite_metric) != (now_told.cost == infinite_metric);
    tell_change(of, table, chosen_before, told_before, appears ? urgency::at_once : urgency::soon);
  } else if (has_newer_claim) {
    tell_askers(of); // the ways that everybody else has are as good as before
  }
  want_newer(origin, table, c, best_cost, now);
}

void distance_vector::want_newer(const node_id& origin, table_entry& entry, metric_class c, metric chosen_cost, steady_time now) {
  bool wanted = false;
  for (auto& each : entry.ways) {
    const auto cost = cost_of(each, c);
    if (cost == infinite_metric) continue;
    const bool tempting =
      chosen_cost == infinite_metric || static_cast<double>(cost) < static_cast<double>(chosen_cost) * (1 - tuning_.ask_share);
    wanted |= each.worse_since || (tempting && !is_feasible(entry, each));
  }
  const bool starves = wanted && chosen_cost == infinite_metric;
  const bool is_new = wanted && wanted_.insert({origin, c}).second;
  if (!wanted) wanted_.erase({origin, c});
  if (!wanted || is_new || (starves && !entry.starves)) {
    entry.requests = 0;
    entry.request_at = starves ? now : now + tuning_.ask_patience;
    if (wanted) wanted_at_ = std::min(wanted_at_, entry.request_at);
  }
  entry.starves = starves;
}

void distance_vector::refresh(steady_time now) {
  for (auto at = destinations_.begin(); at != destinations_.end();) {
    auto& [origin, entry] = *at;
    bool in_use = false;
    for (auto c : each_metric_class) {
      auto& table = entry.tables[index_of(c)];
      if (std::erase_if(table.ways, [&](auto& each) { return each.expires <= now; }) != 0) choose(*at, c, news::told, now);
      table.requests = 0;                                                         // ask again what nobody answered
      if (!table.ways.empty() && table.feasible_claim) table.feasible_told = now; // neighbours confirm what they heard
      in_use |= !table.ways.empty() || (table.feasible_claim && now - table.feasible_told < limits::feasible_distance_life);
    }
    in_use |= std::any_of(entry.told.begin(), entry.told.end(), [](auto& each) { return each.queued; });
    const bool was_forgotten = std::exchange(entry.forgotten, !in_use);
    at = in_use || !was_forgotten ? std::next(at) : destinations_.erase(at);
  }
  std::erase_if(wanted_, [&](auto& each) { return !destinations_.contains(each.first); });
  wanted_at_ = now;
  for (auto& [id, peer] : neighbours_) {
    refresh_neighbour(peer);
    if (peer.silent) peer.silent = false, peer.unanswered = limits::route_retransmissions_max; // one more try
  }
  const auto jitter = static_cast<double>((limits::route_refresh_max - limits::route_refresh_min).count()) * random_.next_unit();
  refresh_at_ = now + limits::route_refresh_min + duration{static_cast<duration::rep>(jitter)};
}

table_effects distance_vector::on_tick(steady_time now) {
  if (!neighbours_.empty() && now >= refresh_at_) refresh(now);
  return flush(now);
}

way distance_vector::way_of(const node_id& origin, const table_entry& entry, const learned_way& known, metric_class c) const {
  auto& [via, peer] = slots_[known.via];
  way out{origin, c, via, cost_of(known, c), static_cast<std::uint8_t>(known.promised.hops + 1), 0, false, false};
  if (peer != nullptr)
    out.packet_bytes_max = std::min(known.promised.packet_bytes_max, peer->between.packet_bytes_max[index_of(c)]);
  out.feasible = is_feasible(entry, known);
  out.chosen = entry.chosen == known.via;
  return out;
}

const distance_vector::learned_way* distance_vector::chosen_way(const table_entry& table) {
  if (!table.chosen) return nullptr;
  auto found = std::find_if(table.ways.begin(), table.ways.end(), [&](auto& each) { return each.via == *table.chosen; });
  return found == table.ways.end() ? nullptr : &*found;
}

std::optional<way> distance_vector::best(const node_id& to, metric_class c, const node_id* except) const {
  auto at = destinations_.find(to);
  if (at == destinations_.end()) return std::nullopt;
  auto& table = at->second.tables[index_of(c)];
  std::optional<way> out;
  auto consider = [&](const learned_way& each) {
    auto found = way_of(to, table, each, c);
    if (found.feasible && found.cost != infinite_metric && (!out || found.cost < out->cost)) out = found;
  };
  if (!except) {
    if (auto* chosen = chosen_way(table)) consider(*chosen);
    return out;
  }
  for (auto& each : table.ways)
    if (slots_[each.via].first != *except) consider(each);
  return out;
}

std::vector<way> distance_vector::get_ways() const {
  std::vector<way> out;
  for (auto& [origin, entry] : destinations_)
    for (auto c : each_metric_class)
      for (auto& each : entry.tables[index_of(c)].ways) out.push_back(way_of(origin, entry.tables[index_of(c)], each, c));
  std::stable_sort(out.begin(), out.end(), [](auto& left, auto& right) { return left.destination < right.destination; });
  return out;
}

std::vector<way> distance_vector::get_chosen_ways() const {
  std::vector<way> out;
  out.reserve(destinations_.size() * metric_classes);
  for (auto& [origin, entry] : destinations_)
    for (auto c : each_metric_class) {
      auto& table = entry.tables[index_of(c)];
      auto* chosen = chosen_way(table);
      if (chosen == nullptr) continue;
      auto found = way_of(origin, table, *chosen, c);
      if (found.feasible && found.cost != infinite_metric) out.push_back(found);
    }
  return out;
}

} // namespace glow::route
