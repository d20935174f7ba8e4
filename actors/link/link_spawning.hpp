/// Parts of the links actor, split by concern: channels that become links, dialling, joining. For links.cpp only.
#pragma once

#include "actors/link/links.hpp"

namespace glow {

/// How a channel becomes a link.
struct new_link {
  caf::actor_id transport = 0;
  channel_opened channel;
  link::role as = link::role::initiator;
  std::optional<node_id> expected;
  std::optional<link::dial_id> dial;
  packet_batch first;
  std::uint64_t join = 0;
  std::optional<link::join_ticket> ticket;
  std::optional<namespace_id> joining_space;
  std::optional<link::link_policy> policy = {}; ///< of the place that was dialled; none: the channel's own URI may tell one
};
/// Spawns and books the link actor. The channel is closed, and 0 returned, when links_max is reached.
link_id open_link(links_self self, new_link wanted);
/// Takes the link off the books, and tells the plan or the join. Once per link, whoever tells first.
void forget_link(links_self self, link_id id, const error& why);

// ---- inbound (link_accepting.cpp) ----
void on_stranger(links_self self, const channel_opened& opened);
void on_stranger_datagrams(links_self self, channel_received& received);
void on_stranger_closed(links_self self, const channel_closed& closed);
/// A link speaks from another channel now: that one is no stranger's any more.
void follow_roaming(links_self self, link_id id, const channel_uri& now_at);

// ---- outbound (link_dialling.cpp) ----
/// Starts what is due and sets the timer for the rest, joins included. Call after every change of the plan.
void dial_due(links_self self);

// ---- joining (link_joining.cpp) ----
caf::result<admission> join(links_self self, const join_namespace& wanted);
/// Dials the places of tickets that now have a transport, and gives up on those that waited too long for one.
void continue_joins(links_self self);
std::optional<steady_time> next_join_deadline(const links_state& state);
void on_join_succeeded(links_self self, std::uint64_t join_id, admission admitted);
void on_join_failed(links_self self, std::uint64_t join_id, const error& why);

} // namespace glow
