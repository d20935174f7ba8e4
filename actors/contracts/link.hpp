/// What a link and the links actor hear. A link is one authenticated, encrypted neighbour relation over one channel;
/// `links` dials, accepts, supervises and redials them.
#pragma once

#include "actors/contracts/transport.hpp"
#include "runtime/identity/roster.hpp"
#include "runtime/link/carried_load.hpp"
#include "runtime/link/expectation.hpp"
#include "runtime/link/link_policy.hpp"
#include "runtime/link/sealing.hpp"

#include <optional>

namespace glow {

/// One link of this node since its start; never reused, never 0.
using link_id = std::uint32_t;

/// What router, status and bench know of a link.
struct link_info {
  link_id id = 0;
  node_id peer;
  std::string peer_name;
  std::vector<channel_uri> peer_listening; ///< where the peer says it can be dialled; wildcard hosts as it has them
  channel_uri channel;
  channel_traits traits;
  std::string link_class;                           ///< "local", "wan", "control", "drop"
  std::string why;                                  ///< why that class
  std::string state;                                ///< "handshaking", "up", "silent"
  std::size_t packet_bytes_max = 0;                 ///< longest overlay packet it carries
  std::size_t datagram_bytes = 0;                   ///< longest datagram that its path was found to carry
  duration rtt{};                                   ///< smoothed; zero while unmeasured
  double rate_bps = 0;                              ///< delivered rate seen lately
  double loss = 0;                                  ///< share of pings lost, 0 … 1
  duration rtt_min{};                               ///< least of the path so far
  link::carried_load load;                          ///< what it did with bulk of late
  link::bulk_wish bulk = link::bulk_wish::by_class; ///< whether its owners want bulk on it
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  duration up_for{};
  bool labels = false; ///< the peer knows labels (route/label_tables.hpp)
};

// ---- heard by a link -------------------------------------------------------------------------------------------
/// router → link: overlay packets to seal and send, in order; dropped when the link is not up.
struct packets_to_send {
  packet_batch packets;
  link::expectation expects = link::expectation::traffic;
  link::sealing seal = link::sealing::whole;
  bool shared = false; ///< a share of what several links carry to that neighbour
};
/// links → link, anyone → link: say goodbye to the peer with this reason, close the channel, end normally.
struct close_link {
  std::string why;
};
/// anyone → link: answered by link_info.
struct get_link_info {};
/// itself → link: its timer; tells of another generation are ignored.
struct link_tick {
  std::uint64_t generation = 0;
};
/// links → link: bytes that arrived on another channel but carry this link's session index (the peer roamed).
struct roamed_datagrams {
  channel_id channel = 0;
  channel_uri remote;
  packet_batch datagrams;
};

using link_actor = channel_owner_actor::extend<caf::reacts_to<packets_to_send>, caf::reacts_to<close_link>,
                                               caf::replies_to<get_link_info>::with<link_info>, caf::reacts_to<roamed_datagrams>,
                                               caf::reacts_to<link_tick>>;

// ---- told by a link --------------------------------------------------------------------------------------------
/// link → router and links: the handshake is done, the peer is a member.
struct link_up {
  link_id link = 0;
  link_info info;
  link_actor actor;
};
/// link → router: estimates or class changed noticeably.
struct link_changed {
  link_id link = 0;
  link_info info;
};
/// link → router and links: it carries nothing any more. Also told when the actor dies without a word (links sees it).
struct link_down {
  link_id link = 0;
  error why;
};
/// link → router: overlay packets of an authenticated neighbour, opened.
struct packets_from_link {
  link_id link = 0;
  packet_batch packets;
};

/// What a new member gets: the encoded namespace file (identity room), to be written and started with.
struct admission {
  byte_string namespace_file;
  std::vector<channel_uri> addresses;
  node_id admitted_by;
};
/// link → links: this node's ticket was redeemed over that link, which closes now. A join that fails ends in link_down.
struct link_joined {
  link_id link = 0;
  admission admitted;
};

// ---- heard by links --------------------------------------------------------------------------------------------
/// control, agent, discovery → links: keep a link to this place. `expected` is the node id where it is known (IK).
/// `permanent`: redialled until removed (`--peer`, `glow link add`); else only while it leads to members.
/// Answered by peer_added at once, or an error (usage: no transport for the scheme).
struct add_peer {
  channel_uri uri;
  std::optional<node_id> expected;
  bool permanent = true;
};
struct peer_added {
  std::uint64_t dial = 0;
};
/// control → links: stop redialling and close; `id` is a link id or a dial id. Answered by link_removed or not_found.
struct remove_link {
  std::uint64_t id = 0;
};
struct link_removed {};
/// anyone → links: answered by link_list (up and handshaking links; dials that wait, with the last error).
struct get_links {};
struct waiting_dial {
  std::uint64_t dial = 0;
  channel_uri uri;
  duration next_try_in{};
  std::string last_error;
};
struct link_list {
  std::vector<link_info> links;
  std::vector<waiting_dial> waiting;
};
/// agent → links: the agent stops: say goodbye on every link, dial and accept no more. Answered by mesh_left once the last
/// link is gone; whoever asks sets the time that may take.
struct leave_mesh {};
struct mesh_left {};
/// agent → links: redeem this ticket (text form) at any of its places; answered by the admission, or the reason why not
/// (unreachable, expired, already_used, tampered, refused …).
struct join_namespace {
  std::string ticket;
  std::string node_name;
};
/// namespace → links, router, endpoint, jobs, discovery: the roster now.
struct roster_changed {
  identity::roster_ptr roster;
};
/// host → links, discovery: network interfaces came or went: redial at once, announce again.
struct interfaces_changed {};
/// discovery, bench → links: tell me own_addresses, now and whenever they change. Forgotten when the subscriber dies.
struct subscribe_addresses {
  caf::strong_actor_ptr subscriber;
};
/// itself → links.
struct links_tick {
  std::uint64_t generation = 0;
};
/// discovery, membership sync → links: a member was heard at this place; dialled unless already linked there.
struct member_seen {
  node_id node;
  channel_uri uri;
};
/// agent → links: a transport instance is there (again); its listening URIs are what we tell peers.
struct transport_started {
  std::string scheme;
  transport_actor transport;
};

using links_actor = channel_listener_actor::extend<
  caf::reacts_to<transport_started>, caf::reacts_to<link_up>, caf::reacts_to<link_changed>, caf::reacts_to<link_down>,
  caf::reacts_to<link_joined>, caf::replies_to<add_peer>::with<peer_added>, caf::replies_to<remove_link>::with<link_removed>,
  caf::replies_to<get_links>::with<link_list>, caf::replies_to<leave_mesh>::with<mesh_left>,
  caf::replies_to<join_namespace>::with<admission>, caf::reacts_to<member_seen>, caf::reacts_to<roster_changed>,
  caf::reacts_to<interfaces_changed>, caf::reacts_to<subscribe_addresses>, caf::reacts_to<links_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::packets_to_send)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::close_link)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_link_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::roamed_datagrams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_joined)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::packets_from_link)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::add_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::peer_added)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::remove_link)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_removed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_links)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::leave_mesh)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::mesh_left)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::link_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::join_namespace)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::admission)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::roster_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::interfaces_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::links_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::subscribe_addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::member_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::transport_started)
