#include "actors/jobs/job_documents.hpp"

namespace glow {
namespace {

step_info describe_step(const jobs::coordinator_machine& of, const jobs::job& job, std::uint64_t index) {
  auto& step = job.steps[index];
  bool ended = step.state == jobs::step_state::done || step.state == jobs::step_state::failed;
  return {index,
          job.spec.inputs[index],
          std::string{to_string(step.state)},
          ended             ? step.end.node
          : step.token != 0 ? of.name_of(step.worker)
                            : "",
          step.attempts,
          step.end.exit_status,
          step.end.why};
}

std::string joined(const std::vector<std::string>& command) {
  std::string out;
  for (auto& word : command) out += (out.empty() ? "" : " ") + word;
  return out;
}

} // namespace

job_info describe_job(const jobs::coordinator_machine& of, const jobs::job& job, bool with_steps, steady_time now) {
  job_info info;
  info.id = job.spec.id;
  info.state = job.state();
  info.steps = {job.steps.size(), job.done, job.failed, job.active};
  info.eta_s = jobs::coordinator_machine::eta_s(job, now);
  info.command = joined(job.spec.command);
  info.out = job.spec.out;
  info.submitted = job.spec.submitted;
  if (with_steps)
    for (std::uint64_t i = 0; i < job.steps.size(); ++i) info.each_step.push_back(describe_step(of, job, i));
  return info;
}

} // namespace glow
