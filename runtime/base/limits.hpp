/// Every bound of Glow, with its reason. A queue, retry, buffer or loop without a line here is a defect.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace glow::limits {

// ---- base -----------------------------------------------------------------------------------------------------
/// Cap'n Proto words that one untrusted message may make a reader touch (8 MiB): stops amplification by pointers.
inline constexpr std::uint64_t capnp_traversal_words = 1u << 20;
/// Nesting of one untrusted Cap'n Proto message.
inline constexpr int capnp_nesting_levels = 32;
/// Longest channel URI: longer ones are mistakes or attacks.
inline constexpr std::size_t uri_bytes_max = 1024;
/// Longest name of a node, as people type it.
inline constexpr std::size_t node_name_bytes_max = 63;
/// Longest path inside a namespace (PATH_MAX of Linux).
inline constexpr std::size_t path_bytes_max = 4096;
/// Longest name of one path component (NAME_MAX of Linux).
inline constexpr std::size_t name_bytes_max = 255;

// ---- channels -------------------------------------------------------------------------------------------------
/// Datagram that every IPv6 path carries: 1280 less 40 (IPv6) less 8 (UDP). Larger ones wait for MTU probing.
inline constexpr std::size_t udp_datagram_bytes_max = 1232;
/// Frame on byte channels (tcp, unix) and on the loopback: amortises the cipher's set-up, keeps queues short.
inline constexpr std::size_t frame_bytes_max = 65535;
/// Bytes that wait in one channel for the kernel; beyond it datagrams are dropped and the streams above slow down.
inline constexpr std::size_t channel_queue_bytes_max = 4u << 20;
/// Channels of strangers (not yet claimed by a link) that one transport keeps; the oldest goes first.
inline constexpr std::size_t unclaimed_channels_max = 256;
/// A stranger's channel must have become a link within this time.
inline constexpr duration unclaimed_channel_life = 5s;
/// Pause before a listener whose accept() failed for want of descriptors or memory tries again.
inline constexpr duration accept_pause = 200ms;
/// Bytes read from the wire that wait in mailboxes behind one transport; beyond it reading pauses, so that the kernel's
/// buffers (and TCP's window) hold the sender back.
inline constexpr std::size_t transport_bytes_in_flight_max = 8u << 20;
/// How soon a paused transport looks again whether it may read.
inline constexpr duration read_pause = 1ms;
/// One stream socket's read at a time; a fast sender fills it in one system call.
inline constexpr std::size_t stream_read_bytes = 128u << 10;
/// Datagrams of on-machine UDP peers: the loopback's MTU is 65536, and the cipher runs 1.6 times as fast at 16 KB as at
/// 1.2 KB, while four of them still fit one segmented send.
inline constexpr std::size_t udp_on_machine_datagram_bytes_max = 16000;
/// Datagrams (kernel-coalesced runs count as one) that one receive call may bring, and calls in one readable event.
inline constexpr std::size_t udp_receive_messages_max = 16;
inline constexpr std::size_t udp_receive_rounds_max = 4;
/// Runs of datagrams that one send call may take.
inline constexpr std::size_t udp_send_messages_max = 32;
/// Segments of one segmented send (UDP_MAX_SEGMENTS of older kernels).
inline constexpr std::size_t udp_segments_max = 64;
/// ICMP errors taken from a socket in one turn.
inline constexpr std::size_t udp_errors_per_turn = 64;
/// Kernel buffers we ask for on each datagram socket; what the system allows is less for an ordinary user.
inline constexpr int udp_socket_buffer_bytes = 4 << 20;
/// A connection that has not come about by then is given up.
inline constexpr duration connect_timeout = 5s;
/// How long a closed stream channel may flush and wait for the other end's close.
inline constexpr duration channel_flush_timeout = 1s;
/// Accepted in one turn of the loop; the rest waits in the kernel's backlog.
inline constexpr std::size_t accepts_per_turn = 64;
inline constexpr int listen_backlog = 1024;
/// Addresses of one host name that are tried in turn.
inline constexpr std::size_t resolved_addresses_max = 8;

// ---- identity -------------------------------------------------------------------------------------------------
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
/// Changes of interfaces come in flocks (link, address, route): looked at once they pause for this long.
inline constexpr duration interfaces_quiet_time = 50ms;
/// Addresses of this machine that are looked at: a host with more has other troubles.
inline constexpr std::size_t interface_addresses_max = 4096;
/// Interfaces on which beacons are sent.
inline constexpr std::size_t beacon_interfaces_max = 64;
/// Membership exchanges under way at once; the others wait their turn.
inline constexpr std::size_t syncs_at_once_max = 4;
/// A failed membership exchange is tried again after this, doubled each time up to the second.
inline constexpr duration sync_retry_first = 2s;
inline constexpr duration sync_retry_last = 5min;
/// Deadline of one membership exchange: a few kilobytes, over the slowest route.
inline constexpr duration sync_timeout = 10s;
/// Learnt places wait this long for others before they are written.
inline constexpr duration addresses_save_pause = 2s;
/// Members in step are asked again this often, in case a change was told to nobody.
inline constexpr duration sync_pause_idle = 10min;
/// Subscribers of one namespace: the node's own actors.
inline constexpr std::size_t roster_subscribers_max = 64;

// ---- link -----------------------------------------------------------------------------------------------------
/// Handshake message: fits the smallest datagram we send without probing.
inline constexpr std::size_t handshake_bytes_max = udp_datagram_bytes_max;
/// Longest datagram that a peer may claim to be its limit, at the least: less leaves no room for a fragment.
inline constexpr std::size_t link_datagram_bytes_min = 64;
/// Time that a handshake may take, and the pause before its first retransmission (doubled each time).
inline constexpr duration handshake_timeout = 5s;
inline constexpr duration handshake_retry_first = 250ms;
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
/// Pings whose answer is awaited; older ones count as lost.
inline constexpr std::size_t pings_outstanding_max = 16;
/// Beat of an idle link; the responder of the handshake beats only after missing the initiator's twice.
inline constexpr duration link_beat = 10s;
/// Overlay packets that wait for the handshake of an end-to-end session; more are dropped, the stream resends them.
inline constexpr std::size_t packets_before_up_max = 64;
/// Admission sent to a joining node: a namespace file with every record (4096 records of some 300 bytes).
inline constexpr std::size_t admission_bytes_max = 2u << 20;
/// Admission fragments in flight before an acknowledgement: half of the smallest socket buffer we meet.
inline constexpr std::size_t admission_window_fragments = 32;
/// Links one node keeps; a home mesh has tens.
inline constexpr std::size_t links_max = 512;

// ---- links (actor) ------------------------------------------------------------------------------------------------
/// Strangers' channels that links remembers: those of every transport, and some on their way.
inline constexpr std::size_t strangers_max = 1024;
/// Places of its own that a node tells others: interfaces × transports of a laptop.
inline constexpr std::size_t own_places_max = 16;
/// Tickets redeemed at once; a person redeems one.
inline constexpr std::size_t joins_max = 4;

// ---- dialling ---------------------------------------------------------------------------------------------------
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
/// Places that are remembered at once: of all nodes, and of one (interfaces × transports of a laptop).
inline constexpr std::size_t dial_targets_max = 1024;
inline constexpr std::size_t dial_targets_per_node_max = 12;
/// Dials in flight: each may hold a socket for limits::connect_timeout.
inline constexpr std::size_t dials_in_flight_max = 64;

// ---- route ----------------------------------------------------------------------------------------------------
inline constexpr std::uint8_t hop_limit_default = 16;
inline constexpr std::size_t routes_max = 16384;
/// Entries of each list in one routing packet from outside: more than fit the largest packet we send (64 KiB).
inline constexpr std::size_t route_entries_per_packet_max = 1024;
/// Unacknowledged routing packets per neighbour; more changes wait and coalesce meanwhile.
inline constexpr std::size_t route_packets_in_flight_max = 32;
/// Acknowledgements owed to one neighbour: an idle one sends few packets, a flooding one has its oldest forgotten.
inline constexpr std::size_t route_acks_owed_max = 256;
/// Every route is told again after such a time (jittered): heals what every other repair missed.
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
/// A node raises its own sequence number at most so often, whoever asks.
inline constexpr duration seqno_raise_pause = 20ms;
/// Traces that run at once, probes repeated after a silence, answers given a second to strangers' probes.
inline constexpr std::size_t traces_max = 64;
inline constexpr duration trace_probe_pause = 400ms;
inline constexpr duration trace_timeout_max = 60s;
inline constexpr unsigned trace_answers_per_second = 200;
/// Description of a link in a trace answer.
inline constexpr std::size_t trace_text_bytes_max = 256;
/// Actors that hear routes_changed: the endpoint, jobs, store, control clients.
inline constexpr std::size_t route_subscribers_max = 256;

// ---- stream ---------------------------------------------------------------------------------------------------
/// One request or response: a chunk of 1 MiB with its envelope, twice over.
inline constexpr std::size_t message_bytes_max = 4u << 20;
/// Bytes under way in one conversation: 100 MB/s over 80 ms.
inline constexpr std::size_t stream_window_bytes_max = 8u << 20;
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

// ---- store ----------------------------------------------------------------------------------------------------
inline constexpr std::size_t chunk_bytes_min = 64u << 10;
inline constexpr std::size_t chunk_bytes_average = 256u << 10;
inline constexpr std::size_t chunk_bytes_max = 1u << 20;
/// Plaintext of any object: a chunk; nodes and chunk lists are far smaller.
inline constexpr std::size_t object_plain_bytes_max = chunk_bytes_max;
/// Sealed: header, nonce and tag on top.
inline constexpr std::size_t object_sealed_bytes_max = object_plain_bytes_max + 80;
/// Block of the hash tree over sealed bytes: what a broken transfer repeats at most.
inline constexpr std::size_t object_block_bytes = 16u << 10;
/// Addresses in one answer of "what is missing": 128 KiB on the wire; more follow when these have come.
inline constexpr std::size_t missing_objects_max = 4096;
/// A file's chunks that stand in its tree entry; more go to list objects, so that nodes stay small.
inline constexpr std::size_t inline_chunks_max = 64;
/// Chunks in one list object (68 bytes each): it stays below object_plain_bytes_max.
inline constexpr std::size_t chunk_list_chunks_max = 8192;
/// List objects of one file: about 1 TiB at the average chunk and list.
inline constexpr std::size_t file_chunk_lists_max = 4096;
/// Entries or children of one tree node: more than twice what the hash draws in the worst of a million nodes.
inline constexpr std::size_t tree_node_items_max = 1024;
/// A tree node is cut before it grows beyond this, whatever the hash says.
inline constexpr std::size_t tree_node_bytes_max = 64u << 10;
/// Levels of a tree: inner nodes have two children at least but at their end, so 2^32 entries fit.
inline constexpr std::size_t tree_levels_max = 34;
/// Decoded tree nodes (about 8 KiB each) that a store keeps: the upper levels and what was touched lately.
inline constexpr std::size_t tree_cache_nodes = 512;
/// Target of a symbolic link (PATH_MAX of Linux).
inline constexpr std::size_t symlink_bytes_max = path_bytes_max;
/// Entries in one encoded list (outputs of a job's step): about message_bytes_max.
inline constexpr std::size_t entries_message_max = 16384;
/// Parents of a commit: tips that devices made while they could not hear each other.
inline constexpr std::size_t commit_parents_max = 256;
/// Devices in a version vector: members of the namespace, expelled ones included.
inline constexpr std::size_t commit_devices_max = membership_records_max;
inline constexpr std::size_t commit_message_bytes_max = 4096;
/// Encoded commit: its vector (48 bytes a device), parents and message.
inline constexpr std::size_t commit_bytes_max = 256u << 10;
/// Commits in one answer to a peer.
inline constexpr std::size_t commits_per_answer_max = 1024;
/// Versions of one path that the log lists.
inline constexpr std::size_t log_versions_max = 10000;
/// Bytes of one write that is not the last of a commit: bounds memory while many nodes or chunks are written.
inline constexpr std::size_t write_batch_bytes = 4u << 20;
/// Entries of one directory on disk that a walk reads: their names are held in memory.
inline constexpr std::size_t directory_entries_max = 4u << 20;
/// Files staged under temporary names before they are synced and renamed together, and their bytes: a crash costs no
/// more work than that.
inline constexpr std::size_t staged_files_max = 256;
inline constexpr std::uint64_t staged_bytes_max = 64u << 20;
/// Objects of one fetch request, requests under way to one peer, bytes expected of one: a slow peer holds up little,
/// a fast one is kept busy over a long round trip.
inline constexpr std::size_t fetch_addresses_max = 256;
inline constexpr std::size_t fetch_requests_per_peer_max = 4;
inline constexpr std::size_t fetch_request_bytes = 1u << 20;
/// Bytes of objects in one answer to a fetch: below message_bytes_max with room for the envelope.
inline constexpr std::size_t fetch_answer_bytes_max = 2u << 20;
/// Objects one want may name at a time; an exporter asks for the next ones when these have come.
inline constexpr std::size_t want_objects_max = 4096;
/// Wants under way at a time (get, cat, commit of outputs, metadata).
inline constexpr std::size_t wants_max = 1024;
/// An unanswered fetch is asked elsewhere after this time.
inline constexpr duration fetch_request_timeout = 20s;
/// A peer that answers a fetch quicker gets one more request at a time; one that is slower has their number halved.
inline constexpr duration fetch_quick_answer = 2s;
inline constexpr duration fetch_slow_answer = 6s;
/// Pause before peers that lacked an object or failed are asked for it again.
inline constexpr duration fetch_retry_pause = 1s;
/// Times a file that changes while it is read is read again before the put gives up on it.
inline constexpr int unstable_file_reads_max = 5;
/// Entries of one put: their list is held in memory until the commit (about 300 bytes each).
inline constexpr std::size_t import_entries_max = 2u << 20;
/// Records that a failed put takes back (about 100 bytes each in memory); those beyond wait for the garbage collector.
inline constexpr std::size_t import_keys_recorded_max = 1u << 20;
/// Bytes a worker reads or writes, and entries it handles, before its other messages have a turn.
inline constexpr std::size_t store_slice_bytes = 4u << 20;
inline constexpr std::size_t store_slice_entries = 256;
/// Puts, gets and stagings that run at a time, each with a thread of its own; more wait in line up to the second bound.
inline constexpr std::size_t store_workers_max = 8;
inline constexpr std::size_t store_work_waiting_max = 4096;
/// Longest a worker may take: a terabyte over a slow link.
inline constexpr duration store_work_timeout = 24h * 14;
/// Uploads (stdin) open at a time, and the silence after which an open one may be dropped for a new one.
inline constexpr std::size_t uploads_max = 64;
inline constexpr duration upload_silence_max = 10min;
/// Questions (list, log, cat, commits …) that wait for objects from peers.
inline constexpr std::size_t store_questions_max = 4096;
/// How long metadata of a peer's commits is fetched before the commits are dropped until the next exchange.
inline constexpr duration metadata_timeout = 10s;
/// Progress is told no more often than this.
inline constexpr duration progress_pause = 100ms;
/// Pause before commits are asked for again from a peer that is known to have more.
inline constexpr duration sync_retry_pause = 5s;
/// It doubles up to this while nothing comes of it, so that two peers that disagree do not keep each other awake.
inline constexpr duration sync_retry_pause_max = 10min;
/// How long a command without a deadline of its own waits for objects from peers.
inline constexpr duration question_timeout = 30s;
/// Newest commits of one page whose trees are fetched along with it; older ones when somebody asks.
inline constexpr std::size_t eager_commits_max = 64;
/// Bytes of commits in one exchange.
inline constexpr std::size_t heads_bytes_max = 1u << 20;
/// Pages of commits from peers that wait for their metadata.
inline constexpr std::size_t commit_pages_max = 64;
/// Records and their bytes that one read of the ledger answers.
inline constexpr std::size_t ledger_records_max = 1u << 20;

// ---- jobs -----------------------------------------------------------------------------------------------------
/// Steps of one job: 100,000 queued steps are the aim (jobs.md), so the bound lies above.
inline constexpr std::size_t steps_per_job_max = 200'000;
/// All input paths of one job together; the ledger holds them in one record (the traversal limit is 8 MiB).
inline constexpr std::size_t job_inputs_bytes_max = 6u << 20;
/// Jobs a coordinator remembers; the oldest finished one makes room.
inline constexpr std::size_t jobs_max = 1000;
inline constexpr std::size_t command_arguments_max = 1024;
/// Less than ARG_MAX of Linux (2 MiB with the environment).
inline constexpr std::size_t command_bytes_max = 128u << 10;
inline constexpr std::size_t job_id_bytes_max = 128;
inline constexpr std::size_t failure_text_bytes_max = 4096;
inline constexpr std::size_t staged_entries_bytes_max = 3u << 20;
inline constexpr std::size_t leases_per_offer_max = 32;
inline constexpr std::size_t lease_tokens_max = 8192;
/// Steps one worker keeps (running and waiting) beyond its slots, so that a slot never waits for the network.
inline constexpr std::size_t worker_queue_max = 64;
inline constexpr std::uint32_t worker_slots_max = 1024;
inline constexpr duration step_timeout_max = 24h * 30;
/// A coordinator asks each worker with leases this often; a lease without a good answer for lease_life is lost.
inline constexpr duration lease_beat = 1s;
inline constexpr duration lease_life = 6s;
/// A worker gives up steps whose coordinator was silent for this long.
inline constexpr duration lease_orphan_life = 60s;
/// How often and how long a worker offers a result that nobody takes.
inline constexpr duration result_retry = 1s;
inline constexpr std::size_t result_retries_max = 120;
/// Steps whose outputs a coordinator collects at once.
inline constexpr std::size_t collecting_max = 8;

// ---- actors ---------------------------------------------------------------------------------------------------
/// How long a supervisor waits for a child to stop before it kills it.
inline constexpr duration child_stop_timeout = 5s;
/// Messages an actor handles in one turn before the next actor's turn (the default of CAF never yields).
inline constexpr std::size_t messages_per_turn = 50;
/// Actor turns the event loop runs before it looks at sockets and timers again.
inline constexpr std::size_t actor_turns_per_loop = 1024;
/// So many turns are a burst of work; after it, quiet for so long, its memory goes back to the operating system.
inline constexpr std::size_t turns_of_a_burst = 2000;
inline constexpr duration quiet_after_burst = 3s;
/// Threads of the pool: namespaces and jobs do little, the store has its own thread, and each thread costs memory.
inline constexpr std::size_t pool_threads = 2;
/// A transport that cannot open its port (an address that is not there yet) is tried for long before it is given up.
inline constexpr std::size_t transport_restarts_max = 1000;
inline constexpr duration node_start_timeout = 10s;
inline constexpr duration agent_join_timeout = 40s;
/// A request between two actors of one node that should answer at once: beyond it the other one is ill.
inline constexpr duration local_request_timeout = 5s;
/// Restarts of one supervisor's children within restart_window before it escalates.
inline constexpr std::size_t restarts_max = 20;
inline constexpr duration restart_window = 10s;

// ---- control --------------------------------------------------------------------------------------------------
inline constexpr std::size_t control_frame_bytes_max = 1u << 20;
inline constexpr std::size_t control_clients_max = 64;
/// Commands that one control connection may have running at once.
inline constexpr std::size_t control_commands_max = 16;
/// Arguments of one command: `glow run -- CMD ARG…` has the most.
inline constexpr std::size_t control_arguments_max = 8192;
/// Bytes of answers that wait for one client; beyond it streams pause until it has read on.
inline constexpr std::size_t control_queue_bytes_max = 1u << 20;
/// Longest JSON document of one command: about half a million directory entries.
inline constexpr std::size_t control_result_bytes_max = 64u << 20;
/// Input (put - PATH) that the agent holds for one client before it stops reading from it.
inline constexpr std::size_t control_input_bytes_max = 1u << 20;
/// A client that leaves answers unread for so long is disconnected.
inline constexpr duration control_stall_max = 30s;
/// Actors that one walk of the supervision tree visits.
inline constexpr std::size_t control_tree_actors_max = 20000;

} // namespace glow::limits
