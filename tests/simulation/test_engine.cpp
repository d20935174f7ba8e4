#include "tests/simulation/engine.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::simulation;

namespace {

caf::behavior spinner(caf::event_based_actor* self) {
  self->send(self, 1);
  return {[self](int turn) { self->send(self, turn); }};
}

caf::behavior counter(caf::event_based_actor*, std::shared_ptr<int> count) {
  return {[count](int by) { *count += by; }};
}

/// Spawns a counter in its first turn, and hands on to it what it is told.
caf::behavior parent(caf::event_based_actor* self, std::shared_ptr<int> count) {
  auto child = std::make_shared<caf::actor>();
  return {[=](int by) {
    if (!*child) *child = self->spawn<caf::linked>(counter, count);
    self->send(*child, by);
  }};
}

} // namespace

TEST_CASE("actors that spin end the run with an error, and the end of the run does not wait for them") {
  engine runs{1, 1000};
  runs.system().spawn(spinner);
  CHECK_THROWS_WITH(runs.settle(), Catch::Contains("spin"));
}

TEST_CASE("the actors of a frozen owner, those they spawned too, have no turn until they are thawed") {
  engine runs{1};
  auto own = std::make_shared<int>(0), other = std::make_shared<int>(0), child = std::make_shared<int>(0);
  caf::actor mine, family;
  runs.act_for(7, [&] {
    mine = runs.system().spawn(counter, own);
    family = runs.system().spawn(parent, child);
  });
  auto yours = runs.system().spawn(counter, other);
  caf::anon_send(family, 0); // it has its child before the frost
  runs.settle();
  runs.freeze(7);
  for (auto& each : {mine, yours, family}) caf::anon_send(each, 1);
  runs.run_for(1h);
  CHECK(*own == 0);
  CHECK(*child == 0);
  CHECK(*other == 1);
  runs.thaw(7);
  runs.settle();
  CHECK(*own == 1);
  CHECK(*child == 1);
  for (auto& each : {mine, yours, family}) caf::anon_send_exit(each, caf::exit_reason::kill);
}

TEST_CASE("an actor that waits for a slow device has its next turn after it") {
  engine runs{1};
  auto turns = std::make_shared<int>(0);
  auto slow = runs.system().spawn([&runs, turns](caf::event_based_actor*) -> caf::behavior {
    return {[&runs, turns](int) {
      ++*turns;
      runs.block_current_for(1s);
    }};
  });
  caf::anon_send(slow, 1);
  runs.settle();
  CHECK(*turns == 1);
  caf::anon_send(slow, 1);
  runs.run_for(999ms);
  CHECK(*turns == 1);
  runs.run_for(1ms);
  CHECK(*turns == 2);
  caf::anon_send_exit(slow, caf::exit_reason::kill);
}
