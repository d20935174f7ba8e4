/// Tells progress to a watcher, no more often than limits::progress_pause.
#pragma once

#include "actors/contracts/store.hpp"
#include "runtime/store/limits.hpp"

#include <caf/actor_cast.hpp>

namespace glow {

class progress_pace {
public:
  void watch(const caf::strong_actor_ptr& watcher) {
    if (watcher) watcher_ = caf::actor_cast<progress_actor>(watcher);
  }
  template <class Self>
  void tell(Self self, std::string_view what, std::uint64_t done, std::uint64_t total) {
    auto now = self->clock().now();
    if (!watcher_ || now - last_ < limits::progress_pause) return;
    last_ = now;
    self->send(watcher_, progress{std::string{what}, done, total, "B"});
  }

private:
  progress_actor watcher_;
  steady_time last_{};
};

} // namespace glow
