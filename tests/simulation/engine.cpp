#include "tests/simulation/engine.hpp"

#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <stdexcept>

namespace glow::simulation {
namespace {

/// Messages that one turn may handle: as in production a few, so that turns interleave.
constexpr std::uint64_t messages_per_turn_max = 4;
/// An actor that is ready this often while the clock stands still spins.
constexpr std::uint64_t turns_without_time_max = 5'000'000;

caf::actor_system_config& configured(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

} // namespace

engine::engine(std::uint64_t seed)
  : system_{configured(config_)}, loop_{system_, *this}, order_{seed ^ 0x6f72646572ULL}, start_{now()} {}

engine::~engine() {
  watcher_ = nullptr;
  settle();
  while (!due_.empty()) due_.pop();
  scheduler().clock().cancel_all();
  settle();
}

caf::scheduler::test_coordinator& engine::scheduler() {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
}

steady_time engine::now() { return scheduler().clock().now(); }

std::size_t engine::pending_timers() { return scheduler().clock().schedule().size(); }

void engine::simulated_loop::exec_later(caf::resumable* ready) { system().scheduler().enqueue(ready); }

void engine::simulated_loop::post(std::function<void()> work) { engine_.at(engine_.now(), std::move(work)); }

void engine::at(steady_time when, std::function<void()> what) { due_.push({when, ++last_number_, std::move(what)}); }

void engine::run_one_actor() {
  auto& jobs = scheduler().jobs;
  auto pick = jobs.size() == 1 ? 0 : order_.next_below(jobs.size());
  std::swap(jobs[pick], jobs.back());
  auto* actor = jobs.back();
  jobs.pop_back();
  if (auto* known = dynamic_cast<caf::scheduled_actor*>(actor)) {
    hash_.add(known->id());
    // only now: asking a sleeping actor's mailbox for its size would mark it awake, and nobody would run it any more
    longest_mailbox_ = std::max(longest_mailbox_, known->mailbox().size());
  }
  if (watcher_) watcher_();
  ++events_;
  switch (actor->resume(&loop_, 1 + order_.next_below(messages_per_turn_max))) {
  case caf::resumable::resume_later: jobs.push_back(actor); break;
  case caf::resumable::done:
  case caf::resumable::awaiting_message: caf::intrusive_ptr_release(actor); break;
  case caf::resumable::shutdown_execution_unit: break;
  }
}

void engine::settle() {
  std::uint64_t turns = 0;
  while (true) {
    while (!scheduler().jobs.empty()) {
      run_one_actor();
      if (++turns > turns_without_time_max) throw std::runtime_error{"actors spin: the clock cannot move"};
    }
    if (due_.empty() || due_.top().when > now()) return;
    auto what = std::move(const_cast<due_event&>(due_.top()).what); // the queue orders by the other fields
    due_.pop();
    ++events_;
    what();
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
