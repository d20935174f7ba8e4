/// Where loop actors live: an event loop with a thread in production, the scheduler of a simulation otherwise.
/// Refuses to say what else happens there.
#pragma once

#include <caf/execution_unit.hpp>

#include <functional>

#include <uv.h>

namespace glow::host {

class actor_loop {
public:
  virtual ~actor_loop() = default;

  /// The execution unit that loop actors are spawned with.
  virtual caf::execution_unit& unit() = 0;
  /// Runs `work` where the loop's actors run, soon, in order. Thread-safe.
  virtual void post(std::function<void()> work) = 0;
  /// The libuv loop; null where no operating system is below. Requires: called on the loop's thread.
  virtual uv_loop_t* uv() = 0;
};

} // namespace glow::host
