/// The namespace's actor: keeps identity::namespace_state on disk, in step with the other members, and known to the node.
/// Refuses to decide anything: who is a member and which ticket is good stands in runtime/identity.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/namespace.hpp"
#include "runtime/identity/sync.hpp"

#include <caf/stateful_actor.hpp>

namespace glow {

struct namespace_arguments {
  surroundings world;
  identity::node_keys keys;
  std::string file;             ///< read at the start; missing: a new namespace is founded and written
  std::string namespace_name;   ///< of a new one; made valid where it is not
  std::string node_name;        ///< of this node in a new one
  caf::strong_actor_ptr parent; ///< may be null; else the namespace dies with it
};

struct namespace_actor_state : actor_lifecycle {
  static inline const char* name = "glow.namespace";
  std::optional<surroundings> world;
  std::string file;
  std::optional<identity::namespace_state> known; ///< empty only when the file could not be read or written
  identity::sync_plan plan;
  std::vector<caf::strong_actor_ptr> subscribers;
  endpoint_actor endpoint;
  links_actor links;
  std::optional<steady_time> save_at; ///< places were learnt since the last write
  std::uint64_t syncs_done = 0;
  std::uint64_t syncs_failed = 0;
  std::string last_sync_failure;
  std::string json() const;
};
using namespace_self = caf::stateful_actor<namespace_actor_state, pool_hosted<namespace_actor::base>>*;

/// Spawn: `system.spawn(namespace_behavior, namespace_arguments{…})`, then attach_endpoint once endpoint, router and
/// links are there. Quits at once, with the reason, when the file is damaged or cannot be written.
namespace_actor::behavior_type namespace_behavior(namespace_self self, const namespace_arguments& arguments);

} // namespace glow
