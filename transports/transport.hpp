/// The actor that runs one medium: contracts/transport.hpp on one side, medium.hpp on the other. It keeps who owns which
/// channel, bounds strangers' channels in number and life, and bounds the bytes that wait in mailboxes behind it.
/// Refuses to look into a datagram.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/transport_catalog.hpp"
#include "transports/medium.hpp"
#include "transports/unclaimed_channels.hpp"

#include <atomic>
#include <unordered_set>

namespace glow::transports {

/// itself → transport: a stranger's time may be over.
struct transport_tick {
  std::uint64_t generation = 0;
};
using medium_actor = transport_actor::extend<caf::reacts_to<transport_tick>>;
using medium_factory = std::function<std::unique_ptr<medium>(const loop_place& place)>;

struct transport_state;
using transport_self = caf::stateful_actor<transport_state, loop_hosted<medium_actor::base>>*;

/// One medium of one node.
///   starting ─► open ─► gone
/// Hears    links: connect_channel, claim_channel, close_channel   links' children: send_on_channel, close_channel
/// Tells    listener: transport_started, channel_opened   owner, else listener: channel_received, channel_narrowed,
/// channel_closed Watches  listener (quits with it: strangers would find nobody), owners (their channels are closed) Fails    io,
/// usage when the listening side cannot be opened; stopped when the listener is gone
struct transport_state : actor_lifecycle, medium_listener {
  static inline const char* name = "glow.transport";

  std::string json() const;

  void channel_accepted(channel_opened opened) override;
  void datagrams_arrived(channel_id channel, std::vector<byte_string> datagrams) override;
  void runs_arrived(channel_id channel, std::vector<byte_string> runs, std::size_t run_bytes) override;
  void channel_broke(channel_id channel, error why) override;
  void channel_narrows(const channel_narrowed& what) override;
  void medium_broke(error why) override;
  bool is_claimed(channel_id channel) const override { return owners.contains(channel); }
  bool wants_more() const override;

  void connect(const channel_uri& remote, caf::typed_response_promise<channel_opened> promise);
  void claim(const claim_channel& claim);
  void close(channel_id channel);
  void expire_strangers();

  transport_self self = nullptr;
  std::string scheme;
  transport_listener_actor listener;
  unclaimed_channels strangers;
  std::unordered_map<channel_id, channel_owner_actor> owners;
  std::unordered_set<channel_id> known; ///< channels that were announced and not yet closed
  std::shared_ptr<std::atomic<std::size_t>> bytes_in_flight = std::make_shared<std::atomic<std::size_t>>(0);
  bool tick_armed = false;
  std::unique_ptr<medium> carrier; ///< last, so that it dies first: it may still tell us things

private:
  channel_owner_actor owner_of(channel_id channel) const;
  void add_stranger(channel_id channel);
};

medium_actor::behavior_type transport_behavior(transport_self self, std::string scheme, medium_factory make,
                                               transport_listener_actor listener, surroundings world);

} // namespace glow::transports

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::transports::transport_tick)
