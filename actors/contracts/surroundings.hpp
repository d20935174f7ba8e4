/// For the actors: what a node takes from the outside world (runtime/host/surroundings.hpp).
#pragma once

#include "runtime/host/loop_actor.hpp"
#include "runtime/host/surroundings.hpp"

namespace glow {

using host::loop_hosted;
using host::pool_hosted;
using host::spawn_on_loop;

} // namespace glow
