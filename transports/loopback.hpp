/// `loopback:name`: channels between nodes of one process. The template for a new medium: start here, then give it one
/// line in catalog.cpp and one in the contract test. In memory, but otherwise as strict as the others: bounded, and
/// asynchronous even when both ends live on one loop.
#pragma once

#include "transports/medium.hpp"

namespace glow::transports {

/// Where loopback media of one process find each other: a value that the catalog holds, no singleton.
class loopback_hub;
std::shared_ptr<loopback_hub> make_loopback_hub();

std::unique_ptr<medium> make_loopback(const loop_place& place, std::optional<channel_uri> listen,
                                      std::shared_ptr<loopback_hub> hub);

} // namespace glow::transports
