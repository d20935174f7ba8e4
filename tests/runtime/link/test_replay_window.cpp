#include "runtime/link/replay_window.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <set>

using namespace glow::link;

TEST_CASE("a replayed counter is rejected") {
  replay_window window;
  CHECK(window.accept(0));
  CHECK_FALSE(window.accept(0));
  CHECK(window.accept(5));
  CHECK(window.accept(3));
  CHECK_FALSE(window.accept(5));
  CHECK_FALSE(window.accept(3));
}

TEST_CASE("a counter beyond the window is too old") {
  replay_window window;
  REQUIRE(window.accept(10000));
  CHECK(window.would_accept(10001 - replay_window::span));
  CHECK_FALSE(window.would_accept(10000 - replay_window::span));
  CHECK(window.accept(10001 - replay_window::span));
}

TEST_CASE("the replay window agrees with a model that remembers everything") {
  REQUIRE(rc::check("replay window", [] {
    replay_window window;
    std::set<std::uint64_t> seen;
    std::uint64_t base = *rc::gen::inRange<std::uint64_t>(0, 1u << 20);
    auto steps = *rc::gen::container<std::vector<std::uint64_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 64), rc::gen::inRange<std::uint64_t>(0, 3 * replay_window::span)));
    for (auto step : steps) {
      auto counter = base + step;
      bool expected = !seen.count(counter) && (seen.empty() || counter + replay_window::span > *seen.rbegin());
      RC_ASSERT(window.would_accept(counter) == expected);
      RC_ASSERT(window.accept(counter) == expected);
      if (expected) seen.insert(counter);
      if (step % 7 == 0) base += step / 2;
    }
  }));
}
