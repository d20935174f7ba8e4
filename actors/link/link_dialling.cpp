#include "actors/link/link_spawning.hpp"
#include "runtime/link/proxy.hpp"

#include <caf/actor_cast.hpp>

namespace glow {
namespace {

/// The dial leads over a channel that a link has already (the peer dialled us first from the very same address): that
/// link then keeps the dial satisfied.
bool adopt_existing(links_self self, const node_channel& channel, link::dial_id dial) {
  auto& state = self->state;
  auto linked = state.link_of_channel.find(channel);
  if (linked == state.link_of_channel.end()) return false;
  auto& entry = state.links.at(linked->second);
  if (entry.dial || (entry.up && !state.plan.accepts(dial, entry.info.peer))) return false;
  entry.dial = dial;
  if (entry.up) state.plan.linked(dial, self->clock().now());
  return true;
}

void on_dialled(links_self self, const link::dial_start& start, caf::actor_id transport, const channel_opened& opened) {
  auto& state = self->state;
  auto found = state.transports.find(transport);
  if (found == state.transports.end()) return; // its death has told the plan
  node_channel key{transport, opened.channel};
  if (state.leaving || !state.plan.contains(start.dial)) { // removed meanwhile
    if (!state.link_of_channel.contains(key)) self->send(found->second.actor, close_channel{opened.channel});
    return;
  }
  if (state.link_of_channel.contains(key)) {
    if (!adopt_existing(self, key, start.dial))
      state.plan.failed(start.dial, {error_code::failed, "another link uses that address"}, self->clock().now(),
                        state.given->world.random());
    return dial_due(self);
  }
  new_link wanted;
  wanted.transport = transport;
  wanted.channel = opened;
  wanted.expected = start.expected;
  wanted.dial = start.dial;
  // a transport tells the address that answered, without what the owner wrote behind it
  if (auto policy = link::policy_of(start.uri)) wanted.policy = *policy;
  if (open_link(self, std::move(wanted)) == 0)
    state.plan.failed(start.dial, {error_code::exhausted, "too many links"}, self->clock().now(), state.given->world.random());
}

void start_dial(links_self self, const link::dial_start& start) {
  auto& state = self->state;
  auto fail = [self, dial = start.dial](const error& why) {
    self->state.plan.failed(dial, why, self->clock().now(), self->state.given->world.random());
  };
  auto* transport = state.transport_for(start.uri.scheme);
  if (transport == nullptr) return fail({error_code::unreachable, "no " + start.uri.scheme + " transport is running"});
  auto id = transport->actor.id();
  self->request(transport->actor, link::connect_timeout_of(start.uri) + 1s, connect_channel{start.uri})
    .then([=](const channel_opened& opened) { on_dialled(self, start, id, opened); },
          [=](const caf::error& why) {
            fail(from_caf(why));
            dial_due(self);
          });
}

} // namespace

void dial_due(links_self self) {
  auto& state = self->state;
  if (state.leaving) return;
  auto now = self->clock().now();
  auto next = next_join_deadline(state);
  if (!state.certificate.empty()) { // without one nobody would take us for a member
    for (auto& each : state.plan.take_due(now)) start_dial(self, each);
    if (auto due = state.plan.next_due()) next = next ? std::min(*next, *due) : *due;
  }
  if (next) arm_timer<links_tick>(self, std::max<duration>(*next - now, 1ms));
}

} // namespace glow
