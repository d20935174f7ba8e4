/// Bounds of jobs, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

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

} // namespace glow::limits
