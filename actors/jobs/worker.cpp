#include "actors/jobs/worker.hpp"

#include "actors/jobs/step_directory.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/host/process.hpp"
#include "runtime/jobs/worker_machine.hpp"

#include <caf/send.hpp>

namespace glow {

/// The running commands; lives on the loop's thread, where children are started and waited for.
struct step_processes {
  std::map<std::uint64_t, std::unique_ptr<host::process>> running;
};

/// Runs leased steps.
///   idle ─► working (up to `slots` at once) ─► idle
/// Hears    endpoint: incoming_request (offer, beat, cancel)   its processes: step_exited   itself: worker_tick, retry_prepare
/// Tells    store: get_path, stage_outputs    endpoint: send_request (job_result)
/// Watches  endpoint, store          Parent  jobs
/// Fails    when store or endpoint fail; its processes are killed, its coordinators run the steps elsewhere
struct worker_state : actor_lifecycle {
  static inline const char* name = "glow.worker";
  std::unique_ptr<worker_arguments> given;
  std::unique_ptr<jobs::worker_machine> machine;
  std::shared_ptr<step_processes> processes = std::make_shared<step_processes>();
  struct at_hand {
    jobs::lease of;
    step_directory directory;
    int fetches = 0;
  };
  std::map<std::uint64_t, at_hand> steps;

  std::string json() const {
    return "{\"slots\":" + std::to_string(machine ? machine->slots() : 0)
           + ",\"steps\":" + std::to_string(machine ? machine->size() : 0) + "}";
  }
  ~worker_state() {
    if (!given) return;
    // the children go with their worker; the table is emptied where they live
    given->world.loop().post([table = std::move(processes)] { table->running.clear(); });
  }
};

using worker_self = caf::stateful_actor<worker_state, pool_hosted<worker_actor::base>>*;

namespace {

constexpr int fetches_max = 10; // a commit that the coordinator just made may still be on its way here

void perform(worker_self self, jobs::worker_effects&& todo);

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void fetch_input(worker_self self, std::uint64_t token) {
  auto found = self->state.steps.find(token);
  if (found == self->state.steps.end()) return;
  auto& step = found->second;
  ++step.fetches;
  auto name = base_name(step.of.input);
  get_path wanted{step.of.input + "@" + step.of.input_commit, step.directory.work() + "/" + name, 30s, nullptr};
  if (step.of.input_commit.empty()) wanted.path = step.of.input;
  self->request(self->state.given->store, caf::infinite, std::move(wanted))
    .then(
      [=](const get_done&) {
        auto at = self->state.steps.find(token);
        if (at == self->state.steps.end()) return;
        at->second.directory.note_input(name);
        // a name that begins with a dash must not become an option of the command
        perform(self, self->state.machine->on_prepared(token, name.starts_with('-') ? "./" + name : name, self->clock().now()));
      },
      [=](const caf::error& failed) {
        auto why = from_caf(failed);
        auto at = self->state.steps.find(token);
        if (at == self->state.steps.end()) return;
        if (why.code == error_code::not_found && at->second.fetches < fetches_max)
          self->delayed_send(self, 300ms, retry_prepare{token});
        else
          perform(self, self->state.machine->on_prepared(token, why, self->clock().now()));
      });
}

void prepare(worker_self self, jobs::prepare_step& todo) {
  auto token = todo.of.token;
  auto& given = *self->state.given;
  worker_state::at_hand step{todo.of, step_directory{given.directory + "/" + std::to_string(token)}, 0};
  auto made = step.directory.make();
  auto wants_input = !todo.of.input.empty();
  self->state.steps.insert_or_assign(token, std::move(step));
  if (!made)
    perform(self, self->state.machine->on_prepared(token, made.why(), self->clock().now()));
  else if (wants_input)
    fetch_input(self, token);
  else
    perform(self, self->state.machine->on_prepared(token, std::string{}, self->clock().now()));
}

void run(worker_self self, jobs::run_step& todo) {
  auto token = todo.of.token;
  auto& directory = self->state.steps.at(token).directory;
  host::process_spec spec{
    todo.argv,
    directory.work(),
    directory.output(),
    directory.errors(),
    {{"GLOW_JOB", todo.of.job}, {"GLOW_STEP", std::to_string(todo.of.index)}, {"GLOW_INPUT", todo.of.input}}};
  auto me = caf::actor_cast<worker_actor>(self);
  auto world = self->state.given->world;
  world.loop().post([me, token, spec = std::move(spec), table = self->state.processes, world] {
    auto started = world.outside().start_process(spec, [me, token, table](int status) {
      caf::anon_send(me, step_exited{token, status});
      table->running.erase(token);
    });
    if (started)
      table->running[token] = std::move(*started);
    else
      caf::anon_send(me, step_exited{token, started.why()});
  });
}

void kill(worker_self self, std::uint64_t token) {
  self->state.given->world.loop().post([token, table = self->state.processes] {
    if (auto found = table->running.find(token); found != table->running.end()) found->second->kill();
  });
}

void stage(worker_self self, std::uint64_t token) {
  auto& directory = self->state.steps.at(token).directory;
  using staged = result<std::pair<byte_string, std::uint64_t>>;
  if (auto gathered = directory.gather(); !gathered)
    return perform(self, self->state.machine->on_staged(token, gathered.why(), self->clock().now()));
  self->request(self->state.given->store, caf::infinite, stage_outputs{directory.outcome()})
    .then(
      [=](const staged_outputs& m) {
        perform(self, self->state.machine->on_staged(token, staged{std::pair{m.entries, m.bytes}}, self->clock().now()));
      },
      [=](const caf::error& why) { perform(self, self->state.machine->on_staged(token, from_caf(why), self->clock().now())); });
}

void report(worker_self self, jobs::report_result& todo) {
  auto token = todo.ended.token;
  send_request asked{todo.coordinator, request_method::job_result, jobs::encode_result(todo.ended), 10s};
  self->request(self->state.given->endpoint, caf::infinite, std::move(asked))
    .then(
      [=](const response& m) {
        perform(self, self->state.machine->on_reported(token, jobs::decode_taken(m.body), self->clock().now()));
      },
      [=](const caf::error& why) { perform(self, self->state.machine->on_reported(token, from_caf(why), self->clock().now())); });
}

/// The only place where this actor acts on others.
void perform(worker_self self, jobs::worker_effects&& todo) {
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](jobs::prepare_step& e) { prepare(self, e); },
                 [&](jobs::run_step& e) { run(self, e); },
                 [&](jobs::kill_step& e) { kill(self, e.token); },
                 [&](jobs::stage_step& e) { stage(self, e.token); },
                 [&](jobs::report_result& e) { report(self, e); },
                 [&](jobs::clean_up& e) {
                   if (auto node = self->state.steps.extract(e.token)) node.mapped().directory.remove();
                 },
                 [&](jobs::wake_worker_at& e) { arm_timer<worker_tick>(self, e.when - self->clock().now()); },
               },
               each);
}

caf::result<response> answer(worker_self self, const incoming_request& asked) {
  auto& machine = *self->state.machine;
  auto now = self->clock().now();
  jobs::worker_effects todo;
  byte_string body;
  if (asked.method == request_method::job_offer) {
    auto leases = jobs::decode_offer(asked.body);
    if (!leases) return to_caf(leases.why());
    body = jobs::encode_load(machine.on_offer(asked.from, std::move(*leases), now, todo));
  } else {
    auto tokens = jobs::decode_tokens(asked.body);
    if (!tokens) return to_caf(tokens.why());
    if (asked.method == request_method::job_beat)
      body = jobs::encode_load(machine.on_beat(asked.from, *tokens, now, todo));
    else
      todo = machine.on_cancel(asked.from, *tokens, now);
  }
  perform(self, std::move(todo));
  return response{std::move(body)};
}

worker_actor::behavior_type worker_behavior(worker_self self, worker_arguments arguments) {
  install_lifecycle(self, arguments.parent);
  self->state.given = std::make_unique<worker_arguments>(std::move(arguments));
  auto& given = *self->state.given;
  step_directory{given.directory}.remove(); // what a killed worker left behind
  self->state.machine = std::make_unique<jobs::worker_machine>(given.slots);
  self->send(given.endpoint, register_service{{request_method::job_offer, request_method::job_beat, request_method::job_cancel},
                                              caf::actor_cast<service_actor>(caf::actor_cast<caf::strong_actor_ptr>(self))});
  return {
    [=](const incoming_request& m) { return answer(self, m); },
    [=](const step_exited& m) { perform(self, self->state.machine->on_exited(m.token, m.status, self->clock().now())); },
    [=](const retry_prepare& m) { fetch_input(self, m.token); },
    [=](const worker_tick& m) {
      if (timer_is_current(self, m)) perform(self, self->state.machine->on_tick(self->clock().now()));
    },
  };
}

} // namespace

worker_actor spawn_worker(caf::actor_system& system, worker_arguments arguments) {
  return system.spawn(worker_behavior, std::move(arguments));
}

} // namespace glow
