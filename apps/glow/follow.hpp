/// Following a job until it ends, across a restart of the agent.
#pragma once

#include "apps/glow/command_line.hpp"

namespace glow::cli {

/// Shows progress until the job has ended, then its outcome. ^C detaches: the job goes on, status 130.
/// Errors: `no_agent` or `timed_out` when the agent stays away for 30 s; `not_found`.
result<int> follow_job(const context& with, const std::string& id);
/// A job with its steps, as people read it.
std::string job_text(const context& with, const json& job);

} // namespace glow::cli
