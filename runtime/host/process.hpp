/// Child processes on the event loop: started, waited for, killed with everything they started themselves.
/// Refuses to interpret what they do.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/host/actor_loop.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace glow::host {

struct process_spec {
  std::vector<std::string> argv;                                ///< argv[0] is looked up in PATH
  std::string directory;                                        ///< working directory
  std::string output_path;                                      ///< stdout goes there, truncated; mode 0600
  std::string error_path;                                       ///< stderr likewise
  std::vector<std::pair<std::string, std::string>> environment; ///< added to this process's own
};

/// A running child. It leads a process group of its own and dies with this process, even if that one is killed.
class process {
public:
  /// Kills the group if it still runs; `on_exit` is not called any more.
  virtual ~process() = default;
  /// SIGKILL to the whole group; on_exit follows. Requires: loop thread.
  virtual void kill() = 0;
};

/// Requires: called on the loop's thread (a loop actor's handler is). `on_exit` gets the exit status as a shell tells it,
/// 128 + signal where a signal ended it.
/// Errors: `io` (the operating system's words), `not_found` (no such command).
result<std::unique_ptr<process>> start_process(actor_loop& loop, const process_spec& spec,
                                               std::function<void(int status)> on_exit);

} // namespace glow::host
