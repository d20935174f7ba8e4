/// What every Glow actor can tell of itself and be told from outside, below its own behaviour.
#pragma once

#include "runtime/host/log.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstdint>

namespace glow::host {

/// Counters and switches of one actor; lives as long as the actor's object.
struct observation {
  std::uint64_t messages_handled = 0;
  bool suspended = false;
  bool traced = false;
  /// Tells messages of the system protocol (never held back) from the actor's own.
  bool (*is_system_message)(const caf::type_erased_tuple&) = nullptr;
};

template <class Base>
class observed_actor : public Base {
public:
  explicit observed_actor(caf::actor_config& config) : Base{config} {}
  observation observed;

  caf::invoke_message_result consume(caf::mailbox_element& message) override {
    if (observed.suspended && observed.is_system_message && !observed.is_system_message(message.content()))
      return caf::invoke_message_result::skipped;
    ++observed.messages_handled;
    if (observed.traced) log(level::info, this->name(), "handles " + message.content().stringify().substr(0, 200));
    return Base::consume(message);
  }
};

} // namespace glow::host
