/// Every medium that this build of Glow knows: one line each in catalog.cpp. A value, built when asked for: no static
/// registration, so what a program can speak is written in one place.
#pragma once

#include "actors/contracts/transport_catalog.hpp"
#include "transports/stranger_gate.hpp"

namespace glow::transports {

/// What a node takes from strangers on datagram media: what could open a link, or come from a peer that roamed.
stranger_rules production_stranger_rules();
/// The media of a production node. Loopback transports made from one catalog find each other, and no others.
transport_catalog production_catalog(stranger_rules rules = production_stranger_rules());

} // namespace glow::transports
