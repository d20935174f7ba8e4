#include "actors/supervisor/supervisor.hpp"

#include "runtime/host/event_loop.hpp"
#include "runtime/host/surroundings.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

namespace glow {
struct echo {
  int value = 0;
};
struct throw_now {};
using echo_actor = caf::typed_actor<caf::replies_to<echo>::with<echo>, caf::reacts_to<throw_now>>;
} // namespace glow
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::echo)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::throw_now)

using namespace glow;

namespace {

struct echo_state : actor_lifecycle {
  static inline const char* name = "test.echo";
  int last = 0;
  std::string json() const { return "{\"last\":" + std::to_string(last) + "}"; }
  void expose(measure::exposition& out) const {
    static constexpr measure::family last_value{"test_last", "The last value."};
    out.gauge(last_value, {}, last);
  }
};
using echo_self = caf::stateful_actor<echo_state, loop_hosted<echo_actor::base>>*;

echo_actor::behavior_type echo_behavior(echo_self self, caf::strong_actor_ptr parent) {
  install_lifecycle(self, parent);
  return {
    [=](const echo& m) {
      self->state.last = m.value;
      return m;
    },
    [=](const throw_now&) { throw std::runtime_error{"planted"}; },
  };
}

/// An actor system with one loop, torn down in the order an agent does it.
struct world {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> loop;
  world() {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 1);
    system = std::make_unique<caf::actor_system>(config);
    loop = std::make_unique<host::event_loop>(*system);
  }
  ~world() {
    system->await_all_actors_done();
    loop.reset();
  }
};

template <class Answer, class Handle, class Message>
Answer ask(caf::scoped_actor& self, const Handle& whom, Message message) {
  Answer out{};
  self->request(whom, std::chrono::seconds{5}, message)
    .receive([&](Answer& a) { out = a; }, [&](caf::error& e) { FAIL(from_caf(e).message); });
  return out;
}

} // namespace

TEST_CASE("an actor tells what it counts even while it is suspended") {
  world w;
  caf::scoped_actor self{*w.system};
  auto actor = spawn_on_loop(*w.system, *w.loop, echo_behavior, caf::strong_actor_ptr{});
  CHECK(ask<echo>(self, actor, echo{42}).value == 42);
  auto whom = caf::actor_cast<caf::actor>(actor);
  ask<system_done>(self, whom, suspend_actor{});
  auto told = ask<metrics_report>(self, whom, get_metrics{});
  CHECK(told.stats.name == "test.echo");
  CHECK(told.stats.messages_handled >= 2);
  CHECK(told.measured.text() == "# TYPE test_last gauge\n# HELP test_last The last value.\ntest_last 42\n# EOF\n");
  self->send_exit(whom, caf::exit_reason::user_shutdown);
}

TEST_CASE("a loop actor answers its own messages and the system protocol") {
  world w;
  caf::scoped_actor self{*w.system};
  auto target = spawn_on_loop(*w.system, *w.loop, echo_behavior, caf::strong_actor_ptr{});
  CHECK(ask<echo>(self, target, echo{41}).value == 41);
  auto dynamic = caf::actor_cast<caf::actor>(target);
  CHECK(ask<state_report>(self, dynamic, get_state{}).json == "{\"last\":41}");
  CHECK(ask<stats_report>(self, dynamic, get_stats{}).messages_handled >= 2);
  self->send_exit(target, caf::exit_reason::user_shutdown);
}

TEST_CASE("a suspended actor keeps its messages until it is resumed, and still answers the system protocol") {
  world w;
  caf::scoped_actor self{*w.system};
  auto target = spawn_on_loop(*w.system, *w.loop, echo_behavior, caf::strong_actor_ptr{});
  auto dynamic = caf::actor_cast<caf::actor>(target);
  ask<system_done>(self, dynamic, suspend_actor{});
  auto pending = self->request(target, std::chrono::seconds{5}, echo{7});
  CHECK(ask<state_report>(self, dynamic, get_state{}).json == "{\"last\":0}");
  ask<system_done>(self, dynamic, resume_actor{});
  int got = 0;
  pending.receive([&](echo& e) { got = e.value; }, [&](caf::error& e) { FAIL(from_caf(e).message); });
  CHECK(got == 7);
  self->send_exit(target, caf::exit_reason::user_shutdown);
}

TEST_CASE("an exception in a handler ends the actor with its words, and nobody else") {
  world w;
  caf::scoped_actor self{*w.system};
  auto target = spawn_on_loop(*w.system, *w.loop, echo_behavior, caf::strong_actor_ptr{});
  self->monitor(target);
  self->send(target, throw_now{});
  error why;
  self->receive([&](const caf::down_msg& down) { why = from_caf(down.reason); });
  CHECK(why.message == "exception: planted");
}

TEST_CASE("a supervisor brings back a child that is told to quit, and stops it when it ends itself") {
  world w;
  caf::scoped_actor self{*w.system};
  std::atomic<int> made{0};
  supervised_child child{{"echo"},
                         [&](caf::strong_actor_ptr parent) {
                           ++made;
                           return caf::actor_cast<caf::actor>(spawn_on_loop(*w.system, *w.loop, echo_behavior, parent));
                         },
                         false};
  auto root = spawn_supervisor(*w.system, {"root", {}, {child}, host::system_random(), nullptr});
  auto running_child = [&] {
    for (;;) {
      auto list = ask<children_list>(self, root, get_children{});
      REQUIRE(list.entries.size() == 1);
      if (list.entries[0].actor) return caf::actor_cast<caf::actor>(list.entries[0].actor);
    }
  };
  auto first = running_child();
  ask<system_done>(self, first, quit_actor{"killed by a test"});
  caf::actor second = first;
  while (second == first) second = running_child();
  CHECK(made == 2);
  auto list = ask<children_list>(self, root, get_children{});
  CHECK(list.entries[0].restarts == 1);
  CHECK(list.entries[0].last_failure == "killed by a test");
  self->monitor(second);
  self->send_exit(root, caf::exit_reason::user_shutdown);
  self->receive([&](const caf::down_msg& down) { CHECK(down.source == caf::actor_cast<caf::actor_addr>(second)); });
}

TEST_CASE("two loop actors exchange messages on one thread") {
  world w;
  caf::scoped_actor self{*w.system};
  auto target = spawn_on_loop(*w.system, *w.loop, echo_behavior, caf::strong_actor_ptr{});
  std::promise<bool> on_loop;
  w.loop->post([&] { on_loop.set_value(w.loop->on_loop_thread()); });
  CHECK(on_loop.get_future().get());
  for (int i = 0; i < 1000; ++i) REQUIRE(ask<echo>(self, target, echo{i}).value == i);
  self->send_exit(target, caf::exit_reason::user_shutdown);
}
