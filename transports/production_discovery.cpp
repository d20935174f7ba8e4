#include "transports/production_discovery.hpp"

#include "transports/lan_discovery.hpp"

namespace glow::transports {

discovery_factory production_discovery() {
  return [](caf::actor_system& system, const node_id& self, links_actor listener, const surroundings& world,
            caf::strong_actor_ptr parent) {
    lan_discovery_arguments arguments{world, self, listener, false, std::move(parent)};
    return spawn_on_loop(system, world.loop(), lan_discovery_behavior, std::move(arguments));
  };
}

} // namespace glow::transports
