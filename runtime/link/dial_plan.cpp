#include "runtime/link/dial_plan.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/link_policy.hpp"
#include "runtime/link/places.hpp"
#include "runtime/link/proxy.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace glow::link {
namespace {

/// Best first: what costs least per byte.
std::size_t preference(const std::string& scheme) {
  static constexpr std::array<std::string_view, 4> order = {"loopback", "unix", "udp", "tcp"};
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), scheme) - order.begin());
}

} // namespace

duration dial_backoff(unsigned failures, duration cap, random_source& random) {
  auto wait = limits::dial_backoff_min;
  for (unsigned i = 1; i < failures && wait < cap; ++i) wait *= 2;
  wait = std::min(wait, cap);
  auto jittered = std::chrono::duration_cast<duration>(wait * (0.5 + 0.5 * random.next_unit()));
  return std::max(jittered, limits::dial_backoff_min);
}

bool dial_plan::rests(const target& each) const {
  if (each.permanent || !each.expected) return false; // a permanent place was asked for by name: it may be a second path
  auto of = links_.find(*each.expected);
  return of != links_.end() && of->second.contains(each.uri.scheme);
}

std::set<std::string_view> dial_plan::busy_places() const {
  std::set<std::string_view> out;
  for (auto& [id, each] : targets_)
    if (each.at != phase::waiting) out.insert(each.place);
  return out;
}

bool dial_plan::is_shared(const target& each) const {
  return std::any_of(targets_.begin(), targets_.end(),
                     [&](auto& other) { return &other.second != &each && other.second.place == each.place; });
}

bool dial_plan::make_room(const std::optional<node_id>& expected, bool permanent) {
  auto worst = targets_.end();
  std::size_t of_node = 0;
  for (auto it = targets_.begin(); it != targets_.end(); ++it) {
    auto& each = it->second;
    if (each.permanent || each.expected != expected) continue;
    ++of_node;
    if (each.at != phase::waiting) continue;
    if (worst == targets_.end() || each.failures > worst->second.failures) worst = it;
  }
  bool crowded = !permanent && of_node >= limits::dial_targets_per_node_max;
  if (!crowded && targets_.size() < limits::dial_targets_max) return true;
  if (permanent || worst == targets_.end() || worst->second.failures == 0) return false;
  targets_.erase(worst);
  return true;
}

bool is_same_address(channel_uri one, channel_uri other) {
  for (auto* policy : {"class", "bulk"}) one.parameters.erase(policy), other.parameters.erase(policy); // link_policy.hpp
  return one == other;
}

std::vector<dial_id> dial_plan::superseded_by(const channel_uri& uri) const {
  std::vector<dial_id> out;
  for (auto& [id, each] : targets_)
    if (each.uri != uri && is_same_address(each.uri, uri)) out.push_back(id);
  return out;
}

result<dial_id> dial_plan::add(const channel_uri& uri, const std::optional<node_id>& expected, bool permanent, steady_time now) {
  for (auto& [id, each] : targets_)
    if (each.uri == uri && (each.expected == expected || !expected || !each.expected)) {
      each.permanent = each.permanent || permanent;
      if (expected) each.expected = expected;
      return id;
    }
  if (!permanent)
    for (auto& [id, each] : targets_) // what the owner said of that address holds, whoever names it
      if (each.permanent && is_same_address(each.uri, uri) && (each.expected == expected || !expected || !each.expected))
        return id;
  if (!permanent && !is_shareable(uri))
    return error{error_code::usage,
                 to_shown_text(uri) + " is dialled only when this machine's owner asks for it (glow link add)"};
  if (auto proxy = proxy_of(uri); !proxy) return proxy.why();
  if (auto policy = policy_of(uri); !policy) return policy.why();
  if (!make_room(expected, permanent))
    return error{error_code::exhausted,
                 "no room to remember " + to_shown_text(uri) + ": too many places to dial; remove some (glow link rm)"};
  target made;
  made.uri = uri;
  made.place = to_string(uri);
  made.expected = expected;
  made.permanent = permanent;
  made.due = now;
  targets_.emplace(++last_id_, std::move(made));
  return last_id_;
}

bool dial_plan::remove(dial_id dial) { return targets_.erase(dial) > 0; }

void dial_plan::keep_members(const std::function<bool(const node_id&)>& is_member) {
  std::erase_if(targets_, [&](auto& entry) {
    auto& each = entry.second;
    return !each.permanent && each.expected && !is_member(*each.expected);
  });
}

steady_time dial_plan::next_unproven_turn() const { return unproven_burst_ > 0 ? steady_time{} : unproven_turn_; }

void dial_plan::take_unproven_turn(steady_time now) {
  if (unproven_burst_ > 0) --unproven_burst_;
  auto pause = limits::dial_unproven_pause;
  for (auto turns = unproven_fruitless_++ / limits::dial_unproven_burst; turns > 1 && pause < limits::dial_unproven_pause_max;
       --turns)
    pause *= 2;
  unproven_turn_ = now + std::min(pause, limits::dial_unproven_pause_max);
}

void dial_plan::start_unproven_anew() {
  unproven_burst_ = limits::dial_unproven_burst;
  unproven_fruitless_ = 0;
}

std::vector<dial_start> dial_plan::take_due(steady_time now) {
  // unproven ones take turns: whoever was dialled least often is next, or the first ones would have all of them
  auto rank = [](const target& each) {
    return std::tuple{!is_proven(each), is_proven(each) ? 0 : each.failures, preference(each.uri.scheme)};
  };
  std::vector<std::tuple<decltype(rank(target{})), dial_id, target*>> due;
  std::size_t in_flight = 0;
  for (auto& [id, each] : targets_) {
    if (each.at == phase::dialling) ++in_flight;
    if (each.at == phase::waiting && each.due <= now && !rests(each)) due.emplace_back(rank(each), id, &each);
  }
  std::sort(due.begin(), due.end());
  auto busy = busy_places();
  std::vector<dial_start> out;
  std::map<node_id, int> started; // of each node, in this turn
  for (auto& [order, id, each] : due) {
    if (busy.contains(each->place)) continue; // until that dial or link has ended
    if (in_flight + out.size() >= limits::dials_in_flight_max) {
      each->due = now + limits::dial_stagger;
      continue;
    }
    if (!is_proven(*each) && next_unproven_turn() > now) {
      each->due = next_unproven_turn();
      continue;
    }
    if (each->expected)
      if (auto earlier = started[*each->expected]++; earlier > 0) {
        each->due = now + earlier * limits::dial_stagger;
        continue;
      }
    if (!is_proven(*each)) take_unproven_turn(now);
    each->at = phase::dialling;
    each->asks_anybody = is_shared(*each);
    busy.insert(each->place);
    out.push_back({id, each->uri, each->asks_anybody ? std::nullopt : each->expected});
  }
  return out;
}

std::optional<steady_time> dial_plan::next_due() const {
  std::optional<steady_time> next;
  const auto busy = busy_places();
  for (auto& [id, each] : targets_)
    if (each.at == phase::waiting && (!next || each.due < *next) && !rests(each) && !busy.contains(each.place)) next = each.due;
  return next;
}

void dial_plan::back_off(target& each, const error& why, steady_time now, random_source& random) {
  each.at = phase::waiting;
  each.last_error = why.message;
  ++each.failures;
  auto cap = limits::dial_backoff_max;
  bool merely_away = why.code == error_code::unreachable || why.code == error_code::timed_out || why.code == error_code::none;
  if (each.expected && merely_away) cap = limits::dial_backoff_max_of_member;
  if (merely_away && each.linked_at && now - *each.linked_at < limits::dial_eager_for) cap = limits::dial_backoff_max_of_recent;
  each.due = now + dial_backoff(each.failures, cap, random);
}

void dial_plan::failed(dial_id dial, const error& why, steady_time now, random_source& random) {
  auto found = targets_.find(dial);
  if (found == targets_.end() || found->second.at != phase::dialling) return;
  auto& failed = found->second;
  back_off(failed, why, now, random);
  if (!failed.asks_anybody) return;
  for (auto& [id, each] : targets_) // whoever was asked for, nobody is there
    if (each.at == phase::waiting && each.place == failed.place) each.due = std::max(each.due, failed.due);
}

void dial_plan::linked(dial_id dial, steady_time now) {
  auto found = targets_.find(dial);
  if (found == targets_.end() || found->second.at != phase::dialling) return;
  if (!is_proven(found->second)) start_unproven_anew();
  found->second.at = phase::linked;
  found->second.linked_at = now;
  found->second.last_error.clear();
}

std::optional<dial_id> dial_plan::linked_to(dial_id dial, const node_id& peer, steady_time now, random_source& random) {
  auto found = targets_.find(dial);
  if (found == targets_.end()) return {};
  if (accepts(dial, peer)) {
    linked(dial, now);
    return dial;
  }
  auto& vain = found->second;
  if (vain.at == phase::dialling)
    back_off(vain, {error_code::unreachable, "another node is at that address now: " + to_short_string(peer)}, now, random);
  for (auto& [id, each] : targets_)
    if (each.at == phase::waiting && each.place == vain.place && each.expected == peer) {
      each.at = phase::dialling;
      linked(id, now);
      return id;
    }
  return {};
}

void dial_plan::lost(dial_id dial, const error& why, steady_time now, random_source& random) {
  auto found = targets_.find(dial);
  if (found == targets_.end() || found->second.at != phase::linked) return;
  auto& each = found->second;
  if (now - *each.linked_at >= limits::dial_settled_after) each.failures = 0;
  each.linked_at = now; // eagerness counts from the loss
  back_off(each, why, now, random);
}

void dial_plan::node_linked(const node_id& node, const std::string& kind) { ++links_[node][kind]; }

void dial_plan::node_unlinked(const node_id& node, const std::string& kind) {
  auto of = links_.find(node);
  if (of == links_.end()) return;
  auto found = of->second.find(kind);
  if (found != of->second.end() && --found->second == 0) of->second.erase(found);
  if (of->second.empty()) links_.erase(of);
}

void dial_plan::interfaces_changed(steady_time now) {
  start_unproven_anew();
  for (auto& [id, each] : targets_)
    if (each.at == phase::waiting) {
      each.failures = 0;
      each.due = now;
    }
}

std::vector<dial_waiting> dial_plan::waiting(steady_time now) const {
  std::vector<dial_waiting> out;
  for (auto& [id, each] : targets_)
    if (each.at == phase::waiting && !rests(each))
      out.push_back({id, each.uri, each.expected, std::max<duration>(each.due - now, 0s), each.last_error});
  return out;
}

} // namespace glow::link
