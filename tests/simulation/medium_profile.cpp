#include "tests/simulation/medium_profile.hpp"

#include <array>

namespace glow::simulation {

std::optional<medium_profile> find_profile(std::string_view name) {
  static const std::array profiles{
    medium_profile{"lan", "udp", false, true, 200us, 100us, 0.0001, 1'000'000'000, 1 << 20, 1232, "", 1472, 1472},
    medium_profile{"wifi", "udp", false, true, 2ms, 4ms, 0.01, 100'000'000, 256 << 10, 1232, "", 1472, 1472},
    medium_profile{"dsl", "udp", false, false, 12ms, 3ms, 0.001, 20'000'000, 128 << 10, 1232, "", 1472, 1464},
    medium_profile{"lte", "udp", false, false, 40ms, 30ms, 0.01, 10'000'000, 128 << 10, 1232, "", 1472, 1372},
    medium_profile{"tcp-wan", "tcp", true, false, 25ms, 5ms, 0.005, 50'000'000, 1 << 20, 65535, ""},
    medium_profile{"tty-9600", "tty", false, true, 1ms, 0ms, 0.0005, 9600, 4096, 1232, "control"},
    medium_profile{"drop", "drop", true, false, 20s, 40s, 0, 1'000'000, 1 << 20, 65535, "drop"},
  };
  for (auto& each : profiles)
    if (each.name == name) return each;
  return std::nullopt;
}

} // namespace glow::simulation
