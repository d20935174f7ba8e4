// Commands about jobs: run jobs job cancel.
#include "actors/control/ask.hpp"
#include "actors/control/documents.hpp"

namespace glow {
namespace {

using documents::json;

void run(const call_ptr& call) {
  constexpr std::uint64_t cpus_max = 4096, retries_max = 1000, week_s = 7 * 86400;
  auto cpus = call->number("cpus", 1, cpus_max);
  auto retries = call->number("retries", 3, retries_max);
  auto step = call->number("step_timeout_s", 3600, week_s);
  for (auto* each : {&cpus, &retries, &step})
    if (!*each) return call->fail(each->why());
  submit_job message;
  message.spec.command = call->texts("arg");
  message.spec.each = call->text("each");
  message.spec.out = call->text("out");
  message.spec.cpus = static_cast<std::uint32_t>(*cpus);
  message.spec.retries = static_cast<std::uint32_t>(*retries);
  message.spec.step_timeout = std::chrono::seconds{*step};
  if (message.spec.command.empty() || *cpus == 0 || *step == 0)
    return call->fail({error_code::usage, "a job needs a command, at least one cpu and some time for a step"});
  ask<job_submitted>(
    call, call->parts().jobs, std::move(message),
    [call](job_submitted& job) {
      call->answer({{"id", job.id}, {"steps", job.steps}});
    },
    caf::infinite);
}

void jobs(const call_ptr& call) {
  ask<job_list>(call, call->parts().jobs, get_jobs{}, [call](job_list& list) {
    auto out = json::array();
    // `id`: only this one, without its steps: what a program that follows a long job asks for again and again
    for (auto& each : list.jobs)
      if (!call->has("id") || each.id == call->text("id")) out.push_back(documents::job(each, false));
    call->answer(out);
  });
}

void job(const call_ptr& call) {
  ask<job_info>(call, call->parts().jobs, get_job{call->text("id")},
                [call](job_info& info) { call->answer(documents::job(info, true)); });
}

void cancel(const call_ptr& call) {
  ask<job_info>(
    call, call->parts().jobs, cancel_job{call->text("id")}, [call](job_info& info) { call->answer(documents::job(info, false)); },
    caf::duration{30s});
}

constexpr command_entry table[] = {{"run", 120s, run}, {"jobs", 30s, jobs}, {"job", 30s, job}, {"cancel", 40s, cancel}};

} // namespace

std::span<const command_entry> job_commands() { return table; }

} // namespace glow
