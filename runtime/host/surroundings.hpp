/// What the actors of a node take from the outside world besides messages: randomness, calendar time, the loop they
/// live on. A value that is handed down the supervision tree, so that simulation can hand down another world.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/time.hpp"
#include "runtime/host/event_loop.hpp"

#include <functional>
#include <memory>

namespace glow {

class surroundings {
public:
  /// Requires: `random` is safe to call from every thread of the agent; `loop` outlives all actors.
  surroundings(std::shared_ptr<random_source> random, std::function<wall_time()> wall_clock, host::event_loop& loop)
    : random_{std::move(random)}, wall_clock_{std::move(wall_clock)}, loop_{&loop} {}

  random_source& random() const { return *random_; }
  wall_time wall_now() const { return wall_clock_(); }
  host::event_loop& loop() const { return *loop_; }

private:
  std::shared_ptr<random_source> random_;
  std::function<wall_time()> wall_clock_;
  host::event_loop* loop_;
};

namespace host {

/// The operating system's randomness through libsodium, thread-safe.
std::shared_ptr<random_source> system_random();
wall_time system_wall_now();
/// The production world on this loop.
surroundings system_surroundings(event_loop& loop);

} // namespace host
} // namespace glow
