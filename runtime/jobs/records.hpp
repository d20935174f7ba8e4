/// What coordinators and workers say to each other, and what the ledger keeps: values and their Cap'n Proto forms
/// (schema/jobs.capnp). Refuses to decide anything.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"

#include <string>
#include <vector>

namespace glow::jobs {

/// Names one attempt of one step; a coordinator never gives the same one twice (epoch in the high 32 bits).
using lease_token = std::uint64_t;

struct lease {
  lease_token token = 0;
  std::string job;
  std::uint64_t index = 0;
  std::vector<std::string> command; ///< argv with {} and {/} as they were typed
  std::string input;                ///< namespace path; empty: none
  std::string input_commit;         ///< version it was listed in
  duration timeout{};               ///< the step is killed after this
};

/// How busy a worker is, and which leases it has (offer: accepted ones; beat: those of the asker that live).
struct worker_load {
  std::uint32_t slots = 0;
  std::uint32_t running = 0; ///< at work or waiting, of all coordinators
  std::vector<lease_token> tokens;
};

struct step_result {
  lease_token token = 0;
  std::string job;
  std::uint64_t index = 0;
  bool started = false; ///< false: the command never ran
  int exit_status = -1; ///< as a shell tells it: 128 + signal where it was killed
  std::string why;
  byte_string entries; ///< staged outputs, opaque here
  std::uint64_t output_bytes = 0;
};

struct ledger_job {
  std::string id;
  std::vector<std::string> command;
  std::string each;
  std::string out;
  std::uint32_t retries = 0;
  duration step_timeout{};
  wall_time submitted{};
  std::string input_commit;
  std::vector<std::string> inputs; ///< one step each; {""} for a job without inputs
  bool cancelled = false;
};

/// The end of one step. A step without a record is still to be done.
struct ledger_step {
  bool done = false;
  bool cancelled = false;
  int exit_status = -1;
  std::uint32_t attempts = 0;
  std::string node;
  std::string why;
};

byte_string encode_offer(const std::vector<lease>& leases);
byte_string encode_load(const worker_load& load);
byte_string encode_tokens(const std::vector<lease_token>& tokens);
byte_string encode_result(const step_result& ended);
byte_string encode_taken(bool taken);
byte_string encode_job(const ledger_job& job);
byte_string encode_step(const ledger_step& step);

/// Errors of all: `malformed`, also for counts and sizes beyond limits.hpp.
result<std::vector<lease>> decode_offer(byte_view bytes);
result<worker_load> decode_load(byte_view bytes);
result<std::vector<lease_token>> decode_tokens(byte_view bytes);
result<step_result> decode_result(byte_view bytes);
result<bool> decode_taken(byte_view bytes);
result<ledger_job> decode_job(byte_view bytes);
result<ledger_step> decode_step(byte_view bytes);

/// How often this node's coordinator has begun, as the ledger keeps it. Errors: `malformed`.
byte_string epoch_key();
byte_string encode_epoch(std::uint32_t epoch);
result<std::uint32_t> decode_epoch(byte_view bytes);

/// Keys in the ledger: all jobs lie under job_prefix(), all ends of a job's steps under step_prefix(id).
byte_string job_prefix();
byte_string job_key(const std::string& id);
byte_string step_prefix(const std::string& id);
byte_string step_key(const std::string& id, std::uint64_t index);
/// Index of a step_key; nothing for other keys.
result<std::uint64_t> step_index(byte_view key, const std::string& id);

} // namespace glow::jobs
