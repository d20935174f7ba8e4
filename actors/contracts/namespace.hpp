/// What the namespace actor hears: it owns the membership log of this node's namespace, persists it before it answers,
/// and keeps it in step with the other members.
#pragma once

#include "actors/contracts/endpoint.hpp"

namespace glow {

/// anyone → namespace: answered by roster_changed.
struct get_roster {};
/// anyone → namespace: tell me roster_changed, now and whenever it changes. Forgotten when the subscriber dies.
struct subscribe_roster {
  caf::strong_actor_ptr subscriber;
};
/// control → namespace: answered by ticket_created, or an error (failed: this node is no admin).
struct create_ticket {
  duration valid_for = 15min;
  identity::role as = identity::role::member;
};
struct ticket_created {
  std::string ticket;
  wall_time expires{};
};
/// links → namespace: a stranger wants in with this ticket; answered by the ticket's secret (the handshake's psk),
/// or why it is not good (not_found, expired, already_used).
struct get_ticket_secret {
  digest ticket_id;
  node_id asked_by;
};
struct ticket_secret {
  byte_string secret;
};
/// links → namespace: the stranger proved the ticket's secret and its node key: admit it, durably, once.
/// Answered by the admission to send it. The same node asking again gets the same answer.
struct redeem_ticket {
  digest ticket_id;
  node_id node;
  std::string node_name;
};
/// links, membership sync → namespace: records from a peer (encoded RecordList; of a certificate:
/// identity::encode_records(*identity::records_of_certificate(…))); invalid ones are ignored, new ones persisted.
struct merge_records {
  byte_string records;
};
/// control → namespace: answered by member_expelled or an error.
struct expel_member {
  node_id node;
};
struct member_expelled {};
/// links → namespace: certificate of this node (its admit record and the chain to the root), for handshakes.
struct get_certificate {};
struct certificate_bytes {
  byte_string certificate;
};
/// links → namespace: a member was reached at these places; remembered across restarts.
struct remember_addresses {
  node_id node;
  std::vector<channel_uri> uris;
};
/// links → namespace: where this node listens; told to the other members.
struct own_addresses {
  std::vector<channel_uri> uris;
};
/// links → namespace: answered by known_addresses of all members.
struct get_known_addresses {};
struct known_addresses {
  std::vector<std::pair<node_id, channel_uri>> places;
};
/// node → namespace: these were started (again). It registers with the endpoint for membership_sync, subscribes to the
/// router's routes, and tells links (member_seen) what sync learns of members' places. A null handle is left out.
struct attach_endpoint {
  endpoint_actor endpoint;
  router_actor router;
  links_actor links;
};
/// itself → namespace.
struct namespace_tick {
  std::uint64_t generation = 0;
};

using namespace_actor =
  service_actor::extend<caf::replies_to<get_roster>::with<roster_changed>, caf::reacts_to<subscribe_roster>,
                        caf::replies_to<create_ticket>::with<ticket_created>,
                        caf::replies_to<get_ticket_secret>::with<ticket_secret>, caf::replies_to<redeem_ticket>::with<admission>,
                        caf::reacts_to<merge_records>, caf::replies_to<expel_member>::with<member_expelled>,
                        caf::replies_to<get_certificate>::with<certificate_bytes>, caf::reacts_to<remember_addresses>,
                        caf::reacts_to<own_addresses>, caf::replies_to<get_known_addresses>::with<known_addresses>,
                        caf::reacts_to<attach_endpoint>, caf::reacts_to<routes_changed>, caf::reacts_to<namespace_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_roster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::subscribe_roster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::create_ticket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ticket_created)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_ticket_secret)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ticket_secret)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::redeem_ticket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::merge_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::expel_member)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::member_expelled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_certificate)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::certificate_bytes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::remember_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::own_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_known_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::known_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::attach_endpoint)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::namespace_tick)
