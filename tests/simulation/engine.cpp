#include "tests/simulation/engine.hpp"

#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace glow::simulation {
namespace {

/// Messages that one turn may handle: as in production a few, so that turns interleave.
constexpr std::uint64_t messages_per_turn_max = 4;

caf::actor_system_config& configured(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

} // namespace

engine::engine(std::uint64_t seed, std::uint64_t turns_max)
  : system_{configured(config_)}, loop_{system_, *this}, order_{seed ^ 0x6f72646572ULL}, turns_max_{turns_max}, start_{now()} {}

engine::~engine() {
  watcher_ = nullptr;
  while (!frozen_.empty()) thaw(frozen_.begin()->first);
  blocked_.clear();
  for (auto& [id, ready] : std::exchange(put_aside_, {})) scheduler().jobs.push_back(ready);
  settle_at_last();
  while (!due_.empty()) due_.pop();
  scheduler().clock().cancel_all();
  settle_at_last();
}

caf::scheduler::test_coordinator& engine::scheduler() {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
}

steady_time engine::now() { return scheduler().clock().now(); }

void engine::simulated_loop::exec_later(caf::resumable* ready) { system().scheduler().enqueue(ready); }

void engine::simulated_loop::post(std::function<void()> work) { engine_.at(engine_.now(), std::move(work)); }

void engine::at(steady_time when, std::function<void()> what) { due_.push({when, ++last_number_, std::move(what)}); }

void engine::own_new_actors(owner_number owner) { owners_.resize(system_.latest_actor_id() + 1, owner); }

void engine::act_for(owner_number owner, const std::function<void()>& work) {
  own_new_actors(nobody);
  work();
  own_new_actors(owner);
}

void engine::freeze(owner_number owner) { frozen_.try_emplace(owner); }

void engine::thaw(owner_number owner) {
  auto ready = frozen_.extract(owner);
  if (!ready.empty()) scheduler().jobs.insert(scheduler().jobs.end(), ready.mapped().begin(), ready.mapped().end());
}

void engine::block_current_for(duration time) {
  if (current_ != 0) blocked_[current_] = now() + time;
}

/// Puts the actor aside when its machine sleeps or its device is slow.
bool engine::must_wait(caf::resumable* ready, caf::actor_id id) {
  if (auto asleep = frozen_.find(id < owners_.size() ? owners_[id] : nobody); asleep != frozen_.end()) {
    asleep->second.push_back(ready);
    return true;
  }
  auto blocked = blocked_.find(id);
  if (blocked == blocked_.end()) return false;
  if (blocked->second > now()) {
    put_aside_[id] = ready;
    at(blocked->second, [this, id] {
      if (auto waiting = put_aside_.extract(id)) scheduler().jobs.push_back(waiting.mapped());
    });
    return true;
  }
  blocked_.erase(blocked);
  return false;
}

void engine::run_one_actor() {
  auto& jobs = scheduler().jobs;
  auto pick = jobs.size() == 1 ? 0 : order_.next_below(jobs.size());
  std::swap(jobs[pick], jobs.back());
  auto* actor = jobs.back();
  jobs.pop_back();
  if (auto* known = dynamic_cast<caf::scheduled_actor*>(actor)) {
    if (must_wait(actor, known->id())) return;
    current_ = known->id();
    hash_.add(current_);
    ++turns_[known->name()];
    // only now: asking a sleeping actor's mailbox for its size would mark it awake, and nobody would run it any more
    longest_mailbox_ = std::max(longest_mailbox_, known->mailbox().size());
  }
  if (watcher_) watcher_();
  ++events_;
  own_new_actors(nobody);
  auto outcome = actor->resume(&loop_, 1 + order_.next_below(messages_per_turn_max));
  own_new_actors(current_ < owners_.size() ? owners_[current_] : nobody); // children are their parent's machine's
  current_ = 0;
  switch (outcome) {
  case caf::resumable::resume_later: jobs.push_back(actor); break;
  case caf::resumable::done:
  case caf::resumable::awaiting_message: caf::intrusive_ptr_release(actor); break;
  case caf::resumable::shutdown_execution_unit: break;
  }
}

std::map<std::string, std::uint64_t> engine::turns() const {
  std::map<std::string, std::uint64_t> out;
  for (auto& [name, count] : turns_) out[name] += count;
  return out;
}

void engine::settle() {
  std::uint64_t turns = 0;
  while (true) {
    while (!scheduler().jobs.empty()) {
      run_one_actor();
      if (++turns > turns_max_) throw std::runtime_error{"actors spin: the clock cannot move"};
    }
    if (due_.empty() || due_.top().when > now()) return;
    auto what = std::move(const_cast<due_event&>(due_.top()).what); // the queue orders by the other fields
    due_.pop();
    ++events_;
    what();
  }
}

void engine::settle_at_last() noexcept {
  try {
    settle();
  } catch (const std::exception&) {
    // told as a violation when it happened; what still spins is leaked rather than waited for
    scheduler().jobs.clear();
    system_.await_actors_before_shutdown(false);
  }
}

void engine::run_until(steady_time end, const std::function<bool()>& stop) {
  auto& clock = scheduler().clock();
  while (true) {
    settle();
    if (stop && stop()) return;
    auto next = end;
    if (!due_.empty()) next = std::min(next, due_.top().when);
    if (!clock.schedule().empty()) next = std::min(next, clock.schedule().begin()->first);
    hash_.add(static_cast<std::uint64_t>(next.time_since_epoch().count()));
    if (next > clock.now())
      clock.advance_time(next - clock.now());
    else if (!clock.schedule().empty() && clock.schedule().begin()->first <= clock.now())
      clock.advance_time(0ns);
    if (clock.now() >= end && scheduler().jobs.empty() && (due_.empty() || due_.top().when > end)) return;
  }
}

} // namespace glow::simulation
