/// Every medium that this build of Glow knows: one line each in catalog.cpp. A value, built when asked for: no static
/// registration, so what a program can speak is written in one place.
#pragma once

#include "actors/contracts/transport_catalog.hpp"

namespace glow::transports {

/// The media of a production node. Loopback transports made from one catalog find each other, and no others.
transport_catalog production_catalog();

} // namespace glow::transports
