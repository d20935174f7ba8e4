/// The store of one node: files and versions of its namespace, kept in step with the other members.
/// The front actor answers commands and peers; imports and exports run in workers of their own beside it.
/// Refuses to choose a database (a factory is passed in) and to find peers (routes_changed and roster_changed tell).
#pragma once

#include "actors/contracts/store.hpp"
#include "actors/contracts/surroundings.hpp"
#include "actors/store/workers.hpp"
#include "runtime/identity/keys.hpp"
#include "runtime/store/database.hpp"

namespace glow {

struct store_arguments {
  /// Production: opens host::rocks_database; tests: a memory_database. Called once, on the store's thread.
  std::function<result<std::shared_ptr<store::database>>()> open_database;
  identity::node_keys keys;     ///< signs this device's commits
  identity::roster_ptr roster;  ///< roster_changed brings newer ones
  endpoint_actor endpoint;      ///< the store registers store_heads and store_fetch there; dies with it
  surroundings world;           ///< randomness and calendar time; the loop is not used
  caf::strong_actor_ptr parent; ///< its supervisor, or null
  bool detached = true;         ///< threads of their own for store and workers; false: all in the pool (tests, simulation)
};

/// What the front hears besides the public contract.
using store_front_actor = store_actor::extend_with<object_fetcher_actor>;

/// Whoever spawns it subscribes it to routes (subscribe_routes) and to the roster (subscribe_roster).
store_front_actor spawn_store(caf::actor_system& system, store_arguments arguments);

} // namespace glow
