/// How actors get transports without including any: a value that maps a URI's scheme to a factory. The agent hands it
/// down; transports/catalog.hpp fills the production one.
#pragma once

#include "actors/contracts/link.hpp"
#include "actors/contracts/surroundings.hpp"

#include <functional>
#include <map>

namespace glow {

/// Who hears of a transport: `links`, or a test in its place.
using transport_listener_actor = channel_listener_actor::extend<caf::reacts_to<transport_started>>;

/// Spawns one transport on the world's loop. It tells `listener` transport_started once it is open, and quits with the
/// reason (`io`, `usage`) when the listening side cannot be opened, and with `stopped` when the listener dies.
/// `listen`: nothing for a transport that only dials. Thread-safe.
using transport_factory = std::function<transport_actor(caf::actor_system& system, std::optional<channel_uri> listen,
                                                        transport_listener_actor listener, const surroundings& world)>;

/// Scheme → factory.
using transport_catalog = std::map<std::string, transport_factory>;

} // namespace glow
