/// Where loop actors live: an event loop with a thread in production, the scheduler of a simulation otherwise.
/// Refuses to say what else happens there.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/host/timer_queue.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/execution_unit.hpp>
#include <caf/message.hpp>

#include <functional>

#include <uv.h>

namespace glow::host {

/// What a timer brings when it is due. Like a message under way, it keeps its actor's memory.
struct loop_tick {
  caf::strong_actor_ptr to;
  caf::message what;
};

/// The execution unit that loop actors are spawned with.
class loop_unit : public caf::execution_unit {
public:
  using caf::execution_unit::execution_unit;

  /// Sends `tick` at that time, unless the key is armed again before. False where timers are the actor system's clock's
  /// (a simulation's): nothing was armed. Thread-safe.
  virtual bool arm(const timer_key& key, steady_time when, loop_tick tick) = 0;
};

/// A loop as its actors see it.
class actor_loop {
public:
  virtual ~actor_loop() = default;

  virtual loop_unit& unit() = 0;
  /// Runs `work` where the loop's actors run, soon, in order. Thread-safe.
  virtual void post(std::function<void()> work) = 0;
  /// The libuv loop; null where no operating system is below. Requires: called on the loop's thread.
  virtual uv_loop_t* uv() = 0;
};

} // namespace glow::host
