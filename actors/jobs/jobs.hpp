/// The jobs of one node: coordinates those submitted here, and works on steps for whoever leases them to this node.
/// Decisions live in jobs::coordinator_machine; the ledger lies in the store.
#pragma once

#include "actors/contracts/jobs.hpp"
#include "actors/contracts/lifecycle.hpp"

namespace glow {

struct jobs_arguments {
  std::string directory; ///< for the steps' working directories
  std::uint32_t slots = 1;
  identity::roster_ptr roster; ///< roster_changed brings newer ones
  store_actor store;
  endpoint_actor endpoint; ///< registers job_result there
  surroundings world;
  caf::strong_actor_ptr parent;
};

/// Spawns it in the pool. Whoever does so subscribes it to routes and to the roster.
jobs_actor spawn_jobs(caf::actor_system& system, jobs_arguments arguments);

} // namespace glow
