// The coordinator's dealings with workers: who gets which step, heartbeats, and what happens when a worker is lost.
#include "runtime/jobs/coordinator_machine.hpp"
#include "runtime/jobs/limits.hpp"

#include <algorithm>

namespace glow::jobs {

effects coordinator_machine::set_candidates(std::vector<candidate> candidates, steady_time now) {
  effects todo;
  for (auto& [node, each] : workers_) each.reachable = false;
  for (auto& each : candidates) {
    auto [at, is_new] = workers_.try_emplace(each.node);
    if (is_new || at->second.leases.empty()) at->second.last_good = now;
    at->second.who = each;
    at->second.reachable = true;
  }
  // without leases an unreachable worker is nothing to us; with leases it has lease_life to come back
  std::erase_if(workers_,
                [](auto& each) { return !each.second.reachable && each.second.leases.empty() && !each.second.offer_pending; });
  assign(now, todo);
  arm(now, todo);
  return todo;
}

coordinator_machine::worker* coordinator_machine::least_loaded(steady_time now) {
  worker* best = nullptr;
  double best_load = 0;
  for (auto& [node, each] : workers_) {
    if (!each.reachable || each.offer_pending || now - each.last_good > limits::lease_life) continue;
    auto held = each.leases.size();
    // twice its slots: the next step waits there already when one ends
    if (held >= std::min<std::size_t>(2 * each.slots, each.slots + limits::worker_queue_max)) continue;
    auto load = static_cast<double>(held + each.others) / each.slots;
    if (!best || load < best_load || (load == best_load && each.who.hops < best->who.hops)) {
      best = &each;
      best_load = load;
    }
  }
  return best;
}

/// Deals waiting steps out one by one to whoever is least loaded, then sends one offer to each worker that got some.
void coordinator_machine::assign(steady_time now, effects& todo) {
  if (epoch_ == 0) return;
  std::map<node_id, std::vector<lease>> offers;
  std::deque<std::pair<std::string, std::uint64_t>> later;
  while (!waiting_.empty()) {
    auto [id, index] = waiting_.front();
    auto at = jobs_.find(id);
    if (at == jobs_.end() || at->second.steps[index].state != step_state::waiting) {
      waiting_.pop_front();
      continue;
    }
    auto& each = at->second.steps[index];
    if (each.not_before > now) {
      later.push_back(waiting_.front());
      waiting_.pop_front();
      continue;
    }
    auto* to = least_loaded(now);
    if (!to) break;
    auto& offer = offers[to->who.node];
    if (offer.size() >= limits::leases_per_offer_max) break;
    waiting_.pop_front();
    each.state = step_state::offered;
    each.token = (static_cast<lease_token>(epoch_) << 32) | ++tokens_given_;
    each.worker = to->who.node;
    ++each.attempts;
    ++at->second.active;
    if (to->leases.empty()) to->last_good = now; // its first lease starts the clock
    to->leases[each.token] = {id, index};
    auto& spec = at->second.spec;
    offer.push_back({each.token, id, index, spec.command, spec.inputs[index], spec.input_commit, spec.step_timeout});
  }
  for (auto& each : later) waiting_.push_back(std::move(each));
  for (auto& [node, leases] : offers) {
    workers_.at(node).offer_pending = true;
    todo.push_back(offer_leases{node, std::move(leases)});
  }
}

effects coordinator_machine::on_offer_answered(const node_id& node, const std::vector<lease_token>& offered,
                                               const result<worker_load>& answer, steady_time now) {
  effects todo;
  auto at = workers_.find(node);
  if (at == workers_.end()) return todo;
  auto& to = at->second;
  to.offer_pending = false;
  std::set<lease_token> accepted;
  if (answer) {
    accepted.insert(answer->tokens.begin(), answer->tokens.end());
    to.last_good = now;
    to.slots = std::max(1u, answer->slots);
    to.next_beat = now + limits::lease_beat;
  } else {
    to.last_good = now - limits::lease_life - 1s; // no more offers until it answers a beat or is heard of again
  }
  for (auto token : offered) {
    auto lease = to.leases.find(token);
    if (lease == to.leases.end()) continue;
    auto [id, index] = lease->second;
    auto* each = find_step(id, index, token);
    if (!each || each->state != step_state::offered) continue;
    if (accepted.contains(token)) {
      each->state = step_state::running;
    } else {
      // a full worker is no failure of the step; an unreachable one is no attempt either: the command never ran there
      --each->attempts;
      give_back(jobs_.at(id), index, answer ? "refused" : answer.why().message, false, now, todo);
    }
  }
  if (answer)
    to.others = answer->running - std::min<std::uint32_t>(answer->running, static_cast<std::uint32_t>(to.leases.size()));
  assign(now, todo);
  arm(now, todo);
  return todo;
}

effects coordinator_machine::on_beat_answered(const node_id& node, const result<worker_load>& answer, steady_time now) {
  effects todo;
  auto at = workers_.find(node);
  if (at == workers_.end()) return todo;
  auto& to = at->second;
  to.beat_pending = false;
  to.next_beat = now + limits::lease_beat;
  if (answer) {
    to.last_good = now;
    to.slots = std::max(1u, answer->slots);
    std::set<lease_token> living(answer->tokens.begin(), answer->tokens.end());
    std::vector<std::pair<std::string, std::uint64_t>> lost;
    for (auto& [token, where] : to.leases) {
      auto* each = find_step(where.first, where.second, token);
      if (each && each->state == step_state::running && !living.contains(token)) lost.push_back(where);
    }
    for (auto& [id, index] : lost) give_back(jobs_.at(id), index, to.who.name + " was restarted and lost it", true, now, todo);
    to.others = answer->running - std::min<std::uint32_t>(answer->running, static_cast<std::uint32_t>(to.leases.size()));
  }
  assign(now, todo);
  arm(now, todo);
  return todo;
}

void coordinator_machine::lose_worker(worker& lost, const std::string& why, steady_time now, effects& todo) {
  auto leases = std::exchange(lost.leases, {});
  for (auto& [token, where] : leases)
    if (auto* each = find_step(where.first, where.second, token);
        each && (each->state == step_state::offered || each->state == step_state::running))
      give_back(jobs_.at(where.first), where.second, why, true, now, todo);
}

effects coordinator_machine::on_tick(steady_time now) {
  effects todo;
  for (auto& [node, each] : workers_) {
    if (each.leases.empty()) {
      // one that failed to answer an offer is asked again, so that it can come back
      if (!each.reachable || now - each.last_good <= limits::lease_life || waiting_.empty()) continue;
    } else if (now - each.last_good > limits::lease_life && !each.offer_pending) {
      lose_worker(each, each.who.name + " has not answered for " + std::to_string(limits::lease_life / 1s) + " s", now, todo);
      continue;
    }
    if (each.beat_pending || each.next_beat > now) continue;
    send_beat beat{node, {}};
    for (auto& [token, where] : each.leases) beat.tokens.push_back(token);
    each.beat_pending = true;
    todo.push_back(std::move(beat));
  }
  assign(now, todo);
  arm(now, todo);
  return todo;
}

/// Nothing to do, no timer: an idle coordinator does not wake its node.
void coordinator_machine::arm(steady_time now, effects& todo) const {
  if (idle()) return;
  todo.push_back(wake_at{now + limits::lease_beat / 2});
}

} // namespace glow::jobs
