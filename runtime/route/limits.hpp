/// Bounds of routing, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

/// As IP has it (RFC 1700): quick ways through a mesh of a thousand nodes take more than twenty hops.
inline constexpr std::uint8_t hop_limit_default = 64;
inline constexpr std::size_t routes_max = 16384;
/// Entries of each list in one routing packet from outside: more than fit the largest packet we send (64 KiB).
inline constexpr std::size_t route_entries_per_packet_max = 1024;
/// Unacknowledged routing packets per neighbour; more changes wait and coalesce meanwhile.
inline constexpr std::size_t route_packets_in_flight_max = 32;
/// Acknowledgements owed to one neighbour: an idle one sends few packets, a flooding one has its oldest forgotten.
inline constexpr std::size_t route_acks_owed_max = 256;
/// Neighbours compare digests of what they told each other after such a time (jittered), and tell all again where they differ:
/// heals what every other repair missed.
inline constexpr duration route_refresh_min = 30s;
inline constexpr duration route_refresh_max = 60s;
/// A route nobody refreshed for so long is gone: three and a half refreshes (RFC 8966, appendix B).
inline constexpr duration route_life = 210s;
/// Feasible distances outlive every route that was learned from us, or a loop could form (RFC 8966, 3.7.3).
inline constexpr duration feasible_distance_life = 600s;
/// Repetition of an unacknowledged routing packet: an update lost on UDP heals within a second. While the round trip is
/// unmeasured, at the least otherwise, and at the most after repetitions that went unanswered.
inline constexpr duration route_retransmit_unmeasured = 250ms;
inline constexpr duration route_retransmit_min = 100ms;
inline constexpr duration route_retransmit_max = 4s;
/// Repetitions before a neighbour's router counts as silent and only the refresh speaks to it.
inline constexpr unsigned route_retransmissions_max = 10;
/// News that somebody waits for waits for more of it: half a round trip, within these; other news, and acknowledgements, so long.
inline constexpr duration route_gather_min = 2ms;
inline constexpr duration route_gather_max = 20ms;
inline constexpr duration route_gather_patient = 250ms;
/// The patient ones wait longer by this for each destination known: the larger a mesh, the more of its costs move at any time.
inline constexpr duration route_gather_per_destination = 1ms;
inline constexpr duration route_ack_pause = 100ms;
/// A routing packet is under way for less than this.
inline constexpr duration route_session_overlap = 3s;
/// Share of a link's rate that routing packets may use (overlay.md); the burst that goes out at once; and the longest
/// pause between two packets on the slowest links.
inline constexpr double route_rate_share = 0.02;
inline constexpr duration route_packet_burst = 20ms;
inline constexpr duration route_packet_spacing_max = 10s;
/// Longest body of a routing packet: one segment of Cap'n Proto's default builder, whatever the link could carry.
inline constexpr std::size_t route_packet_bytes_max = 8000;
/// Requests for a newer sequence number before the refresh takes over, and the pause after the first.
inline constexpr unsigned seqno_requests_max = 8;
inline constexpr duration seqno_request_pause = 200ms;
/// Requests that this node remembers having passed on, against echoes.
inline constexpr std::size_t seqno_requests_remembered_max = 1024;
/// So long a node keeps to itself that a link of its own took its last feasible way, while it asks for a newer claim.
inline constexpr duration route_hold = 200ms;
/// A node raises its own sequence number at most so often, whoever asks.
inline constexpr duration seqno_raise_pause = 20ms;
/// Labels of one direction of one link: ten bits of a labelled header, 72 bytes each in a table.
inline constexpr std::size_t labels_per_link_max = 1024;
/// Packets of a pair before it gets a label: binding costs as much as two headers.
inline constexpr std::uint32_t label_after_packets = 3;
/// Binds that await their acknowledgement: many new pairs at once fill no slow line.
inline constexpr std::size_t labels_binding_max = 16;
/// Repetition of one while its pair sends, doubled so many times: a neighbour that does not answer is not asked often.
inline constexpr duration label_bind_retry = 1s;
inline constexpr std::uint8_t label_bind_doublings_max = 6;
/// So long a number means nothing before it means something else: every packet under its old meaning has arrived or is lost
/// (as for routing packets, route_session_overlap).
inline constexpr duration label_rest = 3s;
/// Unused for so long, a label may go to another pair when the table is full; one that only counts packets sooner. A search
/// looks at so many.
inline constexpr duration label_idle = 30s;
inline constexpr duration label_count_idle = 1s;
inline constexpr std::size_t labels_looked_at_max = 8;
/// Between two complaints of unknown labels: one is enough, a second one in case it was lost.
inline constexpr duration label_unknown_pause = 100ms;
/// Longest packet of interactive traffic on a control link: the longest of a serial line, which takes a second and a third for it
/// at 9600 baud. Who waits behind it waits no longer.
inline constexpr std::size_t small_interactive_packet_bytes = udp_datagram_bytes_max;
/// A run of bulk over one link of several before the next has its turn: in time, so that packets overtake each other by less than
/// a round trip; in bytes, so that a fast link has a batch of segments (64 KiB) each time, and a slow one a few packets. The
/// share of a slow one may make a run shorter than that, but a turn is worth at least a packet.
inline constexpr duration stripe_run = 2ms;
inline constexpr std::size_t stripe_run_bytes_max = 64u << 10;
inline constexpr std::size_t stripe_run_bytes_min = 8u << 10;
inline constexpr std::size_t stripe_run_bytes_least = 1200;
/// What a link that shows neither queue nor loss is believed to carry beyond what it did: until it was full once, and after.
inline constexpr double stripe_growth_first = 1.5;
inline constexpr double stripe_growth = 1.25;
/// Losses of one measurement count so much into the mean, and at the most as this: a queue that overflows once when a stream
/// begins takes half of what is under way, and says nothing of the path.
inline constexpr double stripe_loss_gain = 0.25;
inline constexpr double stripe_loss_counted_max = 0.02;
/// Traces that run at once, probes repeated after a silence, answers given a second to strangers' probes.
inline constexpr std::size_t traces_max = 64;
inline constexpr duration trace_probe_pause = 400ms;
inline constexpr duration trace_timeout_max = 60s;
inline constexpr unsigned trace_answers_per_second = 200;
/// Description of a link in a trace answer.
inline constexpr std::size_t trace_text_bytes_max = 256;
/// Between two routes_changed: while routes move all over the mesh, a table of a thousand rows is not copied for each packet.
inline constexpr duration routes_told_pause = 200ms;
/// So many are told without a pause after a quiet time: a way is lost, another one found a round trip later, and a stream waits.
inline constexpr int routes_told_in_a_row = 3;
/// At the least so long for each destination: copying and reading the table may take a thousandth of the time.
inline constexpr duration routes_told_pause_per_destination = 1ms;
/// Actors that hear routes_changed: the endpoint, jobs, store, control clients.
inline constexpr std::size_t route_subscribers_max = 256;

} // namespace glow::limits
