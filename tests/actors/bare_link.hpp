/// A link without a channel, for tests of the rooms above it: what one end's router sends arrives at the other end's router.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/link.hpp"
#include "actors/contracts/router.hpp"
#include "runtime/host/loop_actor.hpp"

namespace glow {

struct bare_link_state : actor_lifecycle {
  static inline const char* name = "test.bare_link";
};
using bare_link_self = caf::stateful_actor<bare_link_state, loop_hosted<link_actor::base>>*;

inline link_actor::behavior_type bare_link_behavior(bare_link_self self, router_actor far, link_id id_there) {
  install_lifecycle(self);
  return {
    [](const channel_received&) {},
    [](const channel_closed&) {},
    [](const channel_narrowed&) {},
    [=](const packets_to_send& m) {
      self->send(far, packets_from_link{id_there, m.packets});
    },
    [=](const close_link&) { self->quit(); },
    [](const get_link_info&) { return link_info{}; },
    [](const roamed_datagrams&) {},
    [](const link_tick&) {},
  };
}

} // namespace glow
