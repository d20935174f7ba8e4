/// Bounds of the identity room, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

/// Records of one namespace: tens of devices, re-admitted and expelled for years (1.2 MB at the bound).
inline constexpr std::size_t membership_records_max = 4096;
/// Longest chain from a member to the root: four admins in a row still fit one handshake datagram.
inline constexpr std::size_t certificate_records_max = 4;
/// Certificate in a handshake message: handshake_bytes_max less Noise's own 100 and the other fields' 130.
inline constexpr std::size_t certificate_bytes_max = 1000;
/// Room for what later versions sign into a membership record.
inline constexpr std::size_t record_extension_bytes_max = 128;
/// Tickets that an inviter remembers, open, used and expired ones.
inline constexpr std::size_t open_tickets_max = 256;
/// Longest life of a ticket: whoever finds it later on a screenshot must not get in.
inline constexpr duration ticket_life_max = 30 * 24h;
/// How long an expired or used ticket is remembered, so that its bearer is told so and not "unknown".
inline constexpr duration ticket_memory = 7 * 24h;
/// Places named in one ticket, and how long its text may be: it must fit a QR code.
inline constexpr std::size_t ticket_addresses_max = 16;
inline constexpr std::size_t ticket_text_bytes_max = 2900;
/// Places remembered of one member, the newest first.
inline constexpr std::size_t addresses_per_member_max = 8;
/// Members whose places are remembered.
inline constexpr std::size_t addressed_members_max = 1024;
/// Namespace file: all records, tickets and addresses at their bounds, twice over; also stops a wrong file early.
inline constexpr std::size_t namespace_file_bytes_max = 16u << 20;
/// LAN beacon: one datagram that no network fragments, same length for every node.
inline constexpr std::size_t beacon_bytes_max = 512;
/// Listening places told in one beacon.
inline constexpr std::size_t beacon_ports_max = 8;
/// Pace of a beacon's tag: a recording is useless to a tracker after this, clocks may be off by as much.
inline constexpr std::chrono::seconds beacon_slot = 60s;
/// Answers to newcomers' beacons: at most one in this time, so that a replayed beacon is no amplifier.
inline constexpr duration beacon_answer_pause = 200ms;
/// Idle pace of beacons: agents that missed the burst find each other all the same.
inline constexpr duration beacon_pause_idle = 30s;
/// (node, place) pairs that discovery has told lately and does not tell again at once.
inline constexpr std::size_t beacon_sightings_max = 256;
inline constexpr duration beacon_sighting_pause = 5s;
/// Beacons handled in one second; a flood costs no more than that.
inline constexpr std::size_t beacons_per_second_max = 200;
/// Membership exchanges under way at once; the others wait their turn.
inline constexpr std::size_t syncs_at_once_max = 4;
/// A failed membership exchange is tried again after this, doubled each time up to the second.
inline constexpr duration sync_retry_first = 2s;
inline constexpr duration sync_retry_last = 5min;
/// Deadline of one membership exchange: a few kilobytes, over the slowest route.
inline constexpr duration sync_timeout = 10s;
/// Learnt places wait this long for others before they are written.
inline constexpr duration addresses_save_pause = 2s;
/// The first member farther away than neighbours is asked this long after it became reachable: when it is back from a
/// journey, its neighbours have mostly told us by then.
inline constexpr duration sync_farther_first = 2min;
/// Members in step are asked again this often, in case a change was told to nobody.
inline constexpr duration sync_pause_idle = 10min;
/// Subscribers of one namespace: the node's own actors.
inline constexpr std::size_t roster_subscribers_max = 64;

} // namespace glow::limits
