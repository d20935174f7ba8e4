/// The agent as a process: started in the background, waited for, found gone.
#pragma once

#include "apps/client/connection.hpp"

namespace glow::cli {

/// glowd beside this program, else the one on $PATH.
std::string agent_program();
/// Makes HOME (and its parents) if it is missing; mode 0700. Errors: `io`.
result<void> make_home(const std::string& home);
/// Starts glowd for `home` in a session of its own, its output added to HOME/log, and waits until it answers.
/// Errors: `failed` with the last line of its log when it ends early; `timed_out`.
result<pid_t> start_agent(const std::string& home);
/// Becomes glowd: returns only on failure.
error become_agent(const std::string& home);
/// Waits until the process has ended. Errors: `timed_out`.
result<void> wait_for_end(pid_t pid, std::chrono::milliseconds patience);

} // namespace glow::cli
