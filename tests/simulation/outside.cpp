#include "tests/simulation/outside.hpp"

#include "runtime/base/random.hpp"
#include "tests/simulation/simulation.hpp"

#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

#include <sodium.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace glow::simulation {
namespace {

std::atomic<bool> inside{false};
std::atomic<std::uint64_t> clock_reads{0};
std::atomic<std::uint64_t> random_reads{0};
seeded_random sodium_source{0};

const char* implementation_name() { return "seeded"; }
std::uint32_t random_word() {
  if (inside) ++random_reads;
  return static_cast<std::uint32_t>(sodium_source.next_u64());
}
void random_bytes(void* out, std::size_t size) {
  if (inside) ++random_reads;
  sodium_source.fill({static_cast<std::uint8_t*>(out), size});
}
randombytes_implementation seeded{implementation_name, random_word, nullptr, nullptr, random_bytes, nullptr};

} // namespace

namespace outside {

void enter() { inside = true; }
void leave() { inside = false; }
void forget() { clock_reads = 0, random_reads = 0; }
void seed(std::uint64_t value) {
  sodium_source = seeded_random{value};
  randombytes_set_implementation(&seeded);
}
double real_seconds() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t whole = 0, resident = 0;
  statm >> whole >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace outside

std::string outside_influence() {
  std::string out;
  if (clock_reads > 0) out += std::to_string(clock_reads) + " reads of the real clock; ";
  if (random_reads > 0) out += std::to_string(random_reads) + " reads of unseeded randomness; ";
  std::size_t threads = 0;
  for ([[maybe_unused]] auto& each : std::filesystem::directory_iterator{"/proc/self/task"}) ++threads;
  if (threads != 1) out += std::to_string(threads) + " threads; ";
  return out;
}

} // namespace glow::simulation

/// Takes the place of the C library's: std::chrono's clocks call it.
extern "C" int clock_gettime(clockid_t which, timespec* out) noexcept {
  if (glow::simulation::inside) ++glow::simulation::clock_reads;
  return static_cast<int>(::syscall(SYS_clock_gettime, which, out));
}
