#include "runtime/host/process_figures.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>
#include <vector>

using namespace glow;

TEST_CASE("a process sees its own memory, files, threads, processor time and wake-ups") {
  const auto before = host::read_process_figures();
  REQUIRE(before);
  CHECK(before->resident_bytes > 1u << 20);

  std::vector<char> much(32u << 20, 'x');
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  std::promise<void> enough;
  std::thread other{[wait = enough.get_future()]() mutable { wait.get(); }};
  auto during = host::read_process_figures();
  for (auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
       during && during->processor_seconds <= before->processor_seconds && std::chrono::steady_clock::now() < until;)
    during = host::read_process_figures(); // which is work
  REQUIRE(during);
  CHECK(during->resident_bytes > before->resident_bytes + (16u << 20));
  CHECK(during->open_files == before->open_files + 2);
  CHECK(during->threads == before->threads + 1);
  CHECK(during->processor_seconds > before->processor_seconds);

  enough.set_value();
  other.join();
  std::this_thread::sleep_for(std::chrono::milliseconds{1});
  CHECK(host::read_process_figures()->wakeups > before->wakeups);
  CHECK(host::read_process_figures()->open_files == before->open_files + 2);
  CHECK(much.back() == 'x');
  for (auto each : pipe) ::close(each);
}
