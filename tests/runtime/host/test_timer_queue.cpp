#include "runtime/host/timer_queue.hpp"

#include <catch2/catch.hpp>

#include <rapidcheck.h>

#include <string>

using namespace glow;
using namespace glow::host;

namespace {

constexpr steady_time start{};

} // namespace

TEST_CASE("timers come in the order of their times, those of one time in the order in which they were armed") {
  timer_queue<std::string> timers;
  timers.arm({1, 1}, start + 3s, "third");
  timers.arm({2, 1}, start + 1s, "first");
  timers.arm({3, 1}, start + 1s, "second");
  CHECK(timers.next() == start + 1s);
  CHECK_FALSE(timers.take_due(start));
  CHECK(timers.take_due(start + 5s) == "first");
  CHECK(timers.take_due(start + 5s) == "second");
  CHECK(timers.take_due(start + 5s) == "third");
  CHECK_FALSE(timers.take_due(start + 5s));
  CHECK_FALSE(timers.next());
}

TEST_CASE("a timer that is armed again comes once, at its new time") {
  timer_queue<std::string> timers;
  timers.arm({1, 1}, start + 1s, "old");
  timers.arm({1, 2}, start + 2s, "another tick of the same actor");
  timers.arm({1, 1}, start + 3s, "new");
  CHECK(timers.size() == 2);
  CHECK(timers.take_due(start + 9s) == "another tick of the same actor");
  CHECK(timers.take_due(start + 9s) == "new");
  CHECK_FALSE(timers.take_due(start + 9s));
}

TEST_CASE("whatever is armed when, each key comes once, at the time it was armed for last") {
  rc::check([](const std::vector<std::pair<std::uint8_t, std::uint16_t>>& arms) {
    timer_queue<std::uint64_t> timers;
    std::map<std::uint64_t, std::uint16_t> last;
    for (auto& [actor, ms] : arms) {
      timers.arm({actor, 7}, start + std::chrono::milliseconds{ms}, actor);
      last[actor] = ms;
    }
    std::uint16_t before = 0;
    while (auto next = timers.next()) {
      auto actor = timers.take_due(*next);
      RC_ASSERT(actor.has_value());
      RC_ASSERT(*next == start + std::chrono::milliseconds{last.at(*actor)});
      RC_ASSERT(last.at(*actor) >= before);
      before = last.at(*actor);
      last.erase(*actor);
    }
    RC_ASSERT(last.empty());
  });
}
