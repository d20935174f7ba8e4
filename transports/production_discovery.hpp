/// The discovery of a production node, as the agent takes it: LAN beacons on every interface that is up.
#pragma once

#include "actors/contracts/discovery.hpp"

namespace glow::transports {

discovery_factory production_discovery();

} // namespace glow::transports
