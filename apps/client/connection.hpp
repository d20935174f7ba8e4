/// One connection to the agent of a home: sends a command, brings back its JSON document.
/// Refuses to start an agent, to print, and to use threads: a call blocks until it is answered.
#pragma once

#include "runtime/control/frames.hpp"
#include "runtime/control/messages.hpp"
#include "runtime/host/home_files.hpp"

#include <sys/types.h>

#include <chrono>
#include <functional>

namespace glow::client {

/// What happens while a command runs.
struct call_options {
  std::function<void(const control::progress_made&)> on_progress;
  /// Output of the command; an error (a full disk, a closed pipe) gives the command up.
  std::function<result<void>(byte_view)> on_output;
  int input_fd = -1; ///< sent as the command's input when it is a descriptor
  /// Longer than the agent's own deadline for the command: a last resort against an agent that hangs.
  std::chrono::milliseconds patience = std::chrono::minutes{1};
};

class connection {
public:
  /// Waits up to `patience` for the socket while an agent holds the home's lock (it is starting, or healing its control).
  /// Errors: `no_agent` when none runs in `home`; `io`.
  static result<connection> open(const std::string& home, std::chrono::milliseconds patience = std::chrono::seconds{5});
  /// Process id of the agent.
  pid_t agent_pid() const;
  /// The command's JSON document.
  /// Errors: the command's own; `timed_out`; `stopped` when the agent goes away meanwhile.
  result<std::string> call(const std::string& command, std::vector<control::argument> arguments,
                           const call_options& options = {});

private:
  using clock = std::chrono::steady_clock;
  explicit connection(host::owned_fd socket) : socket_{std::move(socket)} {}

  result<void> send_waiting();
  result<void> read_input(control::command_id id, int& input_fd);
  result<void> receive();
  /// Takes answers out of what was received. True with the last one; `json` is complete then.
  result<bool> take_answers(control::command_id id, const call_options& options, std::string& json);

  host::owned_fd socket_;
  control::frame_reader frames_;
  byte_string waiting_; ///< bytes for the agent that the socket did not take yet
  std::size_t sent_ = 0;
  control::command_id next_id_ = 1;
};

} // namespace glow::client
