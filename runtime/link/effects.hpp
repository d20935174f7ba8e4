/// What a link machine wants done: the only way it touches the world.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/base/uri.hpp"
#include "runtime/identity/roster.hpp"

#include <variant>

namespace glow::link {

/// Raw channel of the transport, as the owner of the machine numbers them (actors: channel_id). Opaque here.
using channel_key = std::uint64_t;

/// What the handshake told of the peer; authentic, and its certificate was checked.
struct peer_facts {
  identity::member member;                ///< as the membership check returned it
  std::vector<channel_uri> listening;     ///< where it says it can be dialled
  std::string observed_us_at;             ///< our address as it sees it; a hint, possibly empty
  std::size_t datagram_bytes_max = 0;     ///< longest datagram both sides of the channel carry
  std::size_t datagram_bytes_ceiling = 0; ///< longest one that may pass if probes say so; 0: none longer
  std::uint64_t features = 0;             ///< those both sides have, and what the peer says of the link (link_policy.hpp)
};

/// Send these on the machine's channel, in order. With run_bytes, each may be a run of datagrams of that length, the last of
/// them possibly shorter (datagrams_of() cuts it).
struct send_datagrams {
  packet_batch datagrams;
  std::size_t run_bytes = 0;
};
/// Overlay packets from the peer, opened, in order of arrival.
struct deliver_packets {
  packet_batch packets;
};
/// The peer is a member and both sides have the session keys. Told again (end-to-end sessions only) when the peer
/// started anew under the same key: everything that was known of its session state is void.
struct announce_up {
  peer_facts peer;
};
/// State, class or estimates changed noticeably: link_machine::figures() has them.
struct announce_changed {};
/// The last effect: close the channel, forget the machine. `why.code == none`: an orderly end (goodbye, idle, join done).
struct give_up {
  error why;
};
/// Responder: somebody wants in with this ticket. Answer with on_ticket_secret().
struct ask_ticket_secret {
  digest ticket_id;
};
/// Responder: this node proved its key and the ticket's secret. Admit it, durably, then answer with on_admission().
struct ask_admission {
  digest ticket_id;
  node_id node;
  std::string node_name;
};
/// Initiator: the ticket was redeemed; `admission` is what the other side's on_admission() was given.
struct joined {
  byte_string admission;
  node_id admitted_by;
};
/// The peer now speaks from this channel: claim it, send there from now on, close the old one.
struct move_channel {
  channel_key channel = 0;
};
/// Call on_tick() at this time (earlier does no harm). A later wake_at does not withdraw an earlier one.
struct wake_at {
  steady_time when;
};

using effect = std::variant<send_datagrams, deliver_packets, announce_up, announce_changed, give_up, ask_ticket_secret,
                            ask_admission, joined, move_channel, wake_at>;
using effects = std::vector<effect>;

} // namespace glow::link
