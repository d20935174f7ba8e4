/// What the actors of a node take from the outside world besides messages: randomness, calendar time, files, processes, the
/// loop they live on. Actors get `surroundings`, a value that is handed down the supervision tree, so that a simulation can
/// hand down another world. Refuses to know media: transports bring those.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/time.hpp"
#include "runtime/host/actor_loop.hpp"
#include "runtime/host/process.hpp"
#include "runtime/store/database.hpp"

#include <memory>

namespace glow {

/// One node's outside world. All but loop() may be called from every thread of the agent.
class outside_world {
public:
  virtual ~outside_world() = default;

  virtual random_source& random() = 0;
  virtual wall_time wall_now() = 0;
  virtual host::actor_loop& loop() = 0;
  /// Whether blocking actors may have threads of their own. A simulation has one thread for everything.
  virtual bool has_threads() const = 0;
  /// Addresses that others may reach this machine at, as hosts of URIs.
  virtual std::vector<std::string> reachable_hosts() = 0;
  /// Errors: `not_found`, `io`, `exhausted` (longer than bytes_max).
  virtual result<byte_string> read_file(const std::string& path, std::size_t bytes_max) = 0;
  /// All or nothing, durable when it returns, readable by its owner alone. Errors: `io`, `exhausted` (disk full).
  virtual result<void> replace_file(const std::string& path, byte_view bytes) = 0;
  /// Errors: as database::write.
  virtual result<std::shared_ptr<store::database>> open_database(const std::string& directory) = 0;
  /// As host::start_process.
  virtual result<std::unique_ptr<host::process>> start_process(const host::process_spec& spec,
                                                               std::function<void(int status)> on_exit) = 0;
};

class surroundings {
public:
  /// Requires: the world's loop outlives all actors.
  explicit surroundings(std::shared_ptr<outside_world> world) : world_{std::move(world)} {}

  outside_world& outside() const { return *world_; }
  random_source& random() const { return world_->random(); }
  wall_time wall_now() const { return world_->wall_now(); }
  host::actor_loop& loop() const { return world_->loop(); }
  /// Shares the world's randomness with those that keep a source of their own.
  std::shared_ptr<random_source> shared_random() const { return {world_, &world_->random()}; }

private:
  std::shared_ptr<outside_world> world_;
};

namespace host {

/// The operating system's randomness through libsodium, thread-safe.
std::shared_ptr<random_source> system_random();
wall_time system_wall_now();
/// The production world on this loop; tests put their own randomness and calendar in.
surroundings system_surroundings(actor_loop& loop, std::shared_ptr<random_source> random = system_random(),
                                 std::function<wall_time()> wall_clock = system_wall_now);

} // namespace host
} // namespace glow
