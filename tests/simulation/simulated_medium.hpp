/// A transport's medium over the simulated network: datagram channels like udp's, or connections like tcp's, by the
/// profile of the cable. The transport actor above it is the production one.
#pragma once

#include "actors/contracts/transport_catalog.hpp"
#include "tests/simulation/network.hpp"

namespace glow::simulation {

/// The place of a machine on media of this scheme: `udp://10.0.0.7:7`.
channel_uri place_of(machine_number machine, const std::string& scheme, const std::string& declared_class = "");
/// The machine that a place belongs to; nothing when it is none of the simulation's.
std::optional<machine_number> machine_of(const channel_uri& place);

/// Transports of one machine, one for each of the schemes. `alive`: of the process; once it is
/// false, nothing is sent any more. Requires: network and engine outlive the actors.
transport_catalog simulated_catalog(network& wires, engine& runs, machine_number machine, const std::vector<std::string>& schemes,
                                    std::shared_ptr<const bool> alive);

} // namespace glow::simulation
