/// Measures one link from the router's place: the transport, the sealing link and the event loop are the agent's own, only
/// routes and endpoints are missing. The initiator measures; the responder echoes, counts and grants credit.
///
///   initiator   opening ─► pinging ─► flooding ─► asking for the count ─► done
///   responder   listening ─► serving
///
/// Hears    transport: transport_started, channel_opened, channel_received, channel_closed   link: link_up, link_changed,
///          link_down, packets_from_link   itself: meter_tick
/// Tells    transport: connect_channel, get_listening   link: packets_to_send, channel_received
/// Watches  transport            Parent  none
/// Fails    never: a link that breaks ends the measurement with its reason
///
/// What it sends, integers little-endian; a flood packet is as long as the link allows:
///
///   | kind u8 | number u64 | … |                       ping, pong, flood, credit (number: highest seen), enough
///   | kind u8 | packets u64 | time ns u64 | cpu ns u64 |    count
#pragma once

#include "actors/contracts/transport_catalog.hpp"
#include "actors/link/link.hpp"
#include "tools/benchmarks/figures.hpp"

#include <functional>
#include <optional>

namespace glow::benchmarks {

/// What one run of a link gave.
struct link_figures {
  double mb_per_s = 0;     ///< one way, as the receiver counted it, overlay packet bytes
  round_trips rtt;         ///< of 32-byte packets, one at a time
  double cpu_s_per_gb = 0; ///< both processes
  std::size_t packet_bytes = 0;
  double lost = 0;         ///< share of flood packets that never came
  double rss_mb_there = 0; ///< most memory that the serving process ever had; measure_link() fills it
};

struct meter_arguments {
  surroundings world;
  std::optional<channel_uri> remote; ///< set in the initiator
  duration pinging = 2s;
  duration flooding = 5s;
  std::size_t window_bytes = 0;                                    ///< sent and not yet seen by the other side
  std::function<void(result<std::vector<channel_uri>>)> listening; ///< responder: told once
  std::function<void(result<link_figures>)> done;                  ///< told once
};

struct meter_tick {
  std::uint64_t generation = 0;
};
using meter_actor =
  transport_listener_actor::extend<caf::reacts_to<link_up>, caf::reacts_to<link_changed>, caf::reacts_to<link_down>,
                                   caf::reacts_to<link_joined>, caf::reacts_to<packets_from_link>, caf::reacts_to<meter_tick>>;

struct meter_state : actor_lifecycle {
  static inline const char* name = "bench.meter";
  enum class phase { opening, pinging, flooding, counting, done };
  std::optional<meter_arguments> given;
  phase now = phase::opening;
  transport_actor transport;
  link_actor link;
  std::map<channel_id, channel_opened> strangers;
  std::size_t packet_bytes = 0;
  steady_time phase_began{};

  std::vector<duration> samples; // initiator
  steady_time ping_sent{};
  std::uint64_t pings = 0;
  std::uint64_t sent = 0;
  std::uint64_t seen = 0; ///< highest flood packet that the other side told of
  std::uint64_t seen_at_tick = 0;
  duration cpu_before{};

  std::uint64_t received = 0; // responder
  std::uint64_t highest = 0;
  std::uint64_t uncredited_bytes = 0;
  steady_time first_at{};
  steady_time last_at{};
};
using meter_self = caf::stateful_actor<meter_state, loop_hosted<meter_actor::base>>*;

meter_actor::behavior_type meter_behavior(meter_self self, meter_arguments arguments);

} // namespace glow::benchmarks

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::benchmarks::meter_tick)
