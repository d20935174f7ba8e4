/// The actor that keeps this node linked: it dials by link::dial_plan, accepts by link::acceptor, owns and supervises the
/// link actors, and redeems tickets. Refuses to know media (transports announce themselves) and routes.
///
///   waiting for the certificate ─► linking (dials, accepts) ─► leaving (goodbyes) ─► gone, and every link with it
///
/// Hears    transports: transport_started, channel_opened, channel_received, channel_closed (strangers' channels)
///          links' children: link_up, link_changed, link_down, link_joined   control, agent: add_peer, remove_link,
///          get_links, join_namespace   agent: leave_mesh   discovery, namespace: member_seen, roster_changed, interfaces_changed
/// Tells    transports: connect_channel, send_on_channel, close_channel   namespace: get_certificate, subscribe_roster,
///          get_known_addresses, remember_addresses, own_addresses, merge_records   children: roamed_datagrams, close_link
/// Watches  transports, children (temporary: a lost link is redialled by plan)   Parent  node supervisor (permanent)
/// Fails    with its parent only
#pragma once

#include "actors/link/link.hpp"
#include "runtime/identity/membership.hpp"
#include "runtime/identity/ticket.hpp"
#include "runtime/link/acceptor.hpp"
#include "runtime/link/dial_plan.hpp"

#include <set>

namespace glow {

struct links_arguments {
  surroundings world;
  std::shared_ptr<const identity::node_keys> keys;
  std::string node_name;
  identity::roster_ptr roster;   ///< null on a node that only joins
  namespace_actor name_space;    ///< invalid on a node that only joins
  link_router router;            ///< likewise
  std::set<std::string> schemes; ///< of the catalog: peers of other schemes are refused at once
  caf::strong_actor_ptr parent;  ///< may be null
};

/// Channel ids are the transport's own; together with its actor id they are unique in the node.
using node_channel = std::pair<caf::actor_id, channel_id>;
/// Dials are shown to people with this added, so that `glow link rm ID` tells them from links.
inline constexpr std::uint64_t dial_id_offset = 1'000'000;

/// One child of links.
struct link_entry {
  link_actor actor;
  node_channel channel;
  bool initiated = false;
  bool up = false;
  steady_time up_at{};
  std::optional<link::dial_id> dial; ///< what brought it, or is kept satisfied by it
  std::uint64_t join = 0;            ///< 0: no join
  link_info info;
};
struct transport_entry {
  transport_actor actor;
  std::string scheme;
  std::vector<channel_uri> listening;
};
/// One ticket being redeemed at all of its places side by side.
struct join_attempt {
  caf::typed_response_promise<admission> promise;
  identity::ticket ticket;
  std::vector<channel_uri> waiting; ///< for a transport that may still be starting
  steady_time wait_until;
  std::size_t in_flight = 0;
  std::vector<error> failures;
  bool is_over() const { return in_flight == 0 && waiting.empty(); }
};

struct links_state : actor_lifecycle {
  static inline const char* name = "glow.links";
  std::optional<links_arguments> given;
  link::dial_plan plan;
  link::acceptor gate;
  std::shared_ptr<identity::roster_ptr> roster = std::make_shared<identity::roster_ptr>(); ///< shared with member checks
  byte_string certificate;
  std::map<caf::actor_id, transport_entry> transports;
  std::map<link_id, link_entry> links;
  std::map<node_channel, link_id> link_of_channel;
  std::map<node_channel, channel_opened> strangers;
  std::map<std::uint64_t, join_attempt> joins;
  std::vector<channel_uri> own;
  std::vector<caf::strong_actor_ptr> address_subscribers;
  link_id last_link = 0;
  std::uint64_t last_join = 0;
  bool leaving = false;
  std::vector<caf::typed_response_promise<mesh_left>> waiting_to_leave;

  std::string json() const;
  std::vector<child_entry> children() const;
  const transport_entry* transport_for(const std::string& scheme) const;
};
using links_self = caf::stateful_actor<links_state, loop_hosted<links_actor::base>>*;

/// Spawn: `spawn_on_loop(system, loop, links_behavior, links_arguments{…})`, before the transports that tell it of channels.
links_actor::behavior_type links_behavior(links_self self, links_arguments arguments);

} // namespace glow
