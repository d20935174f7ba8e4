/// Coordinates the jobs submitted on this node: which step runs where, under which lease, and when it is over. Sans-io.
/// Steps run at least once; a lost worker's step runs elsewhere, and a late result carries an old token and is dropped, so
/// that outputs count exactly once. Refuses to run anything, and to decide when a worker's owner lets it work.
///
///   step:  waiting ─► offered ─► running ─► collecting ─► done | failed
///             ▲__________lease lost, or refused___|          (recorded in the ledger with its outputs)
#pragma once

#include "runtime/jobs/records.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <variant>

namespace glow::jobs {

enum class step_state : std::uint8_t { waiting, offered, running, collecting, recording, done, failed, cancelled };
std::string_view to_string(step_state state);

struct step {
  step_state state = step_state::waiting;
  lease_token token = 0;
  node_id worker{};
  std::uint32_t attempts = 0;
  steady_time not_before{}; ///< a step that just failed to start waits a little
  ledger_step end{};        ///< how it ended, or is about to
};

struct job {
  ledger_job spec;
  std::vector<step> steps;
  bool durable = false; ///< its record is written; only then do steps start
  std::size_t done = 0, failed = 0, cancelled = 0, active = 0;
  steady_time began{};
  std::size_t done_before = 0; ///< steps that had ended when this coordinator began with it

  bool ended() const { return done + failed + cancelled == steps.size(); }
  std::string state() const; ///< "running", "done", "failed", "cancelled"
};

/// A member that may run steps.
struct candidate {
  node_id node;
  std::string name;
  std::uint8_t hops = 0; ///< 0: this node
};

// ---- effects ---------------------------------------------------------------------------------------------------
/// Write durably, then call on_written(write, …).
struct write_records {
  std::uint64_t write = 0;
  std::vector<std::pair<byte_string, byte_string>> put;
  std::vector<byte_string> remove;
};
struct job_accepted {
  std::string id;
};
struct job_refused {
  std::string id;
  error why;
};
/// Ask a worker; then on_offer_answered.
struct offer_leases {
  node_id worker;
  std::vector<lease> leases;
};
/// Ask a worker; then on_beat_answered.
struct send_beat {
  node_id worker;
  std::vector<lease_token> tokens;
};
struct cancel_leases {
  node_id worker;
  std::vector<lease_token> tokens;
};
/// Fetch and commit the outputs of a step, and its end in the ledger with them: both or neither. Then on_collected.
struct collect_outputs {
  std::string job;
  std::uint64_t index = 0;
  lease_token token = 0;
  byte_string entries;
  node_id holder;
  std::string path;
  std::pair<byte_string, byte_string> record; ///< of the ledger: key, value
};
struct wake_at {
  steady_time when{};
};
using effect =
  std::variant<write_records, job_accepted, job_refused, offer_leases, send_beat, cancel_leases, collect_outputs, wake_at>;
using effects = std::vector<effect>;

class coordinator_machine {
public:
  /// From now on steps are leased. `epoch`: larger than at any earlier start of this node's coordinator, and not 0: what
  /// makes the tokens of an earlier life old.
  effects begin(std::uint32_t epoch, steady_time now);
  /// After a restart: a job from the ledger with the ends of its steps.
  void restore(ledger_job spec, const std::vector<std::pair<std::uint64_t, ledger_step>>& ends, steady_time now);
  /// A new job; answered by job_accepted once it is durable, or job_refused.
  effects submit(ledger_job spec, steady_time now);
  effects on_written(std::uint64_t write, const result<void>& outcome, steady_time now);
  /// Members that can be reached now, this node included if it works. A worker that left keeps its leases for a short grace.
  effects set_candidates(std::vector<candidate> candidates, steady_time now);
  effects on_offer_answered(const node_id& worker, const std::vector<lease_token>& offered, const result<worker_load>& answer,
                            steady_time now);
  effects on_beat_answered(const node_id& worker, const result<worker_load>& answer, steady_time now);
  /// A worker tells how a step ended. Returns whether it was taken; false: the token is old, forget it.
  bool on_result(const node_id& from, step_result ended, steady_time now, effects& todo);
  effects on_collected(const std::string& id, std::uint64_t index, lease_token token, const result<void>& outcome,
                       steady_time now);
  /// Errors: `not_found`; a job that has ended stays as it is.
  result<effects> cancel(const std::string& id, steady_time now);
  effects on_tick(steady_time now);

  /// Newest first.
  std::vector<const job*> list() const;
  /// By id or unique prefix. Errors: `not_found`, `usage` (more than one matches).
  result<const job*> find(const std::string& id_or_prefix) const;
  std::string name_of(const node_id& worker) const;
  /// Seconds until the end by the rate so far; negative while unknown.
  static double eta_s(const job& of, steady_time now);
  bool idle() const;

private:
  struct worker {
    candidate who;
    bool reachable = true;
    std::uint32_t slots = 1;  ///< told by its first answer
    std::uint32_t others = 0; ///< steps of other coordinators there
    bool offer_pending = false;
    bool beat_pending = false;
    steady_time next_beat{};
    steady_time last_good{};
    std::map<lease_token, std::pair<std::string, std::uint64_t>> leases;
  };
  struct pending_collection {
    std::string job;
    std::uint64_t index = 0;
    lease_token token = 0;
    byte_string entries;
    node_id holder;
  };

  step* find_step(const std::string& id, std::uint64_t index, lease_token token);
  void assign(steady_time now, effects& todo);
  worker* least_loaded(steady_time now);
  void give_back(job& of, std::uint64_t index, const std::string& why, bool counts, steady_time now, effects& todo);
  void end_step(job& of, std::uint64_t index, ledger_step end, effects& todo);
  static void count_end(job& of, step& ended);
  void drop_lease(step& of);
  void lose_worker(worker& lost, const std::string& why, steady_time now, effects& todo);
  void start_collections(effects& todo);
  std::string output_path(const job& of, std::uint64_t index) const;
  void make_room(effects& todo);
  void arm(steady_time now, effects& todo) const;

  std::uint32_t epoch_ = 0; ///< 0: not begun
  std::uint32_t tokens_given_ = 0;
  std::uint64_t writes_ = 0;
  std::map<std::string, job> jobs_;
  std::deque<std::pair<std::string, std::uint64_t>> waiting_;
  std::map<node_id, worker> workers_;
  std::deque<pending_collection> to_collect_;
  std::size_t collecting_ = 0;
  struct written {
    std::string job;
    std::optional<std::uint64_t> index;
  };
  std::map<std::uint64_t, written> writing_;
};

} // namespace glow::jobs
