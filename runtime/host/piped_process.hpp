/// A child process that speaks to us over descriptors instead of files: process.hpp for what is a medium.
#pragma once

#include "runtime/host/process.hpp"

#include <uv.h>

namespace glow::host {

/// The child's ends; they stay the caller's, who closes them after the start.
struct child_ends {
  int input = -1;
  int output = -1;
  int errors = -1;
};

/// As start_process, in the directory of this process. Requires: called on the loop's thread.
/// Errors: `io`, `not_found`.
result<std::unique_ptr<process>> start_piped_process(uv_loop_t* loop, const std::vector<std::string>& argv,
                                                     const child_ends& ends, std::function<void(int status)> on_exit);

} // namespace glow::host
