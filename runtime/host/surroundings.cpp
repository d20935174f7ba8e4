#include "runtime/host/surroundings.hpp"

#include "runtime/host/files.hpp"
#include "runtime/host/interfaces.hpp"
#include "runtime/host/rocks_database.hpp"

#include <sodium.h>

namespace glow::host {
namespace {

class sodium_random final : public random_source {
public:
  void fill(std::span<std::uint8_t> out) override { randombytes_buf(out.data(), out.size()); }
};

class system_world final : public outside_world {
public:
  system_world(actor_loop& loop, std::shared_ptr<random_source> random, std::function<wall_time()> wall_clock)
    : loop_{&loop}, random_{std::move(random)}, wall_clock_{std::move(wall_clock)} {}

  random_source& random() override { return *random_; }
  wall_time wall_now() override { return wall_clock_(); }
  actor_loop& loop() override { return *loop_; }
  bool has_threads() const override { return true; }
  std::vector<std::string> reachable_hosts() override { return host::reachable_hosts(); }
  result<byte_string> read_file(const std::string& path, std::size_t bytes_max) override {
    return host::read_file(path, bytes_max);
  }
  result<void> replace_file(const std::string& path, byte_view bytes) override {
    return write_file_atomically(path, bytes, 0600);
  }
  result<std::shared_ptr<store::database>> open_database(const std::string& directory) override {
    auto opened = rocks_database::open(directory);
    if (!opened) return opened.why();
    return std::shared_ptr<store::database>{std::move(*opened)};
  }
  result<std::unique_ptr<process>> start_process(const process_spec& spec, std::function<void(int)> on_exit) override {
    return host::start_process(*loop_, spec, std::move(on_exit));
  }

private:
  actor_loop* loop_;
  std::shared_ptr<random_source> random_;
  std::function<wall_time()> wall_clock_;
};

} // namespace

std::shared_ptr<random_source> system_random() {
  if (sodium_init() < 0) return nullptr; // no entropy source at all: the caller refuses to start
  return std::make_shared<sodium_random>();
}

wall_time system_wall_now() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

surroundings system_surroundings(actor_loop& loop, std::shared_ptr<random_source> random, std::function<wall_time()> wall_clock) {
  return surroundings{std::make_shared<system_world>(loop, std::move(random), std::move(wall_clock))};
}

} // namespace glow::host
