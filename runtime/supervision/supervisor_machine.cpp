#include "runtime/supervision/supervisor_machine.hpp"

#include <algorithm>

namespace glow::supervision {

std::string_view to_string(child_state state) {
  switch (state) {
  case child_state::stopped: return "stopped";
  case child_state::running: return "running";
  case child_state::stopping: return "stopping";
  case child_state::waiting: return "waiting";
  }
  return "unknown";
}

supervisor_machine::supervisor_machine(supervisor_spec spec, std::vector<child_spec> children) : spec_{spec} {
  for (auto& each : children) children_.push_back({std::move(each), child_state::stopped, 0, {}});
}

effects supervisor_machine::start() {
  effects todo;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    children_[i].state = child_state::running;
    todo.push_back(start_child{i});
  }
  return todo;
}

effects supervisor_machine::on_child_down(std::size_t index, const error& why, steady_time now, random_source& random) {
  if (index >= children_.size()) return {};
  auto& down = children_[index];
  if (down.state == child_state::stopping) {
    down.state = child_state::waiting;
    std::erase(to_stop_, index);
    return after_stop(now);
  }
  if (down.state != child_state::running) return {};
  down.last_failure = why.code == error_code::none ? "" : why.message;
  down.state = child_state::stopped;
  if (leaving_) {
    std::erase(to_stop_, index);
    return after_stop(now);
  }
  if (!must_restart(down, why)) return {};
  if (!count_restart(index, now))
    return stop({error_code::failed, "'" + down.spec.name + "' failed too often (" + std::to_string(spec_.restarts_max)
                                       + " restarts in a row); last: " + why.message});
  ++down.restarts;
  down.state = child_state::waiting;
  auto pause = next_backoff(index, random);
  switch (spec_.how) {
  case strategy::one_for_all: return heal(0, children_.size(), pause, now);
  case strategy::rest_for_one: return heal(index, children_.size(), pause, now);
  case strategy::one_for_one: break;
  }
  return heal(index, index + 1, pause, now);
}

bool supervisor_machine::must_restart(const child& failed, const error& why) const {
  switch (failed.spec.restart) {
  case restart_policy::permanent: return true;
  case restart_policy::transient: return why.code != error_code::none;
  case restart_policy::temporary: return false;
  }
  return true;
}

bool supervisor_machine::count_restart(std::size_t index, steady_time now) {
  while (!restarts_.empty() && now - restarts_.front().first > spec_.window) restarts_.pop_front();
  restarts_.emplace_back(now, index);
  return restarts_.size() <= spec_.restarts_max;
}

duration supervisor_machine::next_backoff(std::size_t index, random_source& random) const {
  auto own = std::count_if(restarts_.begin(), restarts_.end(), [&](auto& each) { return each.second == index; });
  auto doublings = std::min<std::ptrdiff_t>(own - 1, 20);
  auto base = std::min(spec_.backoff_max, spec_.backoff_min * (1 << doublings));
  auto share = 1.0 - spec_.jitter * random.next_unit();
  return std::chrono::duration_cast<duration>(base * share);
}

effects supervisor_machine::heal(std::size_t first, std::size_t last, duration pause, steady_time now) {
  for (std::size_t i = first; i < last; ++i) {
    auto& each = children_[i];
    bool comes_back = each.spec.restart != restart_policy::temporary;
    if (each.state == child_state::running) {
      each.state = child_state::stopping;
      to_stop_.push_back(i);
    }
    if (comes_back && std::find(to_start_.begin(), to_start_.end(), i) == to_start_.end()) to_start_.push_back(i);
  }
  std::sort(to_stop_.begin(), to_stop_.end());
  std::sort(to_start_.begin(), to_start_.end());
  // a failure while another one heals must not make the first one wait longer than its own backoff asks for
  auto due = now + pause;
  due_ = due_ ? std::max(*due_, due) : due;
  effects todo = stop_next();
  todo.push_back(wake_at{*due_});
  return todo;
}

effects supervisor_machine::stop_next() {
  if (to_stop_.empty()) return {};
  return {stop_child{to_stop_.back()}};
}

effects supervisor_machine::after_stop(steady_time now) {
  if (!to_stop_.empty()) return stop_next();
  if (leaving_) return {give_up{*leaving_}};
  return on_wake(now);
}

effects supervisor_machine::on_wake(steady_time now) {
  if (leaving_ || !due_ || !to_stop_.empty()) return {};
  if (now < *due_) return {wake_at{*due_}};
  due_.reset();
  effects todo;
  for (auto index : std::exchange(to_start_, {})) {
    children_[index].state = child_state::running;
    todo.push_back(start_child{index});
  }
  return todo;
}

effects supervisor_machine::stop(const error& why) {
  if (leaving_) return {};
  leaving_ = why;
  to_start_.clear();
  due_.reset();
  to_stop_.clear();
  bool already_stopping = false;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    auto& each = children_[i];
    already_stopping = already_stopping || each.state == child_state::stopping;
    if (each.state == child_state::running || each.state == child_state::stopping) {
      each.state = child_state::stopping;
      to_stop_.push_back(i);
    } else {
      each.state = child_state::stopped;
    }
  }
  if (to_stop_.empty()) return {give_up{*leaving_}};
  // a child that was told to stop before goes on stopping; its end continues the chain
  return stop_next();
}

} // namespace glow::supervision
