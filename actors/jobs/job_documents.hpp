/// How the coordinator's jobs look to those who ask for them.
#pragma once

#include "actors/contracts/jobs.hpp"
#include "runtime/jobs/coordinator_machine.hpp"

namespace glow {

job_info describe_job(const jobs::coordinator_machine& of, const jobs::job& job, bool with_steps, steady_time now);

} // namespace glow
