/// One encrypted link to one peer over one channel of a transport. Decisions live in link::link_machine (runtime/link).
/// Refuses to dial, to redial and to forward: links and router do.
///
///   handshaking ─► (admitting) ─► up ◄─► silent ─► gone
///
/// Hears    transport: channel_received, channel_closed, channel_narrowed   router: packets_to_send   links: close_link,
/// roamed_datagrams
///          anyone: get_link_info   itself: link_tick
/// Tells    transport: claim_channel, send_on_channel, close_channel   router: link_up, link_changed, packets_from_link,
///          link_down   links: link_up, link_changed, link_joined, link_down   namespace: get_ticket_secret, redeem_ticket
/// Watches  transport            Parent  links (temporary: links redials with backoff)
/// Fails    not_a_member | tampered | expired | already_used | timed_out (handshake)   unreachable | stopped (later)
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/link.hpp"
#include "actors/contracts/namespace.hpp"
#include "runtime/link/link_machine.hpp"

#include <caf/stateful_actor.hpp>

namespace glow {

/// What a link needs of its router, of links and of the namespace; their full interfaces convert to these.
using link_router = caf::typed_actor<caf::reacts_to<link_up>, caf::reacts_to<link_changed>, caf::reacts_to<link_down>,
                                     caf::reacts_to<packets_from_link>>;
using link_owner =
  caf::typed_actor<caf::reacts_to<link_up>, caf::reacts_to<link_changed>, caf::reacts_to<link_down>, caf::reacts_to<link_joined>>;
using ticket_desk =
  caf::typed_actor<caf::replies_to<get_ticket_secret>::with<ticket_secret>, caf::replies_to<redeem_ticket>::with<admission>>;

struct link_arguments {
  surroundings world;
  link_id id = 0; ///< also the session index that roamed datagrams carry
  transport_actor transport;
  channel_opened channel; ///< open, and not yet claimed: the link claims it
  link::role as = link::role::initiator;
  std::optional<node_id> expected;         ///< anybody else is refused; an initiator then saves a round trip
  std::optional<link::join_ticket> ticket; ///< initiator only: join with it, then end
  packet_batch first;                      ///< responder: the datagrams that made links open it
  std::shared_ptr<const identity::node_keys> keys;
  byte_string certificate; ///< of this node; empty when joining
  std::string node_name;
  namespace_id space;
  std::vector<channel_uri> listening; ///< where this node can be dialled; told to the peer
  link::member_check check_member;    ///< called on the loop, from the link
  link_router router;                 ///< invalid when joining
  link_owner links;
  ticket_desk tickets;        ///< invalid where nobody can be admitted
  link::link_policy policy{}; ///< what this node's owner wants of it
};

struct link_state : actor_lifecycle {
  static inline const char* name = "glow.link";
  std::optional<surroundings> world;
  link_id id = 0;
  std::optional<link::link_machine> machine; // wipes its keys when it dies
  transport_actor transport;
  channel_opened channel;
  packet_batch first;                          ///< until the machine has started
  std::map<channel_id, channel_opened> roamed; ///< channels from which datagrams with our index came, at most a few
  link_router router;
  link_owner links;
  ticket_desk tickets;
  bool was_up = false;
  link_info info(steady_time now) const;
  std::string json() const;
  void expose(measure::exposition& out) const;
};
using link_self = caf::stateful_actor<link_state, loop_hosted<link_actor::base>>*;

/// Spawn: `spawn_on_loop(system, loop, link_behavior, link_arguments{…})`. It tells links link_down before it ends.
link_actor::behavior_type link_behavior(link_self self, link_arguments arguments);

} // namespace glow
