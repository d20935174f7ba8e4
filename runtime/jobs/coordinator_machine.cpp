#include "runtime/jobs/coordinator_machine.hpp"

#include "runtime/jobs/limits.hpp"

#include <algorithm>

namespace glow::jobs {

std::string_view to_string(step_state state) {
  switch (state) {
  case step_state::waiting: return "waiting";
  case step_state::offered:
  case step_state::running: return "running";
  case step_state::collecting:
  case step_state::recording: return "collecting";
  case step_state::done: return "done";
  case step_state::failed: return "failed";
  case step_state::cancelled: return "cancelled";
  }
  return "unknown";
}

std::string job::state() const {
  if (spec.cancelled) return "cancelled";
  if (!ended()) return "running";
  return failed > 0 ? "failed" : "done";
}

void coordinator_machine::restore(ledger_job spec, const std::vector<std::pair<std::uint64_t, ledger_step>>& ends,
                                  steady_time now) {
  auto id = spec.id;
  auto& made = jobs_[id];
  made.spec = std::move(spec);
  made.steps.resize(made.spec.inputs.size());
  made.durable = true;
  made.began = now;
  for (auto& [index, end] : ends) {
    if (index >= made.steps.size()) continue;
    auto& each = made.steps[index];
    each.end = end;
    each.attempts = end.attempts;
    each.state = end.done ? step_state::done : end.cancelled ? step_state::cancelled : step_state::failed;
    ++(end.done ? made.done : end.cancelled ? made.cancelled : made.failed);
  }
  made.done_before = made.done + made.failed;
  for (std::uint64_t i = 0; i < made.steps.size(); ++i) {
    if (made.steps[i].state != step_state::waiting) continue;
    if (made.spec.cancelled) {
      made.steps[i].state = step_state::cancelled;
      ++made.cancelled;
    } else {
      waiting_.emplace_back(id, i);
    }
  }
}

effects coordinator_machine::begin(std::uint32_t epoch, steady_time now) {
  epoch_ = epoch;
  return on_tick(now);
}

effects coordinator_machine::submit(ledger_job spec, steady_time now) {
  effects todo;
  auto id = spec.id;
  if (spec.inputs.empty())
    return {job_refused{id, {error_code::not_found, "nothing to run over: '" + spec.each + "' holds no file"}}};
  if (spec.inputs.size() > limits::steps_per_job_max)
    return {
      job_refused{id,
                  {error_code::exhausted, "a job may have " + std::to_string(limits::steps_per_job_max) + " steps, this one has "
                                            + std::to_string(spec.inputs.size()) + ": split it"}}};
  make_room(todo);
  if (jobs_.size() >= limits::jobs_max) {
    todo.push_back(job_refused{id, {error_code::exhausted, "too many jobs are running: wait for one to end, or cancel one"}});
    return todo;
  }
  auto& made = jobs_[id];
  made.spec = std::move(spec);
  made.steps.resize(made.spec.inputs.size());
  made.began = now;
  writing_[++writes_] = {id, std::nullopt};
  todo.push_back(write_records{writes_, {{job_key(id), encode_job(made.spec)}}, {}});
  return todo;
}

/// Forgets the oldest ended jobs so that a new one fits.
void coordinator_machine::make_room(effects& todo) {
  while (jobs_.size() >= limits::jobs_max) {
    auto oldest = jobs_.end();
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at)
      if (at->second.ended() && (oldest == jobs_.end() || at->second.spec.submitted < oldest->second.spec.submitted)) oldest = at;
    if (oldest == jobs_.end()) return;
    write_records gone{++writes_, {}, {job_key(oldest->first)}};
    for (std::uint64_t i = 0; i < oldest->second.steps.size(); ++i) gone.remove.push_back(step_key(oldest->first, i));
    jobs_.erase(oldest);
    todo.push_back(std::move(gone));
  }
}

effects coordinator_machine::on_written(std::uint64_t write, const result<void>& outcome, steady_time now) {
  effects todo;
  auto found = writing_.find(write);
  if (found == writing_.end()) return todo;
  auto what = found->second;
  writing_.erase(found);
  auto at = jobs_.find(what.job);
  if (at == jobs_.end()) return todo;
  auto& of = at->second;
  if (!what.index) {
    if (of.durable) return todo; // a later rewrite of the job's record (cancel)
    if (!outcome) {
      todo.push_back(job_refused{what.job, outcome.why()});
      jobs_.erase(at);
      return todo;
    }
    of.durable = true;
    for (std::uint64_t i = 0; i < of.steps.size(); ++i) waiting_.emplace_back(what.job, i);
    todo.push_back(job_accepted{what.job});
  } else {
    auto& ended = of.steps[*what.index];
    if (ended.state != step_state::recording) return todo;
    if (!outcome) { // the ledger could not take it: nothing was acknowledged, so the step is simply done again later
      --of.active;
      ended.state = step_state::waiting;
      ended.not_before = now + 5s;
      waiting_.emplace_back(what.job, *what.index);
    } else {
      count_end(of, ended);
    }
  }
  assign(now, todo);
  arm(now, todo);
  return todo;
}

step* coordinator_machine::find_step(const std::string& id, std::uint64_t index, lease_token token) {
  auto at = jobs_.find(id);
  if (at == jobs_.end() || index >= at->second.steps.size()) return nullptr;
  auto& found = at->second.steps[index];
  return found.token == token && token != 0 ? &found : nullptr;
}

void coordinator_machine::drop_lease(step& of) {
  if (auto at = workers_.find(of.worker); at != workers_.end()) at->second.leases.erase(of.token);
  of.token = 0;
}

/// The step goes back to the queue, or fails for good when it was tried too often.
void coordinator_machine::give_back(job& of, std::uint64_t index, const std::string& why, bool counts, steady_time now,
                                    effects& todo) {
  auto& each = of.steps[index];
  drop_lease(each);
  each.end.why = why;
  each.end.node = name_of(each.worker);
  if (counts && each.attempts > of.spec.retries) {
    end_step(of, index, {false, false, -1, each.attempts, each.end.node, why}, todo);
    return;
  }
  --of.active;
  each.state = step_state::waiting;
  each.not_before = counts ? now + 500ms * std::min(each.attempts, 20u) : now;
  waiting_.emplace_back(of.spec.id, index);
}

void coordinator_machine::end_step(job& of, std::uint64_t index, ledger_step end, effects& todo) {
  auto& each = of.steps[index];
  each.state = step_state::recording;
  each.end = std::move(end);
  writing_[++writes_] = {of.spec.id, index};
  todo.push_back(write_records{writes_, {{step_key(of.spec.id, index), encode_step(each.end)}}, {}});
}

/// Its end is in the ledger.
void coordinator_machine::count_end(job& of, step& ended) {
  --of.active;
  ended.state = ended.end.done ? step_state::done : ended.end.cancelled ? step_state::cancelled : step_state::failed;
  ++(ended.end.done ? of.done : ended.end.cancelled ? of.cancelled : of.failed);
}

bool coordinator_machine::on_result(const node_id& from, step_result ended, steady_time now, effects& todo) {
  auto* found = find_step(ended.job, ended.index, ended.token);
  // a repeated result of a step that is being collected is taken already
  if (!found || found->worker != from) return false;
  if (found->state == step_state::collecting || found->state == step_state::recording) return true;
  if (found->state != step_state::offered && found->state != step_state::running) return false;
  auto& of = jobs_.at(ended.job);
  if (!ended.started) {
    give_back(of, ended.index, ended.why, true, now, todo);
  } else {
    found->state = step_state::collecting;
    found->end = {ended.exit_status == 0, false, ended.exit_status, found->attempts, name_of(from), ended.why};
    if (auto at = workers_.find(from); at != workers_.end()) at->second.leases.erase(ended.token);
    to_collect_.push_back({ended.job, ended.index, ended.token, std::move(ended.entries), from});
    start_collections(todo);
  }
  assign(now, todo);
  arm(now, todo);
  return true;
}

void coordinator_machine::start_collections(effects& todo) {
  while (collecting_ < limits::collecting_max && !to_collect_.empty()) {
    auto next = std::move(to_collect_.front());
    to_collect_.pop_front();
    auto* found = find_step(next.job, next.index, next.token);
    if (!found || found->state != step_state::collecting) continue;
    ++collecting_;
    auto path = output_path(jobs_.at(next.job), next.index);
    todo.push_back(collect_outputs{next.job,
                                   next.index,
                                   next.token,
                                   std::move(next.entries),
                                   next.holder,
                                   std::move(path),
                                   {step_key(next.job, next.index), encode_step(found->end)}});
  }
}

/// Outputs lie under the job's own path as their inputs lie under --each.
std::string coordinator_machine::output_path(const job& of, std::uint64_t index) const {
  auto& input = of.spec.inputs[index];
  std::string_view below = input;
  if (below.starts_with(of.spec.each)) below.remove_prefix(of.spec.each.size());
  auto slash = below.rfind('/');
  auto directory = slash == std::string_view::npos ? std::string_view{} : below.substr(0, slash);
  while (directory.starts_with('/')) directory.remove_prefix(1);
  return directory.empty() ? of.spec.out : of.spec.out + "/" + std::string{directory};
}

effects coordinator_machine::on_collected(const std::string& id, std::uint64_t index, lease_token token,
                                          const result<void>& outcome, steady_time now) {
  effects todo;
  if (collecting_ > 0) --collecting_;
  if (auto* found = find_step(id, index, token); found && found->state == step_state::collecting) {
    auto& of = jobs_.at(id);
    if (outcome) {
      found->token = 0;
      count_end(of, *found);
    } else {
      bool full = outcome.why().code == error_code::exhausted; // this node's disk: no worker's fault
      give_back(of, index, "its outputs could not be collected: " + outcome.why().message, !full, now, todo);
      if (full) found->not_before = now + 5s;
    }
  }
  start_collections(todo);
  assign(now, todo);
  arm(now, todo);
  return todo;
}

result<effects> coordinator_machine::cancel(const std::string& id, steady_time now) {
  auto found = find(id);
  if (!found) return found.why();
  effects todo;
  auto& of = jobs_.at((*found)->spec.id);
  if (of.ended() || of.spec.cancelled) return todo;
  of.spec.cancelled = true;
  std::map<node_id, std::vector<lease_token>> running;
  for (auto& each : of.steps) {
    if (each.state == step_state::offered || each.state == step_state::running || each.state == step_state::collecting) {
      if (each.state != step_state::collecting) running[each.worker].push_back(each.token);
      drop_lease(each);
      --of.active;
    } else if (each.state != step_state::waiting) {
      continue;
    }
    each.state = step_state::cancelled;
    each.end.cancelled = true;
    ++of.cancelled;
  }
  std::erase_if(waiting_, [&](auto& each) { return each.first == of.spec.id; });
  for (auto& [node, tokens] : running) todo.push_back(cancel_leases{node, std::move(tokens)});
  writing_[++writes_] = {of.spec.id, std::nullopt};
  todo.push_back(write_records{writes_, {{job_key(of.spec.id), encode_job(of.spec)}}, {}});
  assign(now, todo);
  arm(now, todo);
  return todo;
}

std::vector<const job*> coordinator_machine::list() const {
  std::vector<const job*> out;
  for (auto& [id, each] : jobs_) out.push_back(&each);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->spec.submitted > b->spec.submitted; });
  return out;
}

result<const job*> coordinator_machine::find(const std::string& id_or_prefix) const {
  auto at = jobs_.lower_bound(id_or_prefix);
  if (id_or_prefix.empty() || at == jobs_.end() || !at->first.starts_with(id_or_prefix))
    return {error_code::not_found, "no job '" + id_or_prefix + "' was submitted on this node: glow jobs lists them"};
  if (at->first != id_or_prefix)
    if (auto next = std::next(at); next != jobs_.end() && next->first.starts_with(id_or_prefix))
      return {error_code::usage, "more than one job begins with '" + id_or_prefix + "': type more of its id"};
  return &at->second;
}

double coordinator_machine::eta_s(const job& of, steady_time now) {
  auto ended = of.done + of.failed + of.cancelled;
  auto here = ended - std::min(of.done_before, ended);
  if (of.ended() || here == 0) return of.ended() ? 0 : -1;
  auto spent_s = std::chrono::duration<double>(now - of.began).count();
  return spent_s / static_cast<double>(here) * static_cast<double>(of.steps.size() - ended);
}

bool coordinator_machine::idle() const {
  return std::all_of(jobs_.begin(), jobs_.end(), [](auto& each) { return each.second.ended(); });
}

std::string coordinator_machine::name_of(const node_id& node) const {
  auto at = workers_.find(node);
  return at == workers_.end() ? std::string{} : at->second.who.name;
}

} // namespace glow::jobs
