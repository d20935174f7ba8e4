/// What the jobs actor hears: it coordinates the jobs submitted on this node and works on steps that others offer.
#pragma once

#include "actors/contracts/store.hpp"

namespace glow {

struct job_spec {
  std::vector<std::string> command; ///< argv; `{}` = the input's local path, `{/}` = its base name
  std::string each;                 ///< namespace path whose files become one step each; empty: one step, no input
  std::string out;                  ///< namespace path for outputs; empty: /jobs/ID
  std::uint32_t cpus = 1;
  std::uint32_t retries = 3; ///< attempts after the first, for steps whose node died or whose command failed to start
  duration step_timeout = 1h;
};
/// control → jobs: answered by job_submitted once the job is durable.
struct submit_job {
  job_spec spec;
};
struct job_submitted {
  std::string id;
  std::uint64_t steps = 0;
};
struct step_counts {
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t running = 0;
};
struct step_info {
  std::uint64_t index = 0;
  std::string input;
  std::string state; ///< "waiting", "running", "collecting", "done", "failed", "cancelled"
  std::string node;  ///< name of the worker
  std::uint32_t attempts = 0;
  int exit_status = -1;
  std::string why; ///< last failure
};
struct job_info {
  std::string id;
  std::string state; ///< "running", "done", "failed", "cancelled"
  step_counts steps;
  double eta_s = -1; ///< -1 while unknown
  std::string command;
  std::string out;
  wall_time submitted{};
  std::vector<step_info> each_step; ///< filled by get_job only
};
/// anyone → jobs: answered by job_list.
struct get_jobs {};
struct job_list {
  std::vector<job_info> jobs;
};
/// anyone → jobs: answered by job_info (with steps) or not_found. `id` may be a unique prefix.
struct get_job {
  std::string id;
};
/// control → jobs: answered by job_info after the steps were told to stop.
struct cancel_job {
  std::string id;
};
/// itself → jobs.
struct jobs_tick {
  std::uint64_t generation = 0;
};

using jobs_actor =
  service_actor::extend<caf::replies_to<submit_job>::with<job_submitted>, caf::replies_to<get_jobs>::with<job_list>,
                        caf::replies_to<get_job>::with<job_info>, caf::replies_to<cancel_job>::with<job_info>,
                        caf::reacts_to<routes_changed>, caf::reacts_to<roster_changed>, caf::reacts_to<jobs_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::submit_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::job_submitted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::job_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::job_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::cancel_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::jobs_tick)
