/// Keeps the real world out of a simulation: while actors run, a read of the real clock or of the system's randomness is
/// noted, and libsodium's own randomness is a seeded one. Linked into every program that simulates.
#pragma once

#include <cstdint>

namespace glow::simulation::outside {

/// From now on the code of actors runs: what it takes from outside is noted.
void enter();
void leave();
/// What was noted so far counts no more.
void forget();
/// Seeds what libsodium hands out; reads of it are noted, too: nodes have sources of their own.
void seed(std::uint64_t value);
/// Signatures are verified once for all nodes (remembered_signatures.cpp).
void remember_signatures();
/// The real clock, for the simulator's own reports.
double real_seconds();
/// Memory of this process that is in use, for the same.
std::uint64_t resident_bytes();

} // namespace glow::simulation::outside
