/// The supervisor actor: keeps an ordered list of children alive as a child spec tells. Decisions live in
/// supervision::supervisor_machine; this file only starts, watches and stops actors.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "runtime/supervision/supervisor_machine.hpp"

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

namespace glow {

/// One child: its restart policy, and how it is made. The factory runs in the supervisor, gets the supervisor as the
/// parent, and must not block; it may look up handles that earlier siblings' factories left in a shared place.
struct supervised_child {
  supervision::child_spec spec;
  std::function<caf::actor(caf::strong_actor_ptr parent)> make;
  bool is_supervisor = false;
};

struct supervisor_arguments {
  std::string name;
  supervision::supervisor_spec spec;
  std::vector<supervised_child> children;
  std::shared_ptr<random_source> random;
  caf::strong_actor_ptr parent; ///< may be null: the root
};

/// itself → supervisor.
struct supervisor_tick {
  std::uint64_t generation = 0;
};

/// Spawns a supervisor in the pool; it starts its children at once.
caf::actor spawn_supervisor(caf::actor_system& system, supervisor_arguments arguments);

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::supervisor_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::supervisor_arguments)
