/// The event loop of an agent: one libuv loop on one thread, which also runs loop actors (loop_actor.hpp).
/// Refuses to know sockets: transports use `uv()` on the loop's own thread.
#pragma once

#include "runtime/host/actor_loop.hpp"

#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace caf {
class resumable;
}

namespace glow::host {

/// Owns the loop and its thread. Loop actors are resumed here: a message between two of them costs no thread switch.
class event_loop final : public actor_loop {
public:
  /// Starts the thread. `system` must outlive the loop.
  explicit event_loop(caf::actor_system& system);
  /// Stops the thread once every queued actor turn has run. Requires: no loop actor is alive and nobody posts any more.
  ~event_loop() override;
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// The libuv loop. Requires: called on the loop's thread (every uv call but uv_async_send is).
  uv_loop_t* uv() override { return &loop_; }
  loop_unit& unit() override { return unit_; }
  void post(std::function<void()> work) override;
  bool on_loop_thread() const { return std::this_thread::get_id() == thread_id_; }

private:
  class own_unit final : public loop_unit {
  public:
    own_unit(caf::actor_system& system, event_loop& loop) : loop_unit{&system}, loop_{loop} {}
    void exec_later(caf::resumable* ready) override { loop_.enqueue(ready); }
    bool arm(const timer_key& key, steady_time when, loop_tick tick) override;

  private:
    event_loop& loop_;
  };

  void enqueue(caf::resumable* ready);
  void fire_due_timers();
  void set_alarm();
  void on_alarm();
  void wake();
  void take_inbox();
  void run_ready_actors();
  void count_turns(std::size_t turns);
  void on_quiet_check();
  void run();

  uv_loop_t loop_{};
  uv_async_t woken_{};
  uv_prepare_t before_poll_{};
  uv_check_t after_poll_{};
  uv_idle_t busy_{};
  bool busy_active_ = false;
  uv_timer_t quiet_check_{}; // runs after a burst of work only
  std::size_t turns_since_release_ = 0;
  std::size_t turns_at_check_ = 0;
  own_unit unit_;

  timer_queue<loop_tick> timers_; ///< loop thread only
  int alarm_ = -1;                ///< a timerfd: libuv's own timers know whole milliseconds only
  uv_poll_t alarm_poll_{};
  steady_time alarm_at_ = steady_time::max(); ///< when it goes off; never later than the first timer

  std::deque<caf::resumable*> ready_; // loop thread only
  std::mutex inbox_mutex_;
  std::vector<caf::resumable*> inbox_;
  std::vector<std::function<void()>> posted_;
  bool stopping_ = false;

  std::thread::id thread_id_;
  std::thread thread_;
};

} // namespace glow::host
