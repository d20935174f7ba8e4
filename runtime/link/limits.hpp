/// Bounds of links, of the links actor and of dialling, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

// ---- link --------------------------------------------------------------------------------------------------------------
/// Handshake message: fits the smallest datagram we send without probing.
inline constexpr std::size_t handshake_bytes_max = udp_datagram_bytes_max;
/// Longest datagram that a peer may claim to be its limit, at the least: less leaves no room for a fragment.
inline constexpr std::size_t link_datagram_bytes_min = 64;
/// Time that a handshake may take, and the pause before its first retransmission (doubled each time).
inline constexpr duration handshake_timeout = 5s;
inline constexpr duration handshake_retry_first = 250ms;
/// The same on a link that is declared slow: its answer takes longer than a second on a serial line.
inline constexpr duration handshake_retry_first_slow = 2s;
/// Simultaneous open: for so many first pauses the attempt that should win keeps the other side's away, unanswered.
inline constexpr int own_attempt_retries = 3;
/// Handshakes pending as responder beyond which strangers must echo a cookie first.
inline constexpr std::size_t pending_handshakes_max = 64;
/// Life of a cookie secret: an echo is good for one to two of these.
inline constexpr duration cookie_secret_life = 2min;
/// A refused peer may not have got the refusal: answer its retransmissions that long, and so often at most.
inline constexpr duration refusal_linger = 1s;
inline constexpr std::size_t refusals_sent_max = 4;
/// Text of a refusal or goodbye.
inline constexpr std::size_t close_text_bytes_max = 300;
/// Listening places a peer may name in its handshake, and places of members in an admission.
inline constexpr std::size_t handshake_uris_max = 16;
inline constexpr std::size_t admission_uris_max = 256;
/// Message 1s that one responder keeps answers for: a replayed old one must not displace the true one.
inline constexpr std::size_t handshake_attempts_max = 4;
/// Cookies an initiator echoes per attempt.
inline constexpr int cookies_echoed_max = 4;
/// How long a joining node waits while the other side makes its admission durable.
inline constexpr duration admission_timeout = 10s;
/// Packet counters behind the highest one that may still arrive: 2048 packets are 2.5 MB in flight out of order.
inline constexpr std::uint64_t replay_window_packets = 2048;
/// Key epochs a receiver follows at once: bounds the hashing that a forged counter can cause.
inline constexpr std::uint64_t session_epochs_ahead_max = 16;
/// Age at which a sender leaves its key epoch.
inline constexpr duration session_epoch_life = 2min;
/// Compact datagrams send 7 bits of their counter. Where the nearest counter does not open one, so many are tried beyond it,
/// 128 apart: a slow line that lost up to about a thousand packets in a row still opens the next one. Of those key epochs
/// behind the present one the beginning is tried, too: a sender skips to the next one by time.
inline constexpr std::uint64_t compact_counters_ahead_max = 7;
inline constexpr std::uint64_t compact_epochs_ahead_max = 2;
/// Compact datagrams that did not open after which the link ends, to be dialled anew under other keys: a tag of 64 bits is
/// guessed with 2^16 of them once in 2^44 links (each is tried under ten counters), and 1 Mbit/s, the fastest line that is
/// called slow, needs ten seconds for them; noise does not get through the framing of lines.
inline constexpr std::uint64_t compact_forgeries_max = std::uint64_t{1} << 16;
/// Pings whose answer is awaited; older ones count as lost.
inline constexpr std::size_t pings_outstanding_max = 16;
/// Beat of an idle link; the responder of the handshake beats only after missing the initiator's twice.
inline constexpr duration link_beat = 10s;
/// An acknowledgement of routing may wait so long for company (limits::route_ack_pause, and a turn of a busy loop).
inline constexpr duration answer_pause_max = 150ms;
/// Overlay packets that wait for the handshake of an end-to-end session; more are dropped, the stream resends them.
inline constexpr std::size_t packets_before_up_max = 64;
/// Admission sent to a joining node: a namespace file with every record (4096 records of some 300 bytes).
inline constexpr std::size_t admission_bytes_max = 2u << 20;
/// Admission fragments in flight before an acknowledgement: half of the smallest socket buffer we meet.
inline constexpr std::size_t admission_window_fragments = 32;
/// Bytes of a record (a sealed packet cut into datagrams) after its header: the cipher is at full speed by then, and a lost
/// datagram costs no more than eleven others.
inline constexpr std::size_t record_body_bytes_max = 16384;
/// Pieces of a record, and how many it must have to be worth its header.
inline constexpr std::size_t record_pieces_max = 64;
inline constexpr std::size_t record_pieces_min = 3;
/// Records that one link has under way: reordering of a quarter megabyte; forged pieces hold no more memory than these.
inline constexpr std::size_t records_under_way_max = 8;
/// A record that got no piece for so long lost one.
inline constexpr duration record_life = 2s;
/// Pause between probes whether records come through, doubled from the first to the last.
inline constexpr duration record_probe_pause_min = 1s;
inline constexpr duration record_probe_pause_max = 5min;
/// How long a lossy link offers no records, doubled with every fall that follows soon.
inline constexpr duration record_rest_min = 10s;
inline constexpr duration record_rest_max = 5min;
/// Bytes between two pings that say something of loss: three records.
inline constexpr std::uint64_t record_loss_sample_bytes = 48u << 10;
/// Probes of a path's MTU that stay unanswered before that length counts as impassable (RFC 8899 §5.1.2), and how long each waits
/// (§5.1.1), or three round trips.
inline constexpr unsigned path_mtu_probes_max = 3;
inline constexpr duration path_mtu_probe_timeout_min = 1s;
/// What a link must have carried to be worth a first probe; from then on probes are 2 % of its bytes.
inline constexpr std::uint64_t path_mtu_first_probe_bytes = 64u << 10;
inline constexpr std::uint64_t path_mtu_bytes_per_probe_byte = 50;
/// How long a finished search counts before longer datagrams are tried again (PMTU_RAISE_TIMER, §5.1.1).
inline constexpr duration path_mtu_search_pause = 10min;
/// Datagrams, or records, between two pings none of which arrived: reason to doubt the length …
inline constexpr std::uint64_t path_mtu_missing_min = 2;
/// … and probes that must all stay unanswered, too: at 20 % loss each way that is two in a hundred.
inline constexpr unsigned path_mtu_confirmations = 4;
inline constexpr duration path_mtu_doubt_pause_min = 100ms;
inline constexpr duration path_mtu_doubt_pause_max = 5s;
/// Links one node keeps; a home mesh has tens.
inline constexpr std::size_t links_max = 512;

// ---- serial lines ------------------------------------------------------------------------------------------------------
/// Datagram on a serial line: handshakes must fit, also those of end-to-end sessions over it. 1.3 s at 9600 baud, which is
/// why it goes in pieces that shorter datagrams may pass.
inline constexpr std::size_t serial_datagram_bytes_max = udp_datagram_bytes_max;
/// Pieces of one datagram (four bits of a frame), and the shortest ones that so many make a whole datagram of.
inline constexpr std::size_t serial_pieces_max = 16;
inline constexpr std::size_t serial_piece_bytes_min = 80;
/// Time on the wire of one frame, where the line is fast enough for the shortest piece: what a ping waits for at most.
inline constexpr duration serial_frame_time = 250ms;
/// What waits for a serial line, in bytes of datagrams: so much time, and two of the longest at the least. More would only
/// be stale when it arrives; the streams above slow down by what is dropped.
inline constexpr duration serial_queue_time = 500ms;
inline constexpr std::size_t serial_queue_bytes_min = 2 * serial_datagram_bytes_max;
inline constexpr std::size_t serial_queue_bytes_max = 64u << 10;
/// Short datagrams that may pass a long one before its next piece goes.
inline constexpr std::size_t serial_passing_max = 4;
/// A frame is handed to the line so long before the one ahead of it has left: timers are late by some milliseconds.
inline constexpr duration serial_lead = 20ms;

// ---- links (actor) -----------------------------------------------------------------------------------------------------
/// Strangers' channels that links remembers: those of every transport, and some on their way.
inline constexpr std::size_t strangers_max = 1024;
/// Places of its own that a node tells others: interfaces × transports of a laptop.
inline constexpr std::size_t own_places_max = 16;
/// Tickets redeemed at once; a person redeems one.
inline constexpr std::size_t joins_max = 4;

// ---- dialling ----------------------------------------------------------------------------------------------------------
/// First and longest wait before a place is dialled again.
inline constexpr duration dial_backoff_min = 100ms;
inline constexpr duration dial_backoff_max = 60s;
/// Longest wait for the known address of a member that is merely away: it comes back any time.
inline constexpr duration dial_backoff_max_of_member = 10s;
/// Longest wait while the place was linked lately (a restart, a change of network): back within two seconds …
inline constexpr duration dial_backoff_max_of_recent = 1s;
/// … for this long; one dial a second may not drain a battery for ever.
inline constexpr duration dial_eager_for = 10min;
/// A link that held this long counts as success: its loss starts the backoff anew.
inline constexpr duration dial_settled_after = 5s;
/// Between the starts of one node's places (RFC 8305 recommends 100 to 250 ms).
inline constexpr duration dial_stagger = 100ms;
/// Places that have not led anywhere in this life are dialled that many at once, then one in this time: a mesh of a thousand
/// members must not look like a port scan, nor cost the square of its size. The time doubles with every such number that led
/// nowhere, up to the last: whoever is there dials, too, and an idle laptop sleeps.
inline constexpr unsigned dial_unproven_burst = 32;
inline constexpr duration dial_unproven_pause = 500ms;
inline constexpr duration dial_unproven_pause_max = 10s;
/// Places that are remembered at once: of all nodes, and of one (interfaces × transports of a laptop).
inline constexpr std::size_t dial_targets_max = 1024;
inline constexpr std::size_t dial_targets_per_node_max = 12;
/// Dials in flight: each may hold a socket for limits::connect_timeout.
inline constexpr std::size_t dials_in_flight_max = 64;

/// Links begun from both sides within this time were dialled at the same time: longer than the longest handshake.
inline constexpr duration simultaneous_dials_within = 5s;

// ---- proxies -----------------------------------------------------------------------------------------------------------
/// In place of connect_timeout: Tor takes seconds for a circuit to a service.
inline constexpr duration proxied_connect_timeout = 20s;
/// All that an HTTP proxy may say before the channel is open: status lines and fields, which are a few hundred bytes.
inline constexpr std::size_t proxy_answer_bytes_max = 8192;
/// Of the words in a proxy's refusal that are passed on to people.
inline constexpr std::size_t proxy_reason_bytes_max = 120;
/// SOCKS5 counts names, user names and passwords in one byte each.
inline constexpr std::size_t proxy_credential_bytes_max = 255;
inline constexpr std::size_t proxy_host_bytes_max = 255;

} // namespace glow::limits
