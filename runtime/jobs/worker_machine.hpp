/// Works on steps that coordinators lease to this node: takes them in, runs as many at once as it has slots, reports how
/// they ended until somebody takes the result. Sans-io. Refuses to know processes, files and the store.
///
///   queued ─► preparing (input) ─► running ─► staging (outputs) ─► reporting ─► gone
///      └───────────┴── cancelled, or its coordinator is silent: killed ──┘
#pragma once

#include "runtime/jobs/records.hpp"

#include <deque>
#include <map>
#include <variant>
#include <vector>

namespace glow::jobs {

// ---- effects ---------------------------------------------------------------------------------------------------
/// Make a directory of its own and bring the input there; then on_prepared.
struct prepare_step {
  lease of;
};
/// Run the command (placeholders replaced); then on_exited.
struct run_step {
  lease of;
  std::vector<std::string> argv;
};
/// End the command's whole process group at once; on_exited follows.
struct kill_step {
  lease_token token = 0;
};
/// Put what the step left into the store; then on_staged.
struct stage_step {
  lease_token token = 0;
};
/// Tell the coordinator; then on_reported.
struct report_result {
  node_id coordinator;
  step_result ended;
};
/// Remove the step's directory.
struct clean_up {
  lease_token token = 0;
};
struct wake_worker_at {
  steady_time when{};
};
using worker_effect = std::variant<prepare_step, run_step, kill_step, stage_step, report_result, clean_up, wake_worker_at>;
using worker_effects = std::vector<worker_effect>;

class worker_machine {
public:
  /// Requires: slots > 0.
  explicit worker_machine(std::uint32_t slots) : slots_{slots} {}

  /// Answers with what was accepted; `todo` gets the effects.
  worker_load on_offer(const node_id& coordinator, std::vector<lease> leases, steady_time now, worker_effects& todo);
  /// Which of the asker's leases live. Those it does not name any more are given up.
  worker_load on_beat(const node_id& coordinator, const std::vector<lease_token>& tokens, steady_time now, worker_effects& todo);
  worker_effects on_cancel(const node_id& coordinator, const std::vector<lease_token>& tokens, steady_time now);

  /// The input lies at `local` (relative to the step's directory; empty: none), or why not.
  worker_effects on_prepared(lease_token token, const result<std::string>& local, steady_time now);
  /// The command ended with this status (128 + signal), or could not be started.
  worker_effects on_exited(lease_token token, const result<int>& status, steady_time now);
  worker_effects on_staged(lease_token token, const result<std::pair<byte_string, std::uint64_t>>& staged, steady_time now);
  /// The coordinator took it, or dropped it (both true), or could not be asked (error).
  worker_effects on_reported(lease_token token, const result<bool>& answer, steady_time now);
  worker_effects on_tick(steady_time now);

  std::size_t size() const { return steps_.size(); }
  std::uint32_t slots() const { return slots_; }

private:
  enum class phase : std::uint8_t { queued, preparing, running, staging, reporting };
  struct held_step {
    lease of;
    node_id coordinator{};
    phase at = phase::queued;
    bool given_up = false;
    bool timed_out = false;
    steady_time heard{};    ///< last sign of its coordinator
    steady_time deadline{}; ///< while running
    step_result ended{};
    bool report_pending = false;
    std::size_t reports = 0;
    steady_time next_report{};
  };

  worker_load load_for(const node_id& coordinator) const;
  void start_queued(worker_effects& todo);
  void give_up(held_step& step, worker_effects& todo);
  void fail_early(held_step& step, std::string why, steady_time now, worker_effects& todo);
  void report(held_step& step, steady_time now, worker_effects& todo);
  void forget(lease_token token, worker_effects& todo);
  void arm(steady_time now, worker_effects& todo) const;

  std::uint32_t slots_;
  std::size_t busy_ = 0; ///< preparing, running or staging
  std::map<lease_token, held_step> steps_;
  std::deque<lease_token> queue_;
};

/// `{}` becomes `local`, `{/}` its base name; other braces stay. Without an input both stay as they are.
std::vector<std::string> fill_placeholders(const std::vector<std::string>& command, const std::string& local);

} // namespace glow::jobs
