/// Bounds of end points, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

/// One request or response: a chunk of 1 MiB with its envelope, twice over.
inline constexpr std::size_t message_bytes_max = 4u << 20;
/// Bytes under way in one conversation: 100 MB/s over 80 ms.
inline constexpr std::size_t stream_window_bytes_max = 8u << 20;
/// The same on a path that is known to be quick and near: 500 MB/s over 4 ms. More only stands in queues, and spoils the caches.
inline constexpr std::size_t stream_window_bytes_quick_max = 2u << 20;
/// First window on a path that is known to be quick and near: four frames, far below any channel's queue.
inline constexpr std::size_t stream_window_bytes_quick_start = 256u << 10;
/// Longest pause between two probes of a silent peer: it is found again this soon after it came back.
inline constexpr duration stream_probe_wait_max = 5s;
/// Packets on record in one conversation: a full window of small ones, twice over.
inline constexpr std::size_t stream_sent_packets_max = 32768;
/// Messages up to this size go before longer ones: what people wait for is small.
inline constexpr std::size_t stream_small_message_bytes = 16u << 10;
/// Messages of one conversation that are being sent at the same time, small and long ones; the others wait their turn.
inline constexpr std::size_t stream_small_messages_active_max = 256;
inline constexpr std::size_t stream_long_messages_active_max = 32;
inline constexpr std::size_t stream_long_bytes_active_max = 16u << 20;
/// What a receiver keeps half-received for one conversation: all that the sender's bounds above allow. More is dropped
/// unacknowledged, so that the sender slows down.
inline constexpr std::size_t stream_inbound_messages_max = stream_small_messages_active_max + stream_long_messages_active_max;
inline constexpr std::size_t stream_inbound_bytes_max =
  stream_long_bytes_active_max + stream_small_messages_active_max * stream_small_message_bytes;
/// Small packets before a long message gets a turn although small ones wait: long ones must not starve.
inline constexpr unsigned stream_small_packets_in_a_row = 16;
/// Ranges of request ids remembered as received: gaps come from cancelled requests only; the lowest is closed first.
inline constexpr std::size_t stream_known_id_ranges_max = 1024;
/// Earlier incarnations of a peer whose late packets are recognised.
inline constexpr std::size_t stream_retired_epochs_max = 4;
/// Resets told to one peer: one per this time.
inline constexpr duration stream_reset_pause = 20ms;
/// A peer that owes an answer and is silent for this long is asked whether it still lives.
inline constexpr duration stream_keepalive = 10s;
/// Requests of one conversation that await their answer; more wait in a queue, beyond it the caller hears `exhausted`.
inline constexpr std::size_t stream_requests_outstanding_max = 256;
inline constexpr std::size_t stream_requests_queued_max = 1024;
/// Bytes of requests and answers held for one peer until they are delivered.
inline constexpr std::size_t stream_held_bytes_max = 64u << 20;
/// Text of an error that travels back to a requester.
inline constexpr std::size_t stream_error_text_bytes_max = 1024;
/// Peers an endpoint keeps state for; the one idle for longest goes first.
inline constexpr std::size_t stream_peers_max = 1024;
/// State of a peer is forgotten after this time without a message.
inline constexpr duration stream_peer_idle = 5min;
/// A route that is away for longer than this fails the requests that were under way over it.
inline constexpr duration stream_route_grace = 1s;
/// Longest time a request may ask for; more is cut.
inline constexpr duration stream_request_timeout_max = 24h;
/// A new end-to-end handshake is tried no sooner after the last one than this.
inline constexpr duration stream_session_retry = 2s;

// ---- streams -----------------------------------------------------------------------------------------------------------
/// Streams of one conversation that are open at once: the ten thousand that two agents may share, and some that close.
inline constexpr std::size_t stream_open_max = 16384;
/// Bytes that may arrive of a new stream before its receiver says more; part of the wire format.
inline constexpr std::uint64_t stream_window_initial = 64u << 10;
/// … and at the most: twice the congestion window, so that it never holds a sender back.
inline constexpr std::uint64_t stream_window_max = 2 * stream_window_bytes_max;
/// Bytes of all streams of one conversation that arrived and were not consumed; the beginning is part of the wire format.
inline constexpr std::uint64_t stream_credit_bytes = 32u << 20;
/// Bytes a writer may be ahead of the acknowledgements: a quick path's window at the least; what all streams together hold is
/// divided among them.
inline constexpr std::size_t stream_write_ahead_min = 256u << 10;
inline constexpr std::size_t stream_write_ahead_max = 2 * stream_window_bytes_max;
inline constexpr std::size_t stream_write_ahead_total = 64u << 20;
inline constexpr std::size_t stream_write_ahead_share_min = 16u << 10;
/// Pieces of streams that wait for a gap before them, in one conversation: a full window of short packets, twice over.
inline constexpr std::size_t stream_segments_max = 16384;
/// The last bytes of a write, too few for a packet, wait for an acknowledgement while so many packets are under way over a path
/// whose round trip is so short: as on a local network, where that wait is shorter than a person or a program notices.
inline constexpr std::size_t stream_tail_packets_ahead = 4;
inline constexpr duration stream_tail_round_trip_max = 1ms;
inline constexpr std::size_t stream_service_name_bytes_max = 128;
inline constexpr std::size_t stream_close_text_bytes_max = 256;
/// A stream of which nothing was ever acknowledged is given up after this time, unless its opener says otherwise.
inline constexpr duration stream_opening_patience = 30s;

} // namespace glow::limits
