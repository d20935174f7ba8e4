/// Decides what a supervisor does when children start, stop and fail: restart strategies, intensity, backoff, escalation
/// (Erlang/OTP supervisor behaviour, with the backoff that OTP lacks). Sans-io: it never touches an actor.
/// Refuses to know why a child failed, or what it is.
///
///   starting ─► running ─► healing (stopping later siblings ─► backing off ─► starting) ─► running
///                    └──────► stopping ─► stopped               too many restarts: escalated
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/supervision/limits.hpp"

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace glow::supervision {

enum class restart_policy : std::uint8_t {
  permanent, ///< always restarted
  transient, ///< restarted unless it ended normally
  temporary, ///< never restarted
};
enum class strategy : std::uint8_t {
  one_for_one,  ///< only the child that failed
  one_for_all,  ///< all children
  rest_for_one, ///< the child that failed and those started after it
};

struct child_spec {
  std::string name;
  restart_policy restart = restart_policy::permanent;
};

struct supervisor_spec {
  strategy how = strategy::one_for_one;
  std::size_t restarts_max = limits::restarts_max; ///< within `window`; one more escalates
  duration window = limits::restart_window;
  duration backoff_min = 10ms; ///< before a child's first restart; doubles with each of its restarts inside `window`
  duration backoff_max = 5s;
  double jitter = 0.25; ///< share of the backoff that is random, 0 … 1
};

enum class child_state : std::uint8_t { stopped, running, stopping, waiting };
std::string_view to_string(child_state state);

// ---- effects: what the supervisor actor must do ----------------------------------------------------------------
struct start_child {
  std::size_t index = 0;
};
struct stop_child {
  std::size_t index = 0;
};
struct wake_at {
  steady_time when{};
};
/// All children are down; the supervisor itself ends with this reason (`none`: asked to).
struct give_up {
  error why;
};
using effect = std::variant<start_child, stop_child, wake_at, give_up>;
using effects = std::vector<effect>;

/// The decisions of one supervisor over a fixed, ordered list of children.
class supervisor_machine {
public:
  struct child {
    child_spec spec;
    child_state state = child_state::stopped;
    std::uint64_t restarts = 0;
    std::string last_failure;
  };

  supervisor_machine(supervisor_spec spec, std::vector<child_spec> children);

  /// Starts all children in order.
  effects start();
  /// A child ended, with `why.code == none` when normally. Unknown or already stopped children are ignored.
  effects on_child_down(std::size_t index, const error& why, steady_time now, random_source& random);
  /// Time for what wake_at announced.
  effects on_wake(steady_time now);
  /// Stops all children in reverse order, one by one, then gives up with `why`.
  effects stop(const error& why);

  const std::vector<child>& children() const { return children_; }
  bool is_stopping() const { return leaving_.has_value(); }

private:
  bool must_restart(const child& failed, const error& why) const;
  bool count_restart(std::size_t index, steady_time now);
  duration next_backoff(std::size_t index, random_source& random) const;
  effects heal(std::size_t first, std::size_t last, duration pause, steady_time now);
  effects stop_next();
  effects after_stop(steady_time now);

  supervisor_spec spec_;
  std::vector<child> children_;
  std::deque<std::pair<steady_time, std::size_t>> restarts_; // when and which, within the window, oldest first
  std::vector<std::size_t> to_stop_;                         // last one first
  std::vector<std::size_t> to_start_;                        // in order, once to_stop_ is empty and due_ has come
  std::optional<steady_time> due_;
  std::optional<error> leaving_;
};

} // namespace glow::supervision
