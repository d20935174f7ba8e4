/// What all actors of Glow have in common: the base of their state, the handlers that keep one actor's failure its own,
/// and the system protocol (system.hpp), answered without code in the actor.
///
///   struct my_state : actor_lifecycle {
///     static inline const char* name = "glow.mine";
///     std::string json() const;                    // optional: an object for get_state
///     std::vector<child_entry> children() const;   // optional: for the supervision tree
///     void expose(measure::exposition& out) const; // optional: what it counts, for glow metrics
///   };
///   using my_self = caf::stateful_actor<my_state, loop_hosted<my_actor::base>>*;   // or pool_hosted
///   my_actor::behavior_type my_behavior(my_self self, …) { install_lifecycle(self); … return {…}; }
#pragma once

#include "actors/contracts/metrics.hpp"
#include "actors/contracts/surroundings.hpp"
#include "actors/contracts/system.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message_view.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>

namespace glow {

/// Base of every actor's state.
struct actor_lifecycle {
  using down_handler = std::function<void(const error& why)>;
  std::map<caf::actor_id, std::vector<down_handler>> watched;
  std::map<std::size_t, std::uint64_t> timer_generations; ///< by message type
  steady_time started{};
};

namespace lifecycle_detail {

bool is_system_message(const caf::type_erased_tuple& content);
void log_unexpected(const char* who, const caf::type_erased_tuple& content);
caf::error log_exception(const char* who, std::exception_ptr& thrown);

template <class State>
std::string json_of(const State& state) {
  if constexpr (requires { state.json(); })
    return state.json();
  else
    return "{}";
}
template <class State>
std::vector<child_entry> children_of(const State& state) {
  if constexpr (requires { state.children(); })
    return state.children();
  else
    return {};
}

template <class Self>
stats_report stats_of(Self self) {
  auto up = self->clock().now() - self->state.started;
  return {self->name(), self->observed.messages_handled, self->mailbox().size(),
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(up).count())};
}
template <class Self>
metrics_report metrics_of(Self self) {
  metrics_report out{stats_of(self), {}};
  if constexpr (requires { self->state.expose(out.measured); }) self->state.expose(out.measured);
  return out;
}

template <class Self>
caf::result<caf::message> answer_system_message(Self self, caf::type_erased_tuple& content) {
  if (content.match_elements<get_state>()) return caf::make_message(state_report{self->name(), json_of(self->state)});
  if (content.match_elements<get_children>()) return caf::make_message(children_list{children_of(self->state)});
  if (content.match_elements<get_stats>()) return caf::make_message(stats_of(self));
  if (content.match_elements<get_metrics>()) return caf::make_message(metrics_of(self));
  if (content.match_elements<suspend_actor>()) {
    self->observed.suspended = true;
    return caf::make_message(system_done{});
  }
  if (content.match_elements<resume_actor>()) {
    self->observed.suspended = false;
    return caf::make_message(system_done{});
  }
  if (content.match_elements<trace_actor>()) {
    self->observed.traced = content.get_as<trace_actor>(0).on;
    return caf::make_message(system_done{});
  }
  if (content.match_elements<quit_actor>()) {
    self->quit(to_caf(error{error_code::failed, content.get_as<quit_actor>(0).why}));
    return caf::make_message(system_done{});
  }
  log_unexpected(self->name(), content);
  return caf::sec::unexpected_message;
}

} // namespace lifecycle_detail

/// Calls `on_down` once when `handle` dies, whatever the reason. Watching twice gives two calls.
template <class Self, class Handle>
void watch(Self self, const Handle& handle, actor_lifecycle::down_handler on_down) {
  auto pointer = caf::actor_cast<caf::strong_actor_ptr>(handle);
  if (!pointer) return;
  auto& handlers = self->state.watched[pointer->id()];
  handlers.push_back(std::move(on_down));
  if (handlers.size() == 1) self->monitor(caf::actor_cast<caf::actor>(pointer)); // one down_msg per monitor call
}

/// Must be the first call of every behaviour function. With a parent, the actor dies when the parent does.
template <class Self>
void install_lifecycle(Self self, const caf::strong_actor_ptr& parent = nullptr) {
  self->state.started = self->clock().now();
  self->observed.is_system_message = lifecycle_detail::is_system_message;
  self->set_default_handler([self](caf::scheduled_actor*, caf::message_view& message) {
    return lifecycle_detail::answer_system_message(self, message.content());
  });
  self->set_down_handler([self](caf::scheduled_actor*, caf::down_msg& down) {
    auto found = self->state.watched.find(down.source.id());
    if (found == self->state.watched.end()) return;
    auto handlers = std::move(found->second);
    self->state.watched.erase(found);
    auto why = from_caf(down.reason);
    for (auto& each : handlers) each(why);
  });
  self->set_exit_handler([self](caf::scheduled_actor*, caf::exit_msg& exit) { self->quit(exit.reason); });
  // an error answer nobody asked for (a request whose asker lost interest) is no reason to die
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  self->set_exception_handler([name = self->name()](caf::scheduled_actor*, std::exception_ptr& thrown) {
    return lifecycle_detail::log_exception(name, thrown);
  });
  if (parent) watch(self, parent, [self](const error&) { self->quit(to_caf(error{error_code::stopped, "its parent is gone"})); });
}

/// Sends `Tick{generation}` to the actor itself after `wait`; ticks armed before are then out of date.
/// The handler begins with `if (!timer_is_current(self, tick)) return;`.
template <class Tick, class Self>
void arm_timer(Self self, duration wait) {
  const auto type = typeid(Tick).hash_code();
  auto generation = ++self->state.timer_generations[type];
  if constexpr (requires { self->arm_on_loop(type, steady_time{}, caf::message{}); })
    if (self->arm_on_loop(type, self->clock().now() + wait, caf::make_message(Tick{generation}))) return;
  self->delayed_send(self, wait, Tick{generation});
}
template <class Self, class Tick>
bool timer_is_current(Self self, const Tick& tick) {
  auto found = self->state.timer_generations.find(typeid(Tick).hash_code());
  return found != self->state.timer_generations.end() && found->second == tick.generation;
}

} // namespace glow
