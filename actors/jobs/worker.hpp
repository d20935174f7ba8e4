/// The worker: runs steps that coordinators (this node's or others') lease to this node. Decisions live in
/// jobs::worker_machine; this actor makes directories, fetches inputs, runs processes and stages outputs.
#pragma once

#include "actors/contracts/jobs.hpp"
#include "actors/contracts/lifecycle.hpp"

namespace glow {

struct worker_arguments {
  std::string directory; ///< for the steps' directories; emptied at the start
  std::uint32_t slots = 1;
  node_id self;
  store_actor store;
  endpoint_actor endpoint; ///< the worker registers job_offer, job_beat and job_cancel there; dies with it
  surroundings world;
  caf::strong_actor_ptr parent;
};

/// the worker's processes → worker: a command ended with this status, or could not be started.
struct step_exited {
  std::uint64_t token = 0;
  result<int> status;
};
/// itself → worker: try to fetch the input of a step again.
struct retry_prepare {
  std::uint64_t token = 0;
};
/// itself → worker.
struct worker_tick {
  std::uint64_t generation = 0;
};

using worker_actor =
  service_actor::extend<caf::reacts_to<step_exited>, caf::reacts_to<retry_prepare>, caf::reacts_to<worker_tick>>;

/// Spawns it in the pool.
worker_actor spawn_worker(caf::actor_system& system, worker_arguments arguments);

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::step_exited)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::retry_prepare)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::worker_tick)
