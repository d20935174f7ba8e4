#include "runtime/jobs/worker_machine.hpp"

#include "runtime/jobs/limits.hpp"

#include <algorithm>
#include <set>

namespace glow::jobs {

std::vector<std::string> fill_placeholders(const std::vector<std::string>& command, const std::string& local) {
  if (local.empty()) return command;
  auto slash = local.rfind('/');
  auto base = slash == std::string::npos ? local : local.substr(slash + 1);
  std::vector<std::string> out;
  for (auto& word : command) {
    std::string filled;
    for (std::size_t i = 0; i < word.size();) {
      if (word.compare(i, 3, "{/}") == 0) {
        filled += base;
        i += 3;
      } else if (word.compare(i, 2, "{}") == 0) {
        filled += local;
        i += 2;
      } else {
        filled += word[i++];
      }
    }
    out.push_back(std::move(filled));
  }
  return out;
}

worker_load worker_machine::load_for(const node_id& coordinator) const {
  worker_load load{slots_, static_cast<std::uint32_t>(steps_.size()), {}};
  for (auto& [token, each] : steps_)
    if (each.coordinator == coordinator && !each.given_up) load.tokens.push_back(token);
  return load;
}

worker_load worker_machine::on_offer(const node_id& coordinator, std::vector<lease> leases, steady_time now,
                                     worker_effects& todo) {
  worker_load answer{slots_, 0, {}};
  for (auto& each : leases) {
    auto token = each.token;
    auto known = steps_.find(token);
    if (known != steps_.end()) { // the offer came twice
      if (known->second.coordinator == coordinator) answer.tokens.push_back(token);
      continue;
    }
    if (steps_.size() >= slots_ + limits::worker_queue_max) continue;
    held_step fresh;
    fresh.of = std::move(each);
    fresh.coordinator = coordinator;
    fresh.heard = now;
    steps_.emplace(token, std::move(fresh));
    queue_.push_back(token);
    answer.tokens.push_back(token);
  }
  answer.running = static_cast<std::uint32_t>(steps_.size());
  start_queued(todo);
  arm(now, todo);
  return answer;
}

worker_load worker_machine::on_beat(const node_id& coordinator, const std::vector<lease_token>& tokens, steady_time now,
                                    worker_effects& todo) {
  std::set<lease_token> wanted(tokens.begin(), tokens.end());
  std::vector<lease_token> unwanted;
  for (auto& [token, each] : steps_) {
    if (each.coordinator != coordinator) continue;
    each.heard = now;
    // a lease given after this beat was sent is newer than all it names; a result is taken or dropped by its own answer
    if (!wanted.contains(token) && each.at != phase::reporting && !wanted.empty() && token < *wanted.rbegin())
      unwanted.push_back(token);
  }
  for (auto token : unwanted) give_up(steps_.at(token), todo);
  start_queued(todo);
  return load_for(coordinator);
}

worker_effects worker_machine::on_cancel(const node_id& coordinator, const std::vector<lease_token>& tokens, steady_time now) {
  worker_effects todo;
  for (auto token : tokens) {
    auto found = steps_.find(token);
    if (found != steps_.end() && found->second.coordinator == coordinator) give_up(found->second, todo);
  }
  start_queued(todo);
  arm(now, todo);
  return todo;
}

/// Nobody wants this step any more: what has not begun is forgotten at once, what runs is killed and then forgotten.
void worker_machine::give_up(held_step& step, worker_effects& todo) {
  if (step.given_up) return;
  step.given_up = true;
  auto token = step.of.token;
  switch (step.at) {
  case phase::queued:
    std::erase(queue_, token);
    steps_.erase(token);
    break;
  case phase::running: todo.push_back(kill_step{token}); break;
  case phase::reporting: forget(token, todo); break;
  case phase::preparing:
  case phase::staging: break; // its answer comes soon and finds it given up
  }
}

void worker_machine::start_queued(worker_effects& todo) {
  while (busy_ < slots_ && !queue_.empty()) {
    auto& next = steps_.at(queue_.front());
    queue_.pop_front();
    next.at = phase::preparing;
    ++busy_;
    todo.push_back(prepare_step{next.of});
  }
}

worker_effects worker_machine::on_prepared(lease_token token, const result<std::string>& local, steady_time now) {
  worker_effects todo;
  auto found = steps_.find(token);
  if (found == steps_.end() || found->second.at != phase::preparing) return todo;
  auto& each = found->second;
  if (each.given_up) {
    --busy_;
    forget(token, todo);
  } else if (!local) {
    fail_early(each, "its input could not be fetched: " + local.why().message, now, todo);
  } else {
    each.at = phase::running;
    each.deadline = now + each.of.timeout;
    todo.push_back(run_step{each.of, fill_placeholders(each.of.command, *local)});
  }
  start_queued(todo);
  arm(now, todo);
  return todo;
}

worker_effects worker_machine::on_exited(lease_token token, const result<int>& status, steady_time now) {
  worker_effects todo;
  auto found = steps_.find(token);
  if (found == steps_.end() || found->second.at != phase::running) return todo;
  auto& each = found->second;
  if (each.given_up) {
    --busy_;
    forget(token, todo);
  } else if (!status) {
    fail_early(each, status.why().message, now, todo);
  } else {
    each.at = phase::staging;
    auto code = *status;
    std::string why;
    if (each.timed_out)
      why = "killed after its time was over (" + std::to_string(each.of.timeout / 1s) + " s)";
    else if (code > 128)
      why = "killed by signal " + std::to_string(code - 128);
    else if (code != 0)
      why = "exit status " + std::to_string(code);
    each.ended = {token, each.of.job, each.of.index, true, code, std::move(why), {}, 0};
    todo.push_back(stage_step{token});
  }
  start_queued(todo);
  arm(now, todo);
  return todo;
}

/// The command never ran: the coordinator may try it elsewhere.
void worker_machine::fail_early(held_step& step, std::string why, steady_time now, worker_effects& todo) {
  if (why.size() > limits::failure_text_bytes_max) why.resize(limits::failure_text_bytes_max);
  step.ended = {step.of.token, step.of.job, step.of.index, false, -1, std::move(why), {}, 0};
  --busy_;
  report(step, now, todo);
}

worker_effects worker_machine::on_staged(lease_token token, const result<std::pair<byte_string, std::uint64_t>>& staged,
                                         steady_time now) {
  worker_effects todo;
  auto found = steps_.find(token);
  if (found == steps_.end() || found->second.at != phase::staging) return todo;
  auto& each = found->second;
  if (each.given_up) {
    --busy_;
    forget(token, todo);
  } else if (!staged) {
    fail_early(each, "its outputs could not be stored: " + staged.why().message, now, todo);
  } else {
    each.ended.entries = staged->first;
    each.ended.output_bytes = staged->second;
    --busy_;
    report(each, now, todo);
  }
  start_queued(todo);
  arm(now, todo);
  return todo;
}

void worker_machine::report(held_step& step, steady_time now, worker_effects& todo) {
  step.at = phase::reporting;
  step.report_pending = true;
  ++step.reports;
  step.next_report = now + limits::result_retry;
  todo.push_back(report_result{step.coordinator, step.ended});
}

worker_effects worker_machine::on_reported(lease_token token, const result<bool>& answer, steady_time now) {
  worker_effects todo;
  auto found = steps_.find(token);
  if (found == steps_.end() || found->second.at != phase::reporting) return todo;
  auto& each = found->second;
  each.report_pending = false;
  each.next_report = now + limits::result_retry;
  if (answer || each.reports >= limits::result_retries_max) forget(token, todo);
  start_queued(todo);
  arm(now, todo);
  return todo;
}

void worker_machine::forget(lease_token token, worker_effects& todo) {
  steps_.erase(token);
  todo.push_back(clean_up{token});
}

worker_effects worker_machine::on_tick(steady_time now) {
  worker_effects todo;
  std::vector<lease_token> orphans;
  for (auto& [token, each] : steps_) {
    if (each.at == phase::reporting) {
      if (!each.report_pending && now >= each.next_report) report(each, now, todo);
    } else if (now - each.heard > limits::lease_orphan_life) {
      orphans.push_back(token);
    } else if (each.at == phase::running && now >= each.deadline && !each.timed_out) {
      each.timed_out = true;
      todo.push_back(kill_step{token});
    }
  }
  for (auto token : orphans) give_up(steps_.at(token), todo);
  start_queued(todo);
  arm(now, todo);
  return todo;
}

void worker_machine::arm(steady_time now, worker_effects& todo) const {
  if (!steps_.empty()) todo.push_back(wake_worker_at{now + limits::result_retry / 2});
}

} // namespace glow::jobs
