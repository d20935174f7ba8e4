#include "runtime/store/want_list.hpp"

#include "runtime/store/limits.hpp"

#include <algorithm>

namespace glow::store {

want_effects want_list::on_sources(std::vector<fetch_source> sources, steady_time now) {
  std::sort(sources.begin(), sources.end(),
            [](auto& a, auto& b) { return std::tie(a.hops, a.metric, a.node) < std::tie(b.hops, b.metric, b.node); });
  sources_ = std::move(sources);
  std::set<node_id> reachable;
  for (auto& each : sources_) reachable.insert(each.node), peers_.try_emplace(each.node);
  std::vector<std::uint64_t> lost;
  for (auto& [number, each] : requests_)
    if (!reachable.contains(each.to)) lost.push_back(number);
  for (auto number : lost) fail_request(number, "the route to it was lost");
  std::erase_if(peers_, [&](auto& each) { return !reachable.contains(each.first); });
  want_effects out;
  start_round();
  last_round_ = now;
  assign(now, out);
  return out;
}

want_effects want_list::on_want(std::uint64_t number, const std::vector<wanted_object>& objects, std::optional<node_id> holder,
                                duration timeout, steady_time now, bool metadata) {
  want_effects out;
  if (wants_.size() >= limits::wants_max || objects.size() > limits::want_objects_max) {
    out.emplace_back(want_failed{number, objects.size(), false, "too much is being fetched at the moment"});
    return out;
  }
  auto& entry = wants_[number];
  entry.holder = holder;
  entry.metadata = metadata;
  entry.timeout = timeout;
  entry.last_arrival = now;
  for (auto& each : objects) {
    auto [place, fresh] = objects_.try_emplace(each.address);
    auto& wants = place->second.wants;
    if (!wants.empty() && wants.back() == number) continue; // named twice
    wants.push_back(number);
    ++entry.missing;
    if (fresh) place->second.bytes = each.bytes;
    // also when another want has it in its queue: that one may be cancelled
    entry.waiting.push_back(each.address);
  }
  if (entry.missing == 0) {
    wants_.erase(number);
    out.emplace_back(want_fulfilled{number});
    return out;
  }
  assign(now, out);
  return out;
}

/// One object is here: every want that waited for it is a step further. Queues forget it when they meet it.
void want_list::arrived(const object_address& address, steady_time now, std::set<std::uint64_t>& touched) {
  auto place = objects_.find(address);
  if (place == objects_.end()) return;
  for (auto number : place->second.wants) {
    auto& each = wants_.at(number);
    each.last_arrival = now;
    --each.missing;
    touched.insert(number);
  }
  objects_.erase(place);
}

void want_list::tell_progress(const std::set<std::uint64_t>& touched, want_effects& out) {
  for (auto number : touched) {
    auto place = wants_.find(number);
    if (place->second.missing > 0) {
      out.emplace_back(want_progressed{number, place->second.missing});
      continue;
    }
    wants_.erase(place);
    out.emplace_back(want_fulfilled{number});
  }
}

/// The object is not under way any more: its wants take it up again.
void want_list::give_back(const object_address& address, const node_id* refused_by) {
  auto place = objects_.find(address);
  if (place == objects_.end()) return;
  place->second.request = 0;
  if (refused_by) place->second.refused.insert(*refused_by);
  for (auto number : place->second.wants) wants_.at(number).waiting.push_front(address);
}

want_effects want_list::on_answer(std::uint64_t number, const fetch_verdict& verdict, steady_time now) {
  want_effects out;
  std::set<std::uint64_t> touched;
  for (auto& each : verdict.arrived) arrived(each, now, touched); // what a late answer brought counts, too
  tell_progress(touched, out);
  auto place = requests_.find(number);
  if (place == requests_.end()) return out;
  auto asked = std::move(place->second);
  requests_.erase(place);
  auto& peer = peers_.at(asked.to);
  --peer.under_way;
  peer.missed = verdict.arrived.empty();
  if (!verdict.arrived.empty() && now - asked.asked < limits::fetch_quick_answer)
    peer.window = std::min(peer.window + 1, limits::fetch_requests_per_peer_max);
  else if (now - asked.asked > limits::fetch_slow_answer)
    peer.window = std::max<std::size_t>(peer.window / 2, 1);
  for (auto& each : verdict.tampered)
    if (auto found = objects_.find(each); found != objects_.end())
      for (auto want : found->second.wants) {
        wants_.at(want).distrusted.insert(asked.to);
        wants_.at(want).last_failure = "a peer sent bytes that do not verify";
      }
  std::set<object_address> refused{verdict.absent.begin(), verdict.absent.end()};
  refused.insert(verdict.tampered.begin(), verdict.tampered.end());
  // an answer that names nothing would otherwise be asked for the same again and again
  bool empty = verdict.arrived.empty() && refused.empty();
  for (auto each = asked.addresses.rbegin(); each != asked.addresses.rend(); ++each) {
    auto found = objects_.find(*each);
    if (found != objects_.end() && found->second.request == number)
      give_back(*each, empty || refused.contains(*each) ? &asked.to : nullptr);
  }
  assign(now, out);
  return out;
}

void want_list::fail_request(std::uint64_t number, const std::string& why) {
  auto place = requests_.find(number);
  if (place == requests_.end()) return;
  auto asked = std::move(place->second);
  requests_.erase(place);
  auto& peer = peers_.at(asked.to);
  --peer.under_way;
  peer.window = 1;
  peer.missed = true;
  for (auto each = asked.addresses.rbegin(); each != asked.addresses.rend(); ++each) {
    auto found = objects_.find(*each);
    if (found == objects_.end() || found->second.request != number) continue;
    for (auto want : found->second.wants) wants_.at(want).last_failure = why;
    give_back(*each, &asked.to);
  }
}

want_effects want_list::on_failure(std::uint64_t request, const std::string& why, steady_time now) {
  want_effects out;
  fail_request(request, why);
  assign(now, out);
  return out;
}

want_effects want_list::on_tick(steady_time now) {
  want_effects out;
  std::vector<std::uint64_t> late;
  for (auto& [number, each] : wants_)
    if (now - each.last_arrival >= each.timeout) late.push_back(number);
  for (auto number : late) {
    // what is under way is held by somebody, who is only slow
    bool under_way = std::any_of(objects_.begin(), objects_.end(), [&](auto& each) {
      auto& wants = each.second.wants;
      return each.second.request != 0 && std::find(wants.begin(), wants.end(), number) != wants.end();
    });
    auto& each = wants_.at(number);
    out.emplace_back(want_failed{number, each.missing, !under_way, each.last_failure});
    cancel(number);
  }
  if (now - last_round_ >= limits::fetch_retry_pause) {
    last_round_ = now;
    start_round();
    assign(now, out);
  }
  return out;
}

void want_list::cancel(std::uint64_t number) {
  wants_.erase(number);
  for (auto each = objects_.begin(); each != objects_.end();) {
    std::erase(each->second.wants, number);
    each = each->second.wants.empty() ? objects_.erase(each) : std::next(each);
  }
}

/// What everybody refused may be asked for again.
void want_list::start_round() {
  for (auto& [number, want] : wants_) {
    for (auto& each : want.refused) {
      auto place = objects_.find(each);
      if (place == objects_.end() || place->second.request != 0) continue;
      place->second.refused.clear();
      want.waiting.push_back(each);
    }
    want.refused.clear();
  }
}

bool want_list::has_room() const {
  return std::any_of(peers_.begin(), peers_.end(), [](auto& each) { return each.second.under_way < each.second.window; });
}

/// How good a peer is for an object: 0 a told holder, 1 one that had what it was asked for, 2 one that had not, -1 never.
int want_list::rank(const object_state& each, const node_id& node) const {
  if (each.refused.contains(node)) return -1;
  bool holder = false;
  for (auto number : each.wants) {
    auto& want = wants_.at(number);
    if (want.distrusted.contains(node)) return -1;
    holder = holder || want.holder == node;
  }
  return holder ? 0 : peers_.at(node).missed ? 2 : 1;
}

/// The best peer for one object, the nearest of equals. `busy`: worth waiting for one that has no room at the moment;
/// a peer that lacked everything lately is no way round a busy one, nor is anybody round a busy holder.
std::pair<want_list::choice, node_id> want_list::choose(const object_state& each) const {
  const fetch_source* best = nullptr;
  int best_rank = 3, busy_rank = 3;
  for (auto& source : sources_) {
    int its = rank(each, source.node);
    if (its < 0) continue;
    auto& state = peers_.at(source.node);
    if (state.under_way >= state.window)
      busy_rank = std::min(busy_rank, its);
    else if (its < best_rank)
      best = &source, best_rank = its;
  }
  if (best && best_rank <= busy_rank) return {choice::found, best->node};
  return {busy_rank < 3 ? choice::busy : choice::nobody, {}};
}

void want_list::ask(const node_id& to, filling&& what, steady_time now, want_effects& out) {
  ++peers_.at(to).under_way;
  requests_[what.number] = request_state{to, now, what.addresses};
  out.emplace_back(ask_peer{what.number, to, std::move(what.addresses), what.metadata});
}

/// One turn of a want: some of its objects go to peers. False when nothing of it could be moved.
bool want_list::assign_some(want_state& each, std::map<node_id, filling>& open, steady_time now, want_effects& out) {
  constexpr std::size_t turn_objects = 16;
  std::vector<object_address> busy;
  std::size_t moved = 0;
  while (!each.waiting.empty() && moved < turn_objects && has_room()) {
    auto address = each.waiting.front();
    each.waiting.pop_front();
    auto place = objects_.find(address);
    if (place == objects_.end() || place->second.request != 0) continue;
    auto [found, node] = choose(place->second);
    if (found == choice::nobody) each.refused.push_back(address);
    if (found == choice::busy) busy.push_back(address);
    if (found != choice::found) continue;
    ++moved;
    auto& filled = open[node];
    if (filled.number == 0) filled.number = ++last_request_;
    place->second.request = filled.number;
    filled.metadata &= each.metadata;
    filled.bytes += place->second.bytes ? place->second.bytes : limits::tree_node_bytes_max / 2;
    filled.addresses.push_back(address);
    if (filled.bytes < limits::fetch_request_bytes && filled.addresses.size() < limits::fetch_addresses_max) continue;
    ask(node, std::move(filled), now, out);
    open.erase(node);
  }
  each.waiting.insert(each.waiting.begin(), busy.begin(), busy.end());
  return moved > 0;
}

void want_list::assign(steady_time now, want_effects& out) {
  if (wants_.empty()) return;
  if (sources_.empty()) {
    for (auto& [number, each] : wants_) {
      each.refused.insert(each.refused.end(), each.waiting.begin(), each.waiting.end());
      each.waiting.clear();
    }
    return;
  }
  std::map<node_id, filling> open;
  auto turn = wants_.upper_bound(last_served_);
  for (std::size_t idle = 0; idle < wants_.size() && has_room();) {
    if (turn == wants_.end()) turn = wants_.begin();
    idle = assign_some(turn->second, open, now, out) ? 0 : idle + 1;
    last_served_ = turn->first;
    ++turn;
  }
  for (auto& [node, filled] : open) ask(node, std::move(filled), now, out);
}

} // namespace glow::store
