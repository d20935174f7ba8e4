/// Runs every actor of a simulated mesh on one thread, in virtual time and in an order that the seed alone decides.
/// CAF's test coordinator holds what is ready; this engine picks which actor goes next, moves the clock to the next thing
/// that is due when none is ready, and hashes what it did, so that two runs of one seed can be compared.
/// Refuses to know nodes and networks.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/time.hpp"
#include "runtime/host/actor_loop.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <unordered_map>
#include <vector>

namespace glow::simulation {

/// Running hash of what happened (FNV-1a, 64 bits): equal hashes stand for equal runs.
class event_hash {
public:
  void add(std::uint64_t word) {
    for (int i = 0; i < 64; i += 8) value_ = (value_ ^ ((word >> i) & 0xff)) * 0x100000001b3ULL;
  }
  std::uint64_t value() const { return value_; }

private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

/// Whose an actor is: its machine's number.
using owner_number = std::uint32_t;
inline constexpr owner_number nobody = UINT32_MAX;

class engine {
public:
  /// `turns_max`: an actor that is ready this often while the clock stands still spins.
  explicit engine(std::uint64_t seed, std::uint64_t turns_max = 5'000'000);
  /// Requires: every actor was told to exit; those that are left are run until they have.
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  caf::actor_system& system() { return system_; }
  host::actor_loop& loop() { return loop_; }
  steady_time now();
  /// Since the start of the simulation.
  duration elapsed() { return std::chrono::duration_cast<duration>(now() - start_); }

  /// Runs `what` at that time, after everything that was asked for earlier at the same time.
  void at(steady_time when, std::function<void()> what);
  void after(duration wait, std::function<void()> what) { at(now() + wait, std::move(what)); }

  /// Runs until the virtual time `end`, or until `stop` (asked whenever the clock is about to move) says so.
  void run_until(steady_time end, const std::function<bool()>& stop = nullptr);
  void run_for(duration time, const std::function<bool()>& stop = nullptr) { run_until(now() + time, stop); }
  /// Runs what is ready, without letting time pass. Throws std::runtime_error when that never ends.
  void settle();
  /// As settle(), for the end of a run: actors that spin are left as they are.
  void settle_at_last() noexcept;

  /// Actors that `work` spawns, and all that those spawn, belong to `owner`.
  void act_for(owner_number owner, const std::function<void()>& work);
  /// None of the owner's actors has a turn until thaw(): its machine sleeps. Their mailboxes and timers go on.
  void freeze(owner_number owner);
  void thaw(owner_number owner);
  /// The actor whose turn it is has its next one after `time` at the earliest: it waits for a slow device. No effect between
  /// turns.
  void block_current_for(duration time);

  event_hash& hash() { return hash_; }
  /// Actor turns and network events so far.
  std::uint64_t events() const { return events_; }
  /// Turns of the actors of each name so far.
  std::map<std::string, std::uint64_t> turns() const;
  /// The most messages that waited for one actor when its turn came.
  std::size_t longest_mailbox() const { return longest_mailbox_; }
  /// Called before each actor turn.
  void on_turn(std::function<void()> watcher) { watcher_ = std::move(watcher); }

private:
  class simulated_loop final : public host::actor_loop, public host::loop_unit {
  public:
    simulated_loop(caf::actor_system& system, engine& owner) : host::loop_unit{&system}, engine_{owner} {}
    host::loop_unit& unit() override { return *this; }
    /// The engine turns the actor system's clock, whose timers are the simulation's.
    bool arm(const host::timer_key&, steady_time, host::loop_tick) override { return false; }
    void exec_later(caf::resumable* ready) override;
    void post(std::function<void()> work) override;
    uv_loop_t* uv() override { return nullptr; }

  private:
    engine& engine_;
  };
  struct due_event {
    steady_time when;
    std::uint64_t number;
    std::function<void()> what;
    bool operator>(const due_event& other) const { return std::tie(when, number) > std::tie(other.when, other.number); }
  };

  caf::scheduler::test_coordinator& scheduler();
  void run_one_actor();
  bool must_wait(caf::resumable* ready, caf::actor_id id);
  void own_new_actors(owner_number owner);

  caf::actor_system_config config_;
  caf::actor_system system_;
  simulated_loop loop_;
  seeded_random order_;
  std::uint64_t turns_max_;
  steady_time start_;
  std::vector<owner_number> owners_;                            ///< by actor id
  std::map<owner_number, std::vector<caf::resumable*>> frozen_; ///< ready, but not yet to be run
  std::map<caf::actor_id, steady_time> blocked_;
  std::map<caf::actor_id, caf::resumable*> put_aside_; ///< ready, but blocked
  caf::actor_id current_ = 0;
  std::priority_queue<due_event, std::vector<due_event>, std::greater<>> due_;
  std::uint64_t last_number_ = 0;
  std::uint64_t events_ = 0;
  std::unordered_map<const char*, std::uint64_t> turns_; ///< by the name's place: literals, cheap to count
  std::size_t longest_mailbox_ = 0;
  event_hash hash_;
  std::function<void()> watcher_;
};

} // namespace glow::simulation
