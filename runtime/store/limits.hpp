/// Bounds of the store, with their reasons.
#pragma once

#include "runtime/identity/limits.hpp"

namespace glow::limits {

/// Cuts of FastCDC (store.md): large enough for few objects, small enough that an edit sends little.
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
/// Members that are no neighbours are asked for commits in turn, the first so soon, one in each pause.
inline constexpr duration farther_exchange_first = 2min;
inline constexpr duration farther_exchange_pause = 30min;
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

} // namespace glow::limits
