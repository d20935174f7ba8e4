/// Where an actor runs: `loop_hosted` on an agent's event loop, `pool_hosted` in CAF's scheduler (or detached).
/// Both count messages, and can be suspended and traced by the system protocol.
#pragma once

#include "runtime/host/actor_loop.hpp"
#include "runtime/host/observed_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/infer_handle.hpp>
#include <caf/resumable.hpp>

namespace glow::host {

/// Mixin for loop actors: `caf::stateful_actor<my_state, host::loop_hosted<my_actor::base>>`.
/// Requires: spawned by spawn_on_loop.
template <class Base>
class loop_hosted : public observed_actor<Base> {
public:
  explicit loop_hosted(caf::actor_config& config) : observed_actor<Base>{config}, unit_{static_cast<loop_unit*>(config.host)} {}

  using Base::enqueue;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override { Base::enqueue(std::move(message), unit_); }
  void launch(caf::execution_unit*, bool lazy, bool hide) override { Base::launch(unit_, lazy, hide); }
  caf::resumable::subtype_t subtype() const override { return caf::resumable::io_actor; }

  /// Timers of the loop, in place of those of the actor system: no other thread is woken to arm one, and none to fire it.
  /// False where the loop has none.
  bool arm_on_loop(std::size_t tick, steady_time when, caf::message what) {
    return unit_->arm({this->id(), tick}, when, {caf::strong_actor_ptr{this->ctrl()}, std::move(what)});
  }

private:
  loop_unit* unit_;
};

/// Mixin for actors of the pool: `caf::stateful_actor<my_state, host::pool_hosted<my_actor::base>>`.
template <class Base>
class pool_hosted : public observed_actor<Base> {
public:
  using observed_actor<Base>::observed_actor;
};

/// Spawns the function-based actor `behavior(self, arguments…)` on `loop`. Thread-safe.
template <class F, class... Arguments>
caf::infer_handle_from_fun_t<F> spawn_on_loop(caf::actor_system& system, actor_loop& loop, F behavior, Arguments&&... arguments) {
  using actor_type = caf::infer_impl_from_fun_t<F>;
  static_assert(caf::detail::spawnable<F, actor_type, Arguments...>(), "the behaviour does not take these arguments");
  caf::actor_config config{&loop.unit()};
  return system.spawn_functor(std::true_type{}, config, behavior, std::forward<Arguments>(arguments)...);
}

} // namespace glow::host
