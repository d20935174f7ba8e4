/// The mailboxes of one node: messages to nodes that may be off, and those that came for this one.
/// Decisions live in mail::mail_machine; letters and boxes lie in the store's database.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/mail.hpp"

namespace glow {

struct mail_arguments {
  std::shared_ptr<const identity::node_keys> keys;
  identity::roster_ptr roster; ///< roster_changed brings newer ones
  store_actor store;
  endpoint_actor endpoint; ///< registers the mail_ methods there
  surroundings world;
  caf::strong_actor_ptr parent;
};

/// Spawns it in the pool. Whoever does so subscribes it to routes and to the roster.
mail_actor spawn_mail(caf::actor_system& system, mail_arguments arguments);

} // namespace glow
