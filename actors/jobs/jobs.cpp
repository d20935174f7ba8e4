#include "actors/jobs/jobs.hpp"

#include "actors/jobs/job_documents.hpp"
#include "actors/jobs/worker.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/host/log.hpp"
#include "runtime/jobs/coordinator_machine.hpp"

#include <deque>

namespace glow {

/// Coordinates jobs.
///   restoring (ledger) ─► ready ─► ready …
/// Hears    control: submit_job, get_jobs, get_job, cancel_job   endpoint: incoming_request (job_result)
///          router: routes_changed   namespace: roster_changed   itself: jobs_tick
/// Tells    store: write_ledger, snapshot_path, commit_outputs   endpoint: send_request (offer, beat, cancel)
/// Watches  endpoint, store, its worker       Parent  the node
/// Fails    when one of those fails, or the ledger cannot be read; what it acknowledged is in the ledger
struct jobs_state : actor_lifecycle {
  static inline const char* name = "glow.jobs";
  std::unique_ptr<jobs_arguments> given;
  std::unique_ptr<jobs::coordinator_machine> machine;
  std::map<std::string, caf::typed_response_promise<job_submitted>> submitted;
  std::shared_ptr<const std::vector<route_info>> routes;
  bool ready = false;                            ///< what the ledger holds is known
  std::uint32_t epoch = 0;                       ///< number of this start
  bool begun = false;                            ///< it is written, or about to be
  std::deque<std::function<void()>> until_ready; ///< bounded by the askers' own time-outs
  caf::strong_actor_ptr worker;

  std::string json() const {
    return "{\"jobs\":" + std::to_string(machine ? machine->list().size() : 0) + ",\"ready\":" + (ready ? "true" : "false") + "}";
  }
  std::vector<child_entry> children() const { return {{"worker", "actor", "running", 0, worker, ""}}; }
};

using jobs_self = caf::stateful_actor<jobs_state, pool_hosted<jobs_actor::base>>*;

namespace {

constexpr duration full_disk_pause = 5s;

void perform(jobs_self self, jobs::effects&& todo);

void when_ready(jobs_self self, std::function<void()> act) {
  if (self->state.ready)
    act();
  else
    self->state.until_ready.push_back(std::move(act));
}

std::string new_id(jobs_self self) {
  byte_string raw(8);
  self->state.given->world.random().fill(raw);
  return to_base32(raw);
}

// ---- what the machine wants done -------------------------------------------------------------------------------

void write(jobs_self self, jobs::write_records& todo) {
  auto id = todo.write;
  self->request(self->state.given->store, caf::infinite, write_ledger{std::move(todo.put), std::move(todo.remove)})
    .then([=](const ledger_written&) { perform(self, self->state.machine->on_written(id, {}, self->clock().now())); },
          [=](const caf::error& why) { perform(self, self->state.machine->on_written(id, from_caf(why), self->clock().now())); });
}

void accept(jobs_self self, const std::string& id) {
  auto held = self->state.submitted.extract(id);
  if (!held) return;
  auto found = self->state.machine->find(id);
  held.mapped().deliver(job_submitted{id, found ? (*found)->steps.size() : 0});
}

void refuse(jobs_self self, const jobs::job_refused& todo) {
  if (auto held = self->state.submitted.extract(todo.id)) held.mapped().deliver(to_caf(todo.why));
}

void offer(jobs_self self, jobs::offer_leases& todo) {
  std::vector<jobs::lease_token> tokens;
  for (auto& each : todo.leases) tokens.push_back(each.token);
  send_request asked{todo.worker, request_method::job_offer, jobs::encode_offer(todo.leases), 5s};
  auto answered = [=, worker = todo.worker](const result<jobs::worker_load>& load) {
    perform(self, self->state.machine->on_offer_answered(worker, tokens, load, self->clock().now()));
  };
  self->request(self->state.given->endpoint, caf::infinite, std::move(asked))
    .then([=](const response& m) { answered(jobs::decode_load(m.body)); },
          [=](const caf::error& why) { answered(from_caf(why)); });
}

void beat(jobs_self self, jobs::send_beat& todo) {
  send_request asked{todo.worker, request_method::job_beat, jobs::encode_tokens(todo.tokens), 3s, traffic_class::control};
  auto answered = [=, worker = todo.worker](const result<jobs::worker_load>& load) {
    perform(self, self->state.machine->on_beat_answered(worker, load, self->clock().now()));
  };
  self->request(self->state.given->endpoint, caf::infinite, std::move(asked))
    .then([=](const response& m) { answered(jobs::decode_load(m.body)); },
          [=](const caf::error& why) { answered(from_caf(why)); });
}

void tell_cancelled(jobs_self self, jobs::cancel_leases& todo) {
  // an unanswered one needs no care: the next beat does not name these leases any more
  self
    ->request(self->state.given->endpoint, caf::infinite,
              send_request{todo.worker, request_method::job_cancel, jobs::encode_tokens(todo.tokens), 5s})
    .then([](const response&) {}, [](const caf::error&) {});
}

void collect(jobs_self self, jobs::collect_outputs& todo) {
  commit_outputs wanted{std::move(todo.entries), todo.holder, todo.path, 60s, {std::move(todo.record)}, {}};
  wanted.fence = {jobs::epoch_key(), jobs::encode_epoch(self->state.epoch)};
  auto collected = [=, job = todo.job, index = todo.index, token = todo.token](const result<void>& outcome) {
    perform(self, self->state.machine->on_collected(job, index, token, outcome, self->clock().now()));
  };
  self->request(self->state.given->store, caf::infinite, std::move(wanted))
    .then([=](const put_done&) { collected({}); }, [=](const caf::error& why) { collected(from_caf(why)); });
}

/// The only place where this actor acts on others.
void perform(jobs_self self, jobs::effects&& todo) {
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](jobs::write_records& e) { write(self, e); },
                 [&](jobs::job_accepted& e) { accept(self, e.id); },
                 [&](jobs::job_refused& e) { refuse(self, e); },
                 [&](jobs::offer_leases& e) { offer(self, e); },
                 [&](jobs::send_beat& e) { beat(self, e); },
                 [&](jobs::cancel_leases& e) { tell_cancelled(self, e); },
                 [&](jobs::collect_outputs& e) { collect(self, e); },
                 [&](jobs::wake_at& e) { arm_timer<jobs_tick>(self, e.when - self->clock().now()); },
               },
               each);
}

// ---- start ------------------------------------------------------------------------------------------------------

void restore(jobs_self self);
void tell_candidates(jobs_self self);

/// What the ledger holds is known.
void become_ready(jobs_self self) {
  self->state.ready = true;
  for (auto& each : std::exchange(self->state.until_ready, {})) each();
  if (self->state.begun) perform(self, self->state.machine->begin(self->state.epoch, self->clock().now()));
}

/// Counts this start durably, before the ledger is read and any step is leased: from then on the store refuses what an
/// earlier start still wants committed, and what carries an earlier number is old. On a full disk jobs are only shown.
void begin(jobs_self self) {
  auto& state = self->state;
  state.begun = true;
  self->request(state.given->store, caf::infinite, write_ledger{{{jobs::epoch_key(), jobs::encode_epoch(state.epoch)}}, {}})
    .then(
      [=](const ledger_written&) {
        self->state.machine = std::make_unique<jobs::coordinator_machine>();
        tell_candidates(self);
        restore(self);
      },
      [=](const caf::error& why) {
        if (from_caf(why).code != error_code::exhausted) return self->quit(why);
        self->state.begun = false;
        if (!self->state.ready) restore(self);
        arm_timer<jobs_tick>(self, full_disk_pause);
      });
}

void take_epoch(jobs_self self) {
  self->request(self->state.given->store, caf::infinite, read_ledger{jobs::epoch_key()})
    .then(
      [=](const ledger_records& m) {
        auto last = m.records.empty() ? result<std::uint32_t>{0u} : jobs::decode_epoch(m.records.front().second);
        if (!last) return self->quit(to_caf(last.why()));
        self->state.epoch = *last + 1;
        begin(self);
      },
      [=](const caf::error& why) { self->quit(why); });
}

void restore_next(jobs_self self, std::shared_ptr<std::deque<jobs::ledger_job>> left) {
  if (left->empty()) return become_ready(self);
  auto next = std::move(left->front());
  left->pop_front();
  auto prefix = jobs::step_prefix(next.id);
  self->request(self->state.given->store, caf::infinite, read_ledger{std::move(prefix)})
    .then(
      [=, spec = std::move(next)](const ledger_records& m) mutable {
        std::vector<std::pair<std::uint64_t, jobs::ledger_step>> ends;
        for (auto& [key, value] : m.records) {
          auto index = jobs::step_index(key, spec.id);
          auto end = jobs::decode_step(value);
          if (index && end) ends.emplace_back(*index, std::move(*end));
        }
        self->state.machine->restore(std::move(spec), ends, self->clock().now());
        restore_next(self, left);
      },
      [=](const caf::error& why) { self->quit(why); });
}

void restore(jobs_self self) {
  self->request(self->state.given->store, caf::infinite, read_ledger{jobs::job_prefix()})
    .then(
      [=](const ledger_records& m) {
        auto found = std::make_shared<std::deque<jobs::ledger_job>>();
        for (auto& [key, value] : m.records) {
          auto job = jobs::decode_job(value);
          if (job)
            found->push_back(std::move(*job));
          else
            host::log(host::level::error, self->state.name, "a job in the ledger cannot be read: " + job.why().message);
        }
        restore_next(self, found);
      },
      [=](const caf::error& why) { self->quit(why); });
}

// ---- commands ---------------------------------------------------------------------------------------------------

void submit(jobs_self self, const job_spec& spec, caf::typed_response_promise<job_submitted> promise,
            const path_snapshot* inputs) {
  jobs::ledger_job job{
    new_id(self), spec.command, spec.each, spec.out, spec.retries, spec.step_timeout, self->state.given->world.wall_now(),
    "",           {},           false};
  if (job.out.empty()) job.out = "/jobs/" + job.id;
  if (!inputs) {
    job.inputs.push_back("");
  } else {
    job.input_commit = inputs->commit;
    while (job.each.size() > 1 && job.each.ends_with('/')) job.each.pop_back();
    auto root = job.each == "/" ? std::string{} : job.each;
    for (auto& each : inputs->files) job.inputs.push_back(inputs->is_file ? job.each : root + "/" + each.name);
    if (inputs->is_file) job.each = job.each.substr(0, job.each.rfind('/'));
  }
  self->state.submitted.emplace(job.id, std::move(promise));
  perform(self, self->state.machine->submit(std::move(job), self->clock().now()));
}

caf::typed_response_promise<job_submitted> begin_submit(jobs_self self, const job_spec& spec) {
  auto promise = self->make_response_promise<job_submitted>();
  when_ready(self, [=]() mutable {
    if (spec.each.empty()) return submit(self, spec, promise, nullptr);
    self->request(self->state.given->store, caf::infinite, snapshot_path{spec.each})
      .then([=](const path_snapshot& m) mutable { submit(self, spec, promise, &m); },
            [=](const caf::error& why) mutable { promise.deliver(why); });
  });
  return promise;
}

caf::result<job_info> cancel(jobs_self self, const std::string& id) {
  auto now = self->clock().now();
  auto found = self->state.machine->find(id);
  if (!found) return to_caf(found.why());
  auto whole_id = (*found)->spec.id;
  auto todo = self->state.machine->cancel(whole_id, now);
  if (!todo) return to_caf(todo.why());
  perform(self, std::move(*todo));
  return describe_job(*self->state.machine, **self->state.machine->find(whole_id), true, now);
}

caf::result<response> take_result(jobs_self self, const incoming_request& asked) {
  if (!self->state.ready) return to_caf(error{error_code::stopped, "the coordinator is starting; tell it again"});
  auto ended = jobs::decode_result(asked.body);
  if (!ended) return to_caf(ended.why());
  jobs::effects todo;
  auto taken = self->state.machine->on_result(asked.from, std::move(*ended), self->clock().now(), todo);
  perform(self, std::move(todo));
  return response{jobs::encode_taken(taken)};
}

void tell_candidates(jobs_self self) {
  auto& roster = self->state.given->roster;
  if (!roster) return;
  std::vector<jobs::candidate> candidates;
  auto add = [&](const node_id& node, std::uint8_t hops) {
    auto* member = roster->find(node);
    // guests hold no namespace secret, so inputs are unreadable for them
    if (member && member->as != identity::role::guest) candidates.push_back({node, member->name, hops});
  };
  add(roster->self, 0);
  if (self->state.routes)
    for (auto& each : *self->state.routes)
      if (each.traffic == traffic_class::interactive && each.destination != roster->self) add(each.destination, each.hops);
  perform(self, self->state.machine->set_candidates(std::move(candidates), self->clock().now()));
}

jobs_actor::behavior_type jobs_behavior(jobs_self self, jobs_arguments arguments) {
  install_lifecycle(self, arguments.parent);
  self->state.given = std::make_unique<jobs_arguments>(std::move(arguments));
  auto& given = *self->state.given;
  self->state.machine = std::make_unique<jobs::coordinator_machine>();
  auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
  self->send(given.endpoint, register_service{{request_method::job_result}, caf::actor_cast<service_actor>(me)});
  worker_arguments work{given.directory, given.slots, given.roster ? given.roster->self : node_id{}, given.store, given.endpoint,
                        given.world,     me};
  auto worker = spawn_worker(self->system(), std::move(work));
  self->state.worker = caf::actor_cast<caf::strong_actor_ptr>(worker);
  watch(self, worker, [self](const error& why) { self->quit(to_caf({why.code, "its worker failed: " + why.message})); });
  tell_candidates(self);
  take_epoch(self);
  return {
    [=](const incoming_request& m) { return take_result(self, m); },
    [=](const submit_job& m) { return begin_submit(self, m.spec); },
    [=](const get_jobs&) {
      job_list list;
      for (auto* each : self->state.machine->list())
        list.jobs.push_back(describe_job(*self->state.machine, *each, false, self->clock().now()));
      return list;
    },
    [=](const get_job& m) -> caf::result<job_info> {
      auto found = self->state.machine->find(m.id);
      if (!found) return to_caf(found.why());
      return describe_job(*self->state.machine, **found, true, self->clock().now());
    },
    [=](const cancel_job& m) { return cancel(self, m.id); },
    [=](const routes_changed& m) {
      self->state.routes = m.routes;
      tell_candidates(self);
    },
    [=](const roster_changed& m) {
      self->state.given->roster = m.roster;
      tell_candidates(self);
    },
    [=](const jobs_tick& m) {
      if (!timer_is_current(self, m)) return;
      if (self->state.ready && !self->state.begun) begin(self);
      perform(self, self->state.machine->on_tick(self->clock().now()));
    },
  };
}

} // namespace

jobs_actor spawn_jobs(caf::actor_system& system, jobs_arguments arguments) {
  return system.spawn(jobs_behavior, std::move(arguments));
}

} // namespace glow
