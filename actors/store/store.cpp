/// The store's front: owns the database and the view of the namespace, commits, answers commands and peers.
///
///   opening ─► serving ─► gone            every command that lacks objects waits as a question while they are fetched
///
/// Hears    control, jobs: commands of contracts/store.hpp      endpoint: incoming_request (store_heads, store_fetch)
///          router: routes_changed      namespace: roster_changed      exporter: fetch_objects      itself: store_tick
/// Tells    endpoint: send_request, register_service      importer: import_tree      exporter: export_tree
/// Watches  endpoint (ends with it: the supervisor starts both again), workers (their command fails)
/// Fails    the database does not open      endpoint_lost
#include "actors/store/store.hpp"

#include "actors/store/reading.hpp"
#include "actors/store/store_state.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

namespace {

template <class Answer>
caf::result<Answer> answer(result<Answer> made) {
  if (!made.ok()) return to_answer(made.why());
  return std::move(*made);
}

/// Answers once `attempt` knows the answer; fetches what it lacks in between.
template <class Answer, class Attempt>
caf::typed_response_promise<Answer> answer_when_known(store_self self, const std::string& what, duration timeout,
                                                      Attempt attempt) {
  auto promise = self->make_response_promise<Answer>();
  auto fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  question asked{what, timeout, {}, {}, fail};
  asked.attempt = [=]() mutable -> std::optional<store::missing> {
    auto known = attempt();
    if (!known.ok())
      fail(known.why());
    else if (auto* absent = std::get_if<store::missing>(&*known))
      return std::move(*absent);
    else
      promise.deliver(std::move(std::get<0>(*known)));
    return std::nullopt;
  };
  ask(self, std::move(asked));
  return promise;
}

caf::result<response> serve(store_self self, const incoming_request& asked) {
  auto* peer = self->state.given->roster->find(asked.from);
  if (!peer || peer->as == identity::role::guest)
    return to_answer({error_code::not_a_member, "only members of the namespace may ask its store"});
  auto body = asked.method == request_method::store_fetch   ? answer_fetch(self, asked.body)
              : asked.method == request_method::store_heads ? answer_heads(self, asked.from, asked.body)
                                                            : error{error_code::usage, "the store does not serve this method"};
  if (!body.ok()) return to_answer(body.why());
  return response{std::move(*body)};
}

caf::typed_response_promise<objects_fetched> fetch_for_worker(store_self self, const fetch_objects& asked) {
  auto promise = self->make_response_promise<objects_fetched>();
  fetch(
    self, asked, [promise]() mutable { promise.deliver(objects_fetched{}); },
    [promise](const error& why) mutable { promise.deliver(to_answer(why)); });
  return promise;
}

result<ledger_written> change_ledger(store_self self, const write_ledger& asked) {
  store::write_batch batch;
  for (auto& [key, value] : asked.put) batch.put(store::family::log, key, value);
  for (auto& key : asked.remove) batch.remove(store::family::log, key);
  auto written = self->state.database->write(batch, store::durable::yes);
  if (!written.ok()) return written.why();
  return ledger_written{};
}

result<ledger_records> list_ledger(store_self self, const read_ledger& asked) {
  ledger_records out;
  auto scanned = self->state.database->scan(store::family::log, asked.prefix, {}, [&](byte_view key, byte_view value) {
    out.records.emplace_back(to_bytes(key), to_bytes(value));
    return out.records.size() < limits::ledger_records_max;
  });
  if (!scanned.ok()) return scanned.why();
  return out;
}

void tick(store_self self) {
  auto& state = self->state;
  state.tick_due = steady_time::max();
  perform(self, state.wants.on_tick(self->clock().now()));
  if (state.wants.idle()) retry_exchanges(self);
}

/// Errors: those of opening the database.
result<void> open(store_self self) {
  auto& state = self->state;
  auto opened = state.given->open_database();
  if (!opened.ok()) return opened.why();
  state.database = std::move(*opened);
  auto objects = store::object_store::open(*state.database, state.given->roster->id, state.given->roster->secret);
  if (!objects.ok()) return objects.why();
  state.objects = std::move(*objects);
  auto& keys = state.given->keys;
  state.author = {keys.id(), [keys](byte_view bytes) { return store::signature::from(keys.sign(bytes).view()); }};
  return {};
}

} // namespace

caf::error to_answer(const error& why) { return to_caf({why.code, host::printable(why.message)}); }

std::string name_of(const store_state& state, const node_id& node) { return state.given->roster->name_of(node); }

void tick_within(store_self self, duration wait) {
  auto due = self->clock().now() + wait;
  if (due >= self->state.tick_due) return;
  self->state.tick_due = due;
  arm_timer<store_tick>(self, wait);
}

std::string store_state::json() const {
  if (!objects) return "{}";
  auto number = [](auto value) { return std::to_string(value); };
  return "{\"tips\":" + number(objects->tips().size()) + ",\"devices\":" + number(objects->vector().size())
         + ",\"reachable\":" + number(reachable.size()) + ",\"objects_wanted\":" + number(wants.objects()) + ",\"requests\":"
         + number(wants.requests_under_way()) + ",\"questions\":" + number(questions) + ",\"workers\":" + number(workers)
         + ",\"work_waiting\":" + number(work_waiting.size()) + ",\"uploads\":" + number(uploads.size()) + "}";
}

namespace {

store_front_actor::behavior_type store_behavior(store_self self, store_arguments arguments) {
  auto& state = self->state;
  install_lifecycle(self, arguments.parent);
  state.given = std::move(arguments);
  if (auto opened = open(self); !opened.ok()) self->quit(to_caf(opened.why()));
  auto& endpoint = state.given->endpoint;
  watch(self, endpoint, [self](const error& why) {
    self->quit(to_caf({error_code::stopped, "endpoint is gone: " + why.message}));
  });
  self->send(endpoint, register_service{{request_method::store_heads, request_method::store_fetch}, service_actor{self}});
  auto own = state.given->roster->self;
  return {
    [=](const incoming_request& m) { return serve(self, m); },
    [=](const put_path& m) { return put(self, m); },
    [=](const get_path& m) { return get(self, m); },
    [=](const read_path& m) {
      return answer_when_known<path_bytes>(self, "cat " + m.path, m.timeout, [=] { return read_bytes(*self->state.objects, m); });
    },
    [=](const open_upload& m) { return answer(begin_upload(self, m)); },
    [=](const write_upload& m) { return answer(continue_upload(self, m)); },
    [=](const close_upload& m) { return end_upload(self, m); },
    [=](const list_path& m) {
      return answer_when_known<path_list>(self, "ls " + m.path, limits::question_timeout,
                                          [=] { return list_entries(*self->state.objects, m, own); });
    },
    [=](const log_path& m) {
      return answer_when_known<path_log>(self, "log " + m.path, limits::question_timeout,
                                         [=] { return list_versions(*self->state.objects, m, *self->state.given->roster); });
    },
    [=](const remove_path& m) { return remove(self, m); },
    [=](const copy_path& m) { return copy(self, m); },
    [=](const stage_outputs& m) { return stage(self, m); },
    [=](const commit_outputs& m) { return commit_staged(self, m); },
    [=](const snapshot_path& m) {
      return answer_when_known<path_snapshot>(self, "list " + m.path, limits::question_timeout,
                                              [=] { return list_files(*self->state.objects, m, own); });
    },
    [=](const write_ledger& m) { return answer(change_ledger(self, m)); },
    [=](const read_ledger& m) { return answer(list_ledger(self, m)); },
    [=](const routes_changed& m) { take_routes(self, m.routes); },
    [=](const roster_changed& m) {
      self->state.given->roster = m.roster;
      take_routes(self, nullptr);
    },
    [=](const store_tick& m) {
      if (timer_is_current(self, m)) tick(self);
    },
    [=](const fetch_objects& m) { return fetch_for_worker(self, m); },
  };
}

} // namespace

store_front_actor spawn_store(caf::actor_system& system, store_arguments arguments) {
  if (arguments.detached) return system.spawn<caf::detached>(store_behavior, std::move(arguments));
  return system.spawn(store_behavior, std::move(arguments));
}

} // namespace glow
