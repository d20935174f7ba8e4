/// Signals as something to wait for, instead of something that interrupts.
#pragma once

#include "runtime/host/home_files.hpp"

#include <chrono>
#include <csignal>
#include <initializer_list>

namespace glow::client {

/// While it lives, these signals do nothing by themselves. Requires: one at a time, in a process with one thread.
class signal_watch {
public:
  explicit signal_watch(std::initializer_list<int> signals);
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  /// The signal that came before or within `pause`; 0: none.
  int within(std::chrono::milliseconds pause) const;

private:
  sigset_t before_{};
  host::owned_fd fd_;
};

} // namespace glow::client
