/// One command of one program while it runs: its arguments, its one answer, its streams in and out.
/// Commands are functions on this (mesh_commands.cpp, store_commands.cpp, job_commands.cpp, …).
/// Refuses to outlive the control actor: everything here happens in the actor's own turns.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/control/socket.hpp"
#include "runtime/control/messages.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <span>

namespace glow {

struct control_state;
using control_self = caf::stateful_actor<control_state, loop_hosted<control_actor::base>>*;

class command_call;
using call_ptr = std::shared_ptr<command_call>;

/// One line of the command table.
struct command_entry {
  std::string_view name;
  duration deadline; ///< the command fails with timed_out after it, whatever it waits for
  void (*run)(const call_ptr& call);
};

std::span<const command_entry> mesh_commands();
std::span<const command_entry> store_commands();
std::span<const command_entry> job_commands();
std::span<const command_entry> stream_commands();
std::span<const command_entry> mail_commands();
std::span<const command_entry> actor_commands();
std::span<const command_entry> metrics_commands();

class command_call : public std::enable_shared_from_this<command_call> {
public:
  command_call(control_self self, control_client_id client, control::start_command start)
    : self_{self}, client_{client}, start_{std::move(start)} {}

  // ---- what was asked
  control_self self() const { return self_; }
  const node_parts& parts() const;
  const std::string& name() const { return start_.name; }
  bool has(std::string_view key) const;
  /// First value of the key, or the text given here.
  std::string text(std::string_view key, std::string otherwise = {}) const;
  std::vector<std::string> texts(std::string_view key) const;
  /// The value as a number. Errors: `usage` when it is none or above `most`.
  result<std::uint64_t> number(std::string_view key, std::uint64_t otherwise, std::uint64_t most) const;

  // ---- the answer: the first one counts, later ones are dropped
  bool ended() const { return ended_; }
  void answer(const nlohmann::json& document);
  void fail(error why);

  // ---- while it runs
  /// At most ten times a second reach the program; `done == total` always does.
  void tell_progress(const progress& made);
  /// Whoever reports progress of this command tells this actor; it ends with the command.
  caf::strong_actor_ptr watcher();
  void output(byte_string bytes);
  /// Calls `next` once the program has read most of the output: at once, or when the socket has drained.
  void when_read(std::function<void()> next);
  void on_drained();

  /// Input of the program, in order; its end is an empty string of bytes.
  void take_input(std::function<void(byte_string)> take);
  void on_input(byte_string bytes);
  /// So many bytes of input have been dealt with: more may come.
  void input_used(std::size_t bytes);
  /// Runs when the command ends without its answer: cancelled, the program went away, the deadline passed.
  void on_give_up(std::function<void()> undo) { undo_ = std::move(undo); }
  /// Ends it without its own answer.
  void give_up(error why);
  /// Drops every function it holds; the actor ends.
  void forget();
  /// The program may leave its output unread for as long as it likes.
  void be_patient() { patient_ = true; }
  bool is_patient() const { return patient_; }
  void end_by(steady_time deadline) { deadline_ = deadline; }
  bool is_late(steady_time now) const { return now >= deadline_; }

private:
  void end();

  control_self self_;
  control_client_id client_;
  control::start_command start_;
  bool ended_ = false;
  bool patient_ = false;
  steady_time deadline_ = steady_time::max();
  steady_time progress_told_{};
  caf::strong_actor_ptr watcher_;
  std::function<void()> next_output_;
  std::function<void(byte_string)> take_input_;
  std::vector<byte_string> early_input_; ///< arrived before the command was ready for it
  std::function<void()> undo_;
};

} // namespace glow
