/// One machine of a simulated mesh: what survives a crash of its process (keys, files, database), and the outside world
/// that one incarnation of the process sees. When the incarnation dies, its world goes deaf and mute at that instant.
#pragma once

#include "runtime/host/surroundings.hpp"
#include "runtime/identity/keys.hpp"
#include "runtime/store/memory_database.hpp"
#include "tests/simulation/engine.hpp"

#include <map>

namespace glow::simulation {

/// What survives.
struct machine_disk {
  std::map<std::string, byte_string> files;
  std::shared_ptr<store::memory_database> database = std::make_shared<store::memory_database>();
  bool full = false;
  bool slow = false;
};

/// Calendar of a machine: off by `offset`, and fast by `drift` (a share; -0.0001 is 100 ppm slow).
struct machine_clock {
  duration offset{};
  double drift = 0;
};

class simulated_world final : public outside_world {
public:
  simulated_world(engine& runs, std::shared_ptr<machine_disk> disk, std::shared_ptr<machine_clock> clock, std::uint64_t seed);

  /// From now on nothing that its actors still do has any effect.
  void die() { *alive_ = false; }
  bool is_alive() const { return *alive_; }
  std::shared_ptr<const bool> life() const { return alive_; }

  random_source& random() override { return random_; }
  wall_time wall_now() override;
  host::actor_loop& loop() override { return engine_.loop(); }
  bool has_threads() const override { return false; }
  std::vector<std::string> reachable_hosts() override { return {}; }
  result<byte_string> read_file(const std::string& path, std::size_t bytes_max) override;
  result<void> replace_file(const std::string& path, byte_view bytes) override;
  result<std::shared_ptr<store::database>> open_database(const std::string& directory) override;
  /// Runs for a while of virtual time, prints its environment's GLOW_JOB, GLOW_STEP and GLOW_INPUT, and ends with status 0.
  result<std::unique_ptr<host::process>> start_process(const host::process_spec& spec,
                                                       std::function<void(int status)> on_exit) override;

private:
  engine& engine_;
  std::shared_ptr<machine_disk> disk_;
  std::shared_ptr<machine_clock> clock_;
  seeded_random random_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace glow::simulation
