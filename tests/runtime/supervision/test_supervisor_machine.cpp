#include "runtime/supervision/supervisor_machine.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <set>

using namespace glow;
using namespace glow::supervision;

namespace {

/// Obeys the machine as the actor does, with children that stop as soon as they are told to.
struct obedient_world {
  supervisor_machine machine;
  seeded_random random{7};
  steady_time now{};
  std::set<std::size_t> alive{};
  std::vector<std::size_t> starts{};
  std::vector<std::size_t> stops{};
  std::optional<steady_time> wake{};
  std::optional<error> gave_up{};

  void obey(effects todo) {
    for (auto& each : todo) {
      if (auto* s = std::get_if<start_child>(&each)) {
        REQUIRE(!alive.contains(s->index));
        alive.insert(s->index);
        starts.push_back(s->index);
      } else if (auto* t = std::get_if<stop_child>(&each)) {
        REQUIRE(alive.contains(t->index));
        alive.erase(t->index);
        stops.push_back(t->index);
        obey(machine.on_child_down(t->index, {error_code::stopped, "stopped"}, now, random));
      } else if (auto* w = std::get_if<wake_at>(&each)) {
        wake = w->when;
      } else if (auto* g = std::get_if<give_up>(&each)) {
        gave_up = g->why;
      }
    }
  }
  void fail(std::size_t index, error why = {error_code::failed, "boom"}) {
    alive.erase(index);
    obey(machine.on_child_down(index, why, now, random));
  }
  void settle() {
    while (wake) {
      now = std::max(now, *wake);
      wake.reset();
      obey(machine.on_wake(now));
    }
  }
};

std::vector<child_spec> three(restart_policy policy = restart_policy::permanent) {
  return {{"a", policy}, {"b", policy}, {"c", policy}};
}
supervisor_spec how(strategy s) {
  supervisor_spec spec;
  spec.how = s;
  return spec;
}

} // namespace

TEST_CASE("children start in order and stop in reverse order") {
  obedient_world world{{how(strategy::one_for_one), three()}};
  world.obey(world.machine.start());
  CHECK(world.starts == std::vector<std::size_t>{0, 1, 2});
  world.obey(world.machine.stop({error_code::none, ""}));
  CHECK(world.stops == std::vector<std::size_t>{2, 1, 0});
  REQUIRE(world.gave_up);
  CHECK(world.gave_up->code == error_code::none);
}

TEST_CASE("one_for_one restarts only the child that failed, after a pause") {
  obedient_world world{{how(strategy::one_for_one), three()}};
  world.obey(world.machine.start());
  world.fail(1);
  CHECK(world.alive == std::set<std::size_t>{0, 2});
  CHECK(world.machine.children()[1].state == child_state::waiting);
  world.settle();
  CHECK(world.alive == std::set<std::size_t>{0, 1, 2});
  CHECK(world.machine.children()[1].restarts == 1);
  CHECK(world.stops.empty());
}

TEST_CASE("rest_for_one restarts the failed child and the later ones in order") {
  obedient_world world{{how(strategy::rest_for_one), three()}};
  world.obey(world.machine.start());
  world.starts.clear();
  world.fail(1);
  CHECK(world.stops == std::vector<std::size_t>{2});
  world.settle();
  CHECK(world.starts == std::vector<std::size_t>{1, 2});
}

TEST_CASE("one_for_all restarts everybody") {
  obedient_world world{{how(strategy::one_for_all), three()}};
  world.obey(world.machine.start());
  world.starts.clear();
  world.fail(2);
  world.settle();
  CHECK(world.starts == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("a transient child that ends normally and a temporary one that fails stay down") {
  obedient_world world{{how(strategy::one_for_one), {{"t", restart_policy::transient}, {"x", restart_policy::temporary}}}};
  world.obey(world.machine.start());
  world.fail(0, {error_code::none, ""});
  world.fail(1);
  world.settle();
  CHECK(world.alive.empty());
  CHECK(!world.gave_up);
}

TEST_CASE("more restarts than the intensity allows escalate instead of spinning") {
  auto spec = how(strategy::one_for_one);
  spec.restarts_max = 3;
  obedient_world world{{spec, three()}};
  world.obey(world.machine.start());
  for (int i = 0; i < 3; ++i) {
    world.fail(0);
    world.settle();
    REQUIRE(!world.gave_up);
  }
  world.fail(0);
  REQUIRE(world.gave_up);
  CHECK(world.gave_up->code == error_code::failed);
  CHECK(world.alive.empty());
}

TEST_CASE("failures far apart never escalate") {
  auto spec = how(strategy::one_for_one);
  spec.restarts_max = 2;
  obedient_world world{{spec, three()}};
  world.obey(world.machine.start());
  for (int i = 0; i < 50; ++i) {
    world.now += spec.window + 1s;
    world.fail(0);
    world.settle();
  }
  CHECK(!world.gave_up);
}

TEST_CASE("whatever fails in whatever order, everybody runs again once it is quiet") {
  REQUIRE(rc::check("supervision heals", [](const std::vector<std::uint8_t>& failures, std::uint8_t which) {
    auto spec = how(static_cast<strategy>(which % 3));
    spec.restarts_max = 1000;
    obedient_world world{{spec, three()}};
    world.obey(world.machine.start());
    for (auto each : failures) {
      if (each % 4 == 3)
        world.settle();
      else if (world.alive.contains(each % 4))
        world.fail(each % 4);
    }
    world.settle();
    RC_ASSERT(world.alive == (std::set<std::size_t>{0, 1, 2}));
  }));
}
