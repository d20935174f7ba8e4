/// What a transport actor hears and tells. A transport owns one configured instance of one medium and carries raw,
/// unauthenticated datagrams on channels; byte media frame them. It knows nothing of links, keys or nodes.
#pragma once

#include "actors/contracts/system.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/uri.hpp"

#include <caf/typed_actor.hpp>

#include <functional>
#include <optional>

namespace glow {

/// One raw connection of one transport instance; never reused within it, never 0.
using channel_id = std::uint64_t;

/// What a channel promises.
struct channel_traits {
  channel_traits() = default;
  channel_traits(std::string of_scheme, std::size_t longest_bytes, bool is_reliable, bool is_on_link)
    : scheme{std::move(of_scheme)}, datagram_bytes_max{longest_bytes}, reliable{is_reliable}, on_link{is_on_link} {}

  std::string scheme;                     ///< "udp", "tcp" …
  std::size_t datagram_bytes_max = 0;     ///< longest datagram it carries
  std::size_t datagram_bytes_ceiling = 0; ///< longest one that it takes and that may arrive, if probes do; 0: none longer
  bool reliable = false;                  ///< ordered and without loss while it lives (tcp, unix)
  bool on_link = false;                   ///< the remote end is on a directly attached network or this machine
  std::string declared_class;             ///< "control" or "drop" where the medium knows it without measuring; else empty
  std::string declared_why;               ///< how it knows: "9600 baud"
  double rate_bps = 0;                    ///< bits per second that it carries at the most, where the medium knows; else 0
  bool is_line = false;                   ///< two ends and nobody else, for as long as the channel lives: a serial line
};

// ---- heard by a transport --------------------------------------------------------------------------------------
/// links → transport: dial. Answered by channel_opened, or an error (unreachable, timed_out, usage).
struct connect_channel {
  channel_uri remote;
};
/// links → transport: from now on tell `owner` (a link) what happens on this channel, instead of the listener.
struct claim_channel {
  channel_id channel = 0;
  caf::strong_actor_ptr owner;
};
/// link → transport: dropped when the channel is gone or its queue is full (the streams above notice).
/// With `run_bytes`, each of them may be a run of datagrams of that length, the last of these possibly shorter.
struct send_on_channel {
  channel_id channel = 0;
  packet_batch datagrams;
  std::size_t run_bytes = 0;
};
/// link or links → transport: flush what is queued, then close; no channel_closed follows.
struct close_channel {
  channel_id channel = 0;
};
/// anyone → transport: answered by listening_on.
struct get_listening {};

// ---- told by a transport ---------------------------------------------------------------------------------------
/// transport → listener (for inbound channels), and the answer to connect_channel.
struct channel_opened {
  channel_id channel = 0;
  channel_uri remote;
  channel_traits traits;
};
/// transport → owner of the channel, or the listener while it is unclaimed (never runs, then).
struct channel_received {
  channel_id channel = 0;
  packet_batch datagrams;
  std::size_t run_bytes = 0; ///< as in send_on_channel
};
/// transport → owner of the channel, or the listener while it is unclaimed: the last word on this channel.
struct channel_closed {
  channel_id channel = 0;
  error why;
};
/// transport → owner of the channel: a datagram was too long for the path and got lost. What fits, 0 if the network does not say.
/// `certain`: this machine's own stack refused it; else somebody on the way says so (ICMP), who may be a liar.
struct channel_narrowed {
  channel_id channel = 0;
  std::size_t datagram_bytes_that_fit = 0;
  bool certain = false;
};
/// Where this instance can be dialled, ports resolved, wildcard addresses kept as they were configured.
struct listening_on {
  std::vector<channel_uri> uris;
};

/// Whoever owns a channel: a link, or links while nobody does.
using channel_owner_actor =
  caf::typed_actor<caf::reacts_to<channel_received>, caf::reacts_to<channel_closed>, caf::reacts_to<channel_narrowed>>;
/// The listener of a transport: hears of inbound channels, and of unclaimed ones.
using channel_listener_actor = channel_owner_actor::extend<caf::reacts_to<channel_opened>>;

using transport_actor = caf::typed_actor<caf::replies_to<connect_channel>::with<channel_opened>, caf::reacts_to<claim_channel>,
                                         caf::reacts_to<send_on_channel>, caf::reacts_to<close_channel>,
                                         caf::replies_to<get_listening>::with<listening_on>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::connect_channel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::claim_channel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::send_on_channel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::close_channel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_listening)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::channel_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::channel_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::channel_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::channel_narrowed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::listening_on)
