#include "tests/simulation/simulated_world.hpp"

#include <array>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>

namespace glow::simulation {
namespace {

/// 2026-01-01 00:00 UTC: certificates and tickets of a simulation begin here.
constexpr wall_time simulation_begins = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
constexpr duration step_time_min = 100ms;
constexpr duration slow_access_max = 1s;
constexpr duration step_time_spread = 3s;

/// The machine's database as one incarnation of the process sees it.
class incarnation_database final : public store::database {
public:
  incarnation_database(engine& runs, std::shared_ptr<machine_disk> disk, std::shared_ptr<const bool> alive, std::uint64_t seed)
    : engine_{runs}, disk_{std::move(disk)}, alive_{std::move(alive)}, random_{seed} {}

  result<std::optional<byte_string>> get(store::family in, byte_view key) override {
    if (!*alive_) return dead();
    take_time();
    return disk_->database->get(in, key);
  }
  result<bool> contains(store::family in, byte_view key) override {
    if (!*alive_) return dead();
    return disk_->database->contains(in, key);
  }
  result<void> write(const store::write_batch& batch, store::durable when) override {
    if (!*alive_) return dead();
    take_time();
    if (disk_->full && !batch.empty()) return error{error_code::exhausted, "no space left on device"};
    return disk_->database->write(batch, when);
  }
  result<void> scan(store::family in, byte_view prefix, byte_view from, const visitor& visit) override {
    if (!*alive_) return dead();
    return disk_->database->scan(in, prefix, from, visit);
  }

private:
  static error dead() { return {error_code::io, "the process is dead"}; }
  void take_time() {
    if (disk_->slow) engine_.block_current_for(duration{static_cast<std::int64_t>(random_.next_below(slow_access_max.count()))});
  }
  engine& engine_;
  std::shared_ptr<machine_disk> disk_;
  std::shared_ptr<const bool> alive_;
  seeded_random random_;
};

/// Files carry the machine's time, not the real one: it ends up in trees, and so in their addresses.
void set_file_time(const std::string& path, wall_time when) {
  auto since = when.time_since_epoch();
  auto whole = std::chrono::floor<std::chrono::seconds>(since);
  timespec at{whole.count(), std::chrono::nanoseconds{since - whole}.count()};
  std::array times{at, at};
  ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0);
}

class simulated_process final : public host::process {
public:
  simulated_process(engine& runs, duration takes, std::function<void(int)> on_exit)
    : engine_{runs}, on_exit_{std::make_shared<std::function<void(int)>>(std::move(on_exit))} {
    end_after(takes, 0);
  }
  ~simulated_process() override { *on_exit_ = nullptr; }
  simulated_process(const simulated_process&) = delete;
  simulated_process& operator=(const simulated_process&) = delete;
  void kill() override { end_after(0ns, 137); }

private:
  void end_after(duration wait, int status) {
    engine_.after(wait, [status, held = on_exit_] {
      if (auto tell = std::exchange(*held, nullptr)) tell(status);
    });
  }
  engine& engine_;
  std::shared_ptr<std::function<void(int)>> on_exit_;
};

} // namespace

simulated_world::simulated_world(engine& runs, std::shared_ptr<machine_disk> disk, std::shared_ptr<machine_clock> clock,
                                 std::uint64_t seed)
  : engine_{runs}, disk_{std::move(disk)}, clock_{std::move(clock)}, random_{seed} {}

wall_time simulated_world::wall_now() {
  auto elapsed = engine_.elapsed();
  auto drifted = duration{static_cast<std::int64_t>(static_cast<double>(elapsed.count()) * clock_->drift)};
  return simulation_begins + std::chrono::duration_cast<std::chrono::milliseconds>(elapsed + drifted + clock_->offset);
}

result<byte_string> simulated_world::read_file(const std::string& path, std::size_t bytes_max) {
  auto found = disk_->files.find(path);
  if (!is_alive() || found == disk_->files.end()) return error{error_code::not_found, path + ": no such file"};
  if (found->second.size() > bytes_max) return error{error_code::exhausted, path + ": too long"};
  return found->second;
}

result<void> simulated_world::replace_file(const std::string& path, byte_view bytes) {
  if (!is_alive()) return error{error_code::io, "the process is dead"};
  if (disk_->full) return error{error_code::exhausted, path + ": no space left on device"};
  disk_->files[path] = to_bytes(bytes);
  return {};
}

result<std::shared_ptr<store::database>> simulated_world::open_database(const std::string&) {
  if (!is_alive()) return error{error_code::io, "the process is dead"};
  return std::shared_ptr<store::database>{std::make_shared<incarnation_database>(engine_, disk_, alive_, random_.next_u64())};
}

result<std::unique_ptr<host::process>> simulated_world::start_process(const host::process_spec& spec,
                                                                      std::function<void(int)> on_exit) {
  if (!is_alive()) return error{error_code::io, "the process is dead"};
  {
    std::ofstream out{spec.output_path, std::ios::binary};
    for (auto& [key, value] : spec.environment)
      if (key != "GLOW_JOB") out << key << "=" << value << "\n";
    out << "run " << random_.next_u64() << "\n"; // programs tell times, so that a second run gives other bytes
    std::ofstream{spec.error_path, std::ios::binary};
  }
  set_file_time(spec.output_path, wall_now());
  set_file_time(spec.error_path, wall_now());
  auto takes =
    step_time_min + duration{static_cast<std::int64_t>(random_.next_below(static_cast<std::uint64_t>(step_time_spread.count())))};
  return std::unique_ptr<host::process>{std::make_unique<simulated_process>(engine_, takes, std::move(on_exit))};
}

} // namespace glow::simulation
