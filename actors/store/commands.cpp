/// The store's front carrying out commands that change the namespace or this machine's files.
#include "actors/store/exporter.hpp"
#include "actors/store/importer.hpp"
#include "actors/store/store_state.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/limits.hpp"
#include "runtime/host/log.hpp"
#include "runtime/host/memory.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

namespace {

using host::printable;

/// Starts a worker now or, when enough run already, later.
void start_work(store_self self, std::function<void()> start, const std::function<void(const error&)>& fail) {
  auto& state = self->state;
  if (state.workers < limits::store_workers_max) {
    ++state.workers;
    return start();
  }
  if (state.work_waiting.size() >= limits::store_work_waiting_max)
    return fail({error_code::exhausted, "too many puts and gets wait in line already; try again later"});
  state.work_waiting.push_back(std::move(start));
}

void end_work(store_self self) {
  auto& state = self->state;
  --state.workers;
  if (state.work_waiting.empty()) return;
  auto start = std::move(state.work_waiting.front());
  state.work_waiting.pop_front();
  ++state.workers;
  start();
}

/// After a worker, with its buffers gone; seldom, since many small ones may follow one another.
void give_memory_back(store_self self) {
  auto now = self->clock().now();
  if (self->state.workers > 0 || now - self->state.memory_given_back < limits::quiet_after_burst) return;
  self->state.memory_given_back = now;
  host::release_free_memory();
}

/// Asks a worker for its one answer. It has no deadline of its own: a worker that dies is noticed by its death.
template <class Answer, class Worker, class Task, class Done, class Fail>
void run_worker(store_self self, const Worker& worker, Task task, Done done, Fail fail) {
  auto over = std::make_shared<bool>(false);
  self->request(worker, caf::infinite, std::move(task))
    .then(
      [over, done](Answer& answer) {
        if (!std::exchange(*over, true)) done(answer);
      },
      [over, fail](const caf::error& why) {
        if (!std::exchange(*over, true)) fail(from_caf(why));
      });
  watch(self, worker, [self, over, fail](const error& why) {
    give_memory_back(self);
    if (!std::exchange(*over, true)) fail({error_code::failed, "the worker died: " + why.message});
  });
}

using imported_handler = std::function<void(imported_tree&, const std::function<void()>& take_back)>;

/// Reads a source on this machine into the store; what a failure leaves behind is taken back when nobody else was writing.
void import(store_self self, const std::string& source, bool skip_unreadable, const caf::strong_actor_ptr& watcher,
            const imported_handler& done, const std::function<void(const error&)>& fail) {
  auto start = [=] {
    auto& state = self->state;
    auto record = std::make_shared<recording_database>(state.database);
    auto mark = ++state.writes;
    ++state.imports;
    auto worker =
      spawn_importer(self->system(), state.given->detached,
                     {record, state.objects->keys(), state.objects->gear(), caf::actor_cast<caf::strong_actor_ptr>(self)});
    auto take_back = [=] {
      auto& now = self->state;
      if (now.writes != mark || now.imports > 0 || !now.uploads.empty()) return;
      if (auto taken = record->take_back(); !taken.ok()) host::log(host::level::warning, "glow.store", taken.why().message);
    };
    run_worker<imported_tree>(
      self, worker, import_tree{source.ends_with('/') ? source + "." : source, skip_unreadable, watcher},
      [=](imported_tree& tree) {
        --self->state.imports;
        done(tree, take_back);
        end_work(self);
      },
      [=](const error& why) {
        --self->state.imports;
        take_back();
        fail(why);
        end_work(self);
      });
  };
  start_work(self, start, fail);
}

/// Where a get goes on this machine: an existing directory and a name in it.
result<std::pair<std::string, std::string>> destination_of(const std::string& typed, const std::string& name) {
  if (typed.empty()) return std::pair{std::string{"."}, name};
  if (host::is_directory(typed)) return std::pair{typed, name};
  auto end = typed.find_last_not_of('/');
  auto trimmed = typed.substr(0, end + 1);
  auto slash = trimmed.rfind('/');
  auto directory = slash == trimmed.npos ? "." : slash == 0 ? "/" : trimmed.substr(0, slash);
  if (!host::is_directory(directory))
    return error{error_code::not_found, printable(directory) + " is no directory of this machine; make it first"};
  return std::pair{directory, trimmed.substr(slash + 1)};
}

} // namespace

std::optional<store::missing> commit(store_self self, store::or_missing<planned_changes> plan, const std::string& message,
                                     const commit_handlers& then, const store::write_batch& with) {
  auto& state = self->state;
  if (!plan.ok()) {
    then.fail(plan.why());
    return std::nullopt;
  }
  if (auto* absent = std::get_if<store::missing>(&*plan)) return std::move(*absent);
  auto& planned = std::get<0>(*plan);
  auto line = printable(message).substr(0, limits::commit_message_bytes_max);
  auto made = state.objects->commit_changes(planned.what, line, state.given->world.wall_now(), state.author, with);
  if (!made.ok()) {
    then.fail(made.why());
    return std::nullopt;
  }
  if (auto* absent = std::get_if<store::missing>(&*made)) return std::move(*absent);
  ++state.writes;
  then.done(std::get<0>(*made), planned);
  if (std::get<0>(*made).entries > 0) announce_commits(self);
  return std::nullopt;
}

caf::typed_response_promise<put_done> put(store_self self, const put_path& asked) {
  auto promise = self->make_response_promise<put_done>();
  auto what = "put " + asked.source;
  std::function<void(const error&)> fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  auto good = store::normalise_path(asked.path);
  if (!good.ok()) return fail(good.why()), promise;
  if (asked.source.empty()) return fail({error_code::usage, "put: no source was given"}), promise;
  auto name = host::source_name(asked.source);
  imported_handler imported = [=](imported_tree& tree, const std::function<void()>& take_back) mutable {
    auto kept = std::make_shared<imported_tree>(std::move(tree));
    commit_handlers then;
    then.done = [=](const store::committed& made, const planned_changes& plan) mutable {
      promise.deliver(put_done{to_base32(made.id.view()), plan.path, kept->files, kept->bytes, std::move(kept->skipped)});
    };
    then.fail = [=](const error& why) {
      take_back();
      fail(why);
    };
    question put_it{what, limits::question_timeout, {}, {}, then.fail};
    put_it.attempt = [=] {
      auto& state = self->state;
      return commit(self, plan_put(*state.objects, asked.path, name, kept->entries, kept->unread, state.given->world.wall_now()),
                    "put " + asked.path, then);
    };
    ask(self, std::move(put_it));
  };
  import(self, asked.source, asked.skip_unreadable, asked.watcher, imported, fail);
  return promise;
}

caf::typed_response_promise<get_done> get(store_self self, const get_path& asked) {
  auto promise = self->make_response_promise<get_done>();
  auto what = "get " + printable(asked.path);
  std::function<void(const error&)> fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  std::function<void(get_done&)> deliver = [promise](get_done& done) mutable { promise.deliver(std::move(done)); };
  question find{what, asked.timeout, {}, {}, fail};
  find.attempt = [=]() -> std::optional<store::missing> {
    auto& state = self->state;
    auto found = state.objects->resolve(asked.path);
    if (!found.ok()) return fail(found.why()), std::nullopt;
    if (auto* absent = std::get_if<store::missing>(&*found)) return std::move(*absent);
    auto& at = std::get<0>(*found);
    auto to = destination_of(asked.destination, base_name(at.path));
    if (!to.ok()) return fail({to.why().code, what + ": " + to.why().message}), std::nullopt;
    export_tree task{what, at.path, at.root, to->first, to->second, asked.timeout, asked.watcher};
    start_work(
      self,
      [=] {
        auto& now = self->state;
        auto random = std::make_shared<seeded_random>(now.given->world.random().next_u64()); // names only have to differ
        auto worker = spawn_exporter(self->system(), now.given->detached,
                                     {now.database, now.objects->keys(), object_fetcher_actor{self}, random});
        run_worker<get_done>(
          self, worker, task,
          [=](get_done& done) {
            deliver(done);
            end_work(self);
          },
          [=](const error& why) {
            fail(why);
            end_work(self);
          });
      },
      fail);
    return std::nullopt;
  };
  ask(self, std::move(find));
  return promise;
}

caf::typed_response_promise<path_removed> remove(store_self self, const remove_path& asked) {
  auto promise = self->make_response_promise<path_removed>();
  commit_handlers then;
  then.done = [promise](const store::committed& made, const planned_changes& plan) mutable {
    promise.deliver(path_removed{to_base32(made.id.view()), plan.entries});
  };
  then.fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  question question{"rm " + printable(asked.path), limits::question_timeout, {}, {}, then.fail};
  question.attempt = [=] {
    return commit(self, plan_remove(*self->state.objects, asked.path, asked.recursive), "rm " + asked.path, then);
  };
  ask(self, std::move(question));
  return promise;
}

caf::typed_response_promise<put_done> copy(store_self self, const copy_path& asked) {
  auto promise = self->make_response_promise<put_done>();
  auto verb = asked.remove_source ? "mv " : "cp ";
  commit_handlers then;
  then.done = [promise](const store::committed& made, const planned_changes& plan) mutable {
    promise.deliver(put_done{to_base32(made.id.view()), plan.path, plan.entries, 0, {}});
  };
  then.fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  question question{verb + printable(asked.from), limits::question_timeout, {}, {}, then.fail};
  question.attempt = [=] {
    auto& state = self->state;
    return commit(self, plan_copy(*state.objects, asked.from, asked.to, asked.remove_source, state.given->world.wall_now()),
                  verb + asked.from + " " + asked.to, then);
  };
  ask(self, std::move(question));
  return promise;
}

caf::typed_response_promise<staged_outputs> stage(store_self self, const stage_outputs& asked) {
  auto promise = self->make_response_promise<staged_outputs>();
  std::function<void(const error&)> fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  auto name = host::source_name(asked.source);
  imported_handler imported = [=](imported_tree& tree, const std::function<void()>&) mutable {
    ++self->state.writes; // the chunks are wanted from now on
    if (tree.entries.size() > limits::entries_message_max)
      return fail({error_code::exhausted,
                   "outputs of one step are limited to " + std::to_string(limits::entries_message_max) + " entries"});
    if (tree.entries.front().kind == store::entry_kind::directory)
      tree.entries.erase(tree.entries.begin());
    else
      tree.entries.front().path = name;
    promise.deliver(staged_outputs{store::encode_entries(tree.entries), tree.bytes});
  };
  import(self, asked.source, false, nullptr, imported, fail);
  return promise;
}

caf::typed_response_promise<put_done> commit_staged(store_self self, const commit_outputs& asked) {
  auto promise = self->make_response_promise<put_done>();
  commit_handlers then;
  then.fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  auto entries = store::decode_entries(asked.entries);
  if (!entries.ok()) return then.fail(entries.why()), promise;
  auto staged = std::make_shared<changes>(std::move(*entries));
  store::write_batch with;
  for (auto& [key, value] : asked.ledger) with.put(store::family::log, key, value);
  then.done = [=](const store::committed& made, const planned_changes& plan) mutable {
    put_done done{to_base32(made.id.view()), plan.path, 0, 0, {}};
    for (auto& each : *staged) {
      done.files += each.kind == store::entry_kind::file ? 1 : 0;
      done.bytes += each.size;
    }
    promise.deliver(std::move(done));
  };
  question question{"outputs to " + printable(asked.path), asked.timeout, {asked.holder}, {}, then.fail};
  question.attempt = [=, fence = asked.fence]() -> std::optional<store::missing> {
    auto& state = self->state;
    if (fence) {
      auto held = state.database->get(store::family::log, fence->first);
      if (!held.ok() || *held != fence->second) {
        then.fail(held.ok() ? error{error_code::replaced, "a later start of the coordinator has taken over"} : held.why());
        return std::nullopt;
      }
    }
    return commit(self, plan_outputs(*state.objects, asked.path, *staged, state.given->world.wall_now()),
                  "outputs to " + asked.path, then, with);
  };
  ask(self, std::move(question));
  return promise;
}

} // namespace glow
