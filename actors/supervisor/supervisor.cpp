#include "actors/supervisor/supervisor.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/host/log.hpp"
#include "runtime/supervision/limits.hpp"

#include <caf/send.hpp>

namespace glow {
namespace {

/// Keeps its children alive.
///   running ─► healing ─► running        stopping ─► (all children down) ─► ended
/// Hears    itself: supervisor_tick      its parent: exit
/// Tells    children: exit (shutdown, then kill)
/// Watches  every child                  Parent  another supervisor, or the agent
/// Fails    when children fail more often than its spec allows
struct supervisor_state : actor_lifecycle {
  static inline const char* name = "glow.supervisor";
  std::string title;
  std::unique_ptr<supervision::supervisor_machine> machine;
  std::vector<supervised_child> specs;
  std::vector<caf::strong_actor_ptr> actors; // by child index; null while not running
  std::vector<std::uint64_t> incarnations;   // tells a late stop_timeout from the child it was meant for
  std::shared_ptr<random_source> random;

  std::string json() const { return "{\"name\":\"" + title + "\"}"; }
  std::vector<child_entry> children() const;
};
using supervisor_self = caf::stateful_actor<supervisor_state, pool_hosted<caf::event_based_actor>>*;

std::vector<child_entry> supervisor_state::children() const {
  std::vector<child_entry> out;
  if (!machine) return out;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    auto& each = machine->children()[i];
    out.push_back({each.spec.name, specs[i].is_supervisor ? "supervisor" : "actor", std::string{to_string(each.state)},
                   each.restarts, actors[i], each.last_failure});
  }
  return out;
}

void perform(supervisor_self self, supervision::effects&& todo);

void start(supervisor_self self, std::size_t index) {
  auto& state = self->state;
  auto child = caf::actor_cast<caf::strong_actor_ptr>(state.specs[index].make(caf::actor_cast<caf::strong_actor_ptr>(self)));
  state.actors[index] = child;
  auto incarnation = ++state.incarnations[index];
  watch(self, child, [self, index, incarnation](const error& why) {
    auto& held = self->state;
    if (held.incarnations[index] != incarnation) return;
    held.actors[index] = nullptr;
    if (why.code != error_code::none && !held.machine->is_stopping())
      host::log(host::level::info, held.title, "child '" + held.specs[index].spec.name + "' ended: " + why.message);
    perform(self, held.machine->on_child_down(index, why, self->clock().now(), *held.random));
  });
}

struct stop_timeout {
  std::size_t index = 0;
  std::uint64_t incarnation = 0;
};

} // namespace
} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stop_timeout)

namespace glow {
namespace {

void stop(supervisor_self self, std::size_t index) {
  auto& state = self->state;
  if (!state.actors[index]) return;
  self->send_exit(caf::actor_cast<caf::actor>(state.actors[index]), caf::exit_reason::user_shutdown);
  self->delayed_send(self, limits::child_stop_timeout, stop_timeout{index, state.incarnations[index]});
}

/// The only place where this actor acts on others.
void perform(supervisor_self self, supervision::effects&& todo) {
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](supervision::start_child& e) { start(self, e.index); },
                 [&](supervision::stop_child& e) { stop(self, e.index); },
                 [&](supervision::wake_at& e) { arm_timer<supervisor_tick>(self, e.when - self->clock().now()); },
                 [&](supervision::give_up& e) { self->quit(e.why.code == error_code::none ? caf::error{} : to_caf(e.why)); },
               },
               each);
}

caf::behavior supervisor_behavior(supervisor_self self, supervisor_arguments arguments) {
  install_lifecycle(self);
  auto& state = self->state;
  state.title = arguments.name;
  state.random = arguments.random;
  std::vector<supervision::child_spec> specs;
  for (auto& each : arguments.children) specs.push_back(each.spec);
  state.specs = std::move(arguments.children);
  state.actors.resize(specs.size());
  state.incarnations.resize(specs.size());
  state.machine = std::make_unique<supervision::supervisor_machine>(arguments.spec, std::move(specs));
  auto leave = [self](const error& why) { perform(self, self->state.machine->stop(why)); };
  // children go first, in reverse order of their start, whoever asks
  self->set_exit_handler([leave](caf::scheduled_actor*, caf::exit_msg& exit) { leave(from_caf(exit.reason)); });
  if (arguments.parent)
    watch(self, arguments.parent, [leave](const error&) { leave({error_code::stopped, "its parent is gone"}); });
  perform(self, state.machine->start());
  return {
    [self](const supervisor_tick& tick) {
      if (timer_is_current(self, tick)) perform(self, self->state.machine->on_wake(self->clock().now()));
    },
    [self](const stop_timeout& late) {
      auto& held = self->state;
      if (held.incarnations[late.index] != late.incarnation || !held.actors[late.index]) return;
      host::log(host::level::warning, held.title, "child '" + held.specs[late.index].spec.name + "' does not stop: killing it");
      self->send_exit(caf::actor_cast<caf::actor>(held.actors[late.index]), caf::exit_reason::kill);
    },
  };
}

} // namespace

caf::actor spawn_supervisor(caf::actor_system& system, supervisor_arguments arguments) {
  return system.spawn(supervisor_behavior, std::move(arguments));
}

} // namespace glow
