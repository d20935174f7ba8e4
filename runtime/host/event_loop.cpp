#include "runtime/host/event_loop.hpp"

#include "runtime/host/limits.hpp"
#include "runtime/host/memory.hpp"

#include <caf/actor_system.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <cassert>
#include <csignal>
#include <future>
#include <system_error>

#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace glow::host {
namespace {

int open_alarm() {
  int alarm = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); // std::chrono::steady_clock's clock
  if (alarm < 0) throw std::system_error{errno, std::generic_category(), "cannot create the timer of an event loop"};
  return alarm;
}

} // namespace

event_loop::event_loop(caf::actor_system& system) : unit_{system, *this} {
  std::signal(SIGPIPE, SIG_IGN); // a peer that hangs up is an error of one channel, not the end of the program
  uv_loop_init(&loop_);
  uv_async_init(&loop_, &woken_, [](uv_async_t* handle) { static_cast<event_loop*>(handle->data)->take_inbox(); });
  uv_prepare_init(&loop_, &before_poll_);
  uv_check_init(&loop_, &after_poll_);
  uv_idle_init(&loop_, &busy_);
  uv_timer_init(&loop_, &quiet_check_);
  alarm_ = open_alarm();
  uv_poll_init(&loop_, &alarm_poll_, alarm_);
  uv_poll_start(&alarm_poll_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<event_loop*>(handle->data)->on_alarm(); });
  alarm_poll_.data = quiet_check_.data = this;
  woken_.data = before_poll_.data = after_poll_.data = busy_.data = this;
  // actors made ready by timers and callbacks run before the loop sleeps, those made ready by I/O right after it woke
  uv_prepare_start(&before_poll_, [](uv_prepare_t* handle) {
    auto* loop = static_cast<event_loop*>(handle->data);
    loop->run_ready_actors();
    loop->set_alarm();
  });
  uv_check_start(&after_poll_, [](uv_check_t* handle) { static_cast<event_loop*>(handle->data)->run_ready_actors(); });
  std::promise<std::thread::id> started;
  auto id = started.get_future();
  thread_ = std::thread{[this, &started] {
    pthread_setname_np(pthread_self(), "glow-loop");
    started.set_value(std::this_thread::get_id());
    run();
  }};
  thread_id_ = id.get();
}

event_loop::~event_loop() {
  post([this] { stopping_ = true; });
  thread_.join();
  uv_loop_close(&loop_);
  ::close(alarm_);
}

void event_loop::run() {
  while (!stopping_) uv_run(&loop_, UV_RUN_ONCE);
  run_ready_actors();
  // whatever a transport left open is closed here, so that the loop's memory is given back whole
  uv_walk(
    &loop_,
    [](uv_handle_t* handle, void*) {
      if (!uv_is_closing(handle)) uv_close(handle, nullptr);
    },
    nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
}

void event_loop::post(std::function<void()> work) {
  bool first;
  {
    std::lock_guard guard{inbox_mutex_};
    first = inbox_.empty() && posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (first) wake();
}

void event_loop::wake() { uv_async_send(&woken_); }

void event_loop::enqueue(caf::resumable* ready) {
  if (ready->subtype() != caf::resumable::io_actor) {
    unit_.system().scheduler().enqueue(ready);
    return;
  }
  if (on_loop_thread()) {
    ready_.push_back(ready);
    return;
  }
  bool first;
  {
    std::lock_guard guard{inbox_mutex_};
    first = inbox_.empty() && posted_.empty();
    inbox_.push_back(ready);
  }
  if (first) wake();
}

bool event_loop::own_unit::arm(const timer_key& key, steady_time when, loop_tick tick) {
  if (loop_.on_loop_thread())
    loop_.timers_.arm(key, when, std::move(tick));
  else
    loop_.post([this, key, when, late = std::move(tick)]() mutable { loop_.timers_.arm(key, when, std::move(late)); });
  return true;
}

void event_loop::fire_due_timers() {
  if (!timers_.next()) return;
  const auto now = std::chrono::steady_clock::now();
  while (auto due = timers_.take_due(now)) due->to->enqueue(due->to, caf::make_message_id(), std::move(due->what), &unit_);
}

/// Once before the loop sleeps, however many timers moved meanwhile. An alarm that goes off too early costs a look.
void event_loop::set_alarm() {
  const auto first = timers_.next();
  if (!first || *first >= alarm_at_) return;
  alarm_at_ = *first;
  const auto since_start = std::max(alarm_at_.time_since_epoch(), steady_time::duration{1}); // zero would disarm it
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(since_start / 1s);
  when.it_value.tv_nsec = static_cast<long>((since_start % 1s).count());
  ::timerfd_settime(alarm_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void event_loop::on_alarm() {
  std::uint64_t expirations = 0;
  if (::read(alarm_, &expirations, sizeof expirations) > 0) alarm_at_ = steady_time::max();
}

void event_loop::take_inbox() {
  std::vector<caf::resumable*> actors;
  std::vector<std::function<void()>> work;
  {
    std::lock_guard guard{inbox_mutex_};
    actors.swap(inbox_);
    work.swap(posted_);
  }
  ready_.insert(ready_.end(), actors.begin(), actors.end());
  for (auto& each : work) each();
}

void event_loop::run_ready_actors() {
  fire_due_timers();
  // a bounded share, so that sockets and timers get their turn even when actors keep each other busy
  std::size_t turns = 0;
  for (; turns < limits::actor_turns_per_loop && !ready_.empty(); ++turns) {
    auto* actor = ready_.front();
    ready_.pop_front();
    switch (actor->resume(&unit_, limits::messages_per_turn)) {
    case caf::resumable::resume_later: ready_.push_back(actor); break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message: caf::intrusive_ptr_release(actor); break;
    case caf::resumable::shutdown_execution_unit: break;
    }
  }
  count_turns(turns);
  bool more = !ready_.empty();
  if (more == busy_active_) return;
  busy_active_ = more;
  if (more)
    uv_idle_start(&busy_, [](uv_idle_t*) {}); // makes the poll return at once
  else
    uv_idle_stop(&busy_);
}

/// After a burst, a timer waits for quiet and then gives the burst's memory back; an idle loop has no timer.
void event_loop::count_turns(std::size_t turns) {
  turns_since_release_ += turns;
  if (turns_since_release_ < limits::turns_of_a_burst || uv_is_active(reinterpret_cast<uv_handle_t*>(&quiet_check_))) return;
  turns_at_check_ = turns_since_release_;
  auto wait_ms =
    static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(limits::quiet_after_burst).count());
  uv_timer_start(
    &quiet_check_, [](uv_timer_t* handle) { static_cast<event_loop*>(handle->data)->on_quiet_check(); }, wait_ms, wait_ms);
}

void event_loop::on_quiet_check() {
  bool busy = turns_since_release_ - turns_at_check_ > limits::turns_of_a_burst / 10;
  turns_at_check_ = turns_since_release_;
  if (busy) return;
  uv_timer_stop(&quiet_check_);
  turns_since_release_ = 0;
  release_free_memory();
}

} // namespace glow::host
