#include "runtime/host/surroundings.hpp"

#include <sodium.h>

namespace glow::host {
namespace {

class sodium_random final : public random_source {
public:
  void fill(std::span<std::uint8_t> out) override { randombytes_buf(out.data(), out.size()); }
};

} // namespace

std::shared_ptr<random_source> system_random() {
  if (sodium_init() < 0) return nullptr; // no entropy source at all: the caller refuses to start
  return std::make_shared<sodium_random>();
}

wall_time system_wall_now() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

surroundings system_surroundings(event_loop& loop) { return {system_random(), system_wall_now, loop}; }

} // namespace glow::host
