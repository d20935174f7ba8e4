/// The agent's side of one control connection: bytes in, commands out. It bounds and checks what a client says, and
/// remembers which of its commands still run.
/// Refuses to write: whoever owns the socket encodes the answers.
///
///   open ──garbage, oversize, a command too many──► broken (close the connection)
#pragma once

#include "runtime/control/frames.hpp"
#include "runtime/control/messages.hpp"

#include <set>

namespace glow::control {

class session {
public:
  /// What the client asked for with these bytes, in order. Input and cancellation of commands that have ended are left
  /// out: they crossed the answer on the way.
  /// Errors: `malformed` (no frame, no message, an id in use), `exhausted` (too many commands at once): close.
  result<std::vector<request>> on_bytes(byte_view bytes);
  /// The command was answered for the last time.
  void on_command_ended(command_id id) { running_.erase(id); }
  const std::set<command_id>& running() const { return running_; }

private:
  result<void> check(const request& message, std::vector<request>& out);

  frame_reader frames_;
  std::set<command_id> running_;
};

} // namespace glow::control
