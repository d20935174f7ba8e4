// What coordinators and workers say to each other, and what the ledger gives back.
#include "runtime/jobs/coordinator_machine.hpp"
#include "runtime/jobs/limits.hpp"
#include "runtime/jobs/records.hpp"
#include "runtime/jobs/worker_machine.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace jobs;

constexpr node_id coordinator{{1}};

void check_worker(const std::vector<lease>& leases) {
  worker_machine worker{2};
  worker_effects todo;
  auto load = worker.on_offer(coordinator, leases, steady_time{1000s}, todo);
  require(worker.size() <= worker.slots() + limits::worker_queue_max, "a worker's steps are bounded");
  require(load.tokens.size() <= leases.size(), "a worker accepts what it was offered");
  for (auto& each : leases) (void)fill_placeholders(each.command, "in/put");
  for (int i = 0; i < 3; ++i) todo = worker.on_tick(steady_time{1000s} + i * limits::lease_orphan_life);
}

void check_job_records(byte_view input) {
  script from{input};
  const auto what = from.below(8);
  auto bytes = from.rest();
  switch (what) {
  case 0:
    if (keeps_meaning(bytes, decode_offer, encode_offer)) check_worker(*decode_offer(bytes));
    break;
  case 1: keeps_meaning(bytes, decode_load, encode_load); break;
  case 2: keeps_meaning(bytes, decode_tokens, encode_tokens); break;
  case 3:
    if (keeps_meaning(bytes, decode_result, encode_result)) {
      coordinator_machine ours;
      (void)ours.begin(7, steady_time{1000s});
      effects todo;
      require(!ours.on_result(coordinator, *decode_result(bytes), steady_time{1000s}, todo), "nobody takes a result of no job");
    }
    break;
  case 4: keeps_meaning(bytes, decode_taken, encode_taken); break;
  case 5:
    if (keeps_meaning(bytes, decode_job, encode_job)) {
      coordinator_machine ours;
      (void)ours.begin(7, steady_time{1000s});
      auto job = *decode_job(bytes);
      ours.restore(job, {{0, ledger_step{true, false, 0, 1, "nas", ""}}, {5, {}}}, steady_time{1000s});
      (void)ours.on_tick(steady_time{1001s});
      require(ours.list().size() <= 1, "one record is one job");
    }
    break;
  case 6: keeps_meaning(bytes, decode_step, encode_step); break;
  default: {
    auto index = step_index(bytes, "job");
    require(!index || step_key("job", *index) == to_bytes(bytes), "a step's key names one step");
  }
  }
}

std::vector<seed> job_records_seeds() {
  auto with = [](std::uint8_t what, byte_view bytes) {
    byte_string out{what};
    append(out, bytes);
    return out;
  };
  lease one{77, "job-1", 3, {"sh", "-c", "wc {} > {/}"}, "/in/a.txt", "mfrggzdf", 60s};
  ledger_job job{
    "job-1", {"wc", "{}"}, "/in/*.txt", "/out", 2, 60s, from_unix_ms(1700000000000), "mfrggzdf", {"/in/a.txt", "/in/b.txt"},
    false};
  return {{"offer", with(0, encode_offer({one, one}))},
          {"load", with(1, encode_load({4, 2, {77, 78}}))},
          {"tokens", with(2, encode_tokens({1, 2, 3}))},
          {"result", with(3, encode_result({77, "job-1", 3, true, 1, "exit status 1", {1, 2, 3}, 3}))},
          {"taken", with(4, encode_taken(true))},
          {"job", with(5, encode_job(job))},
          {"step", with(6, encode_step({true, false, 0, 1, "nas", ""}))},
          {"key", with(7, step_key("job", 258))}};
}

} // namespace

const target job_records_target{
  "job_records", "jobs::decode_offer, load, tokens, result, taken, job, step; worker and coordinator fed with them",
  check_job_records, job_records_seeds, 4096};

} // namespace glow::fuzz
