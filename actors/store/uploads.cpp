/// The store's front taking files that come as a stream of messages (stdin of a command).
#include "actors/store/store_state.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

namespace {

error no_upload() { return {error_code::not_found, "this upload is not open any more; begin again"}; }

} // namespace

result<upload_opened> begin_upload(store_self self, const open_upload& asked) {
  auto& state = self->state;
  auto now = self->clock().now();
  if (auto good = store::normalise_path(asked.path); !good.ok()) return good.why();
  if (asked.path.ends_with('/'))
    return error{error_code::usage, host::printable(asked.path) + ": name a file, bytes have no name of their own"};
  if (state.uploads.size() >= limits::uploads_max)
    std::erase_if(state.uploads, [&](auto& each) { return now - each.second.last_write > limits::upload_silence_max; });
  if (state.uploads.size() >= limits::uploads_max)
    return error{error_code::exhausted, "too many uploads are open already; try again later"};
  auto number = ++state.last_upload;
  auto writer = std::make_unique<store::file_writer>(state.objects->chunks(), state.objects->gear());
  state.uploads.emplace(number, upload{asked.path, std::move(writer), now});
  ++state.writes;
  return upload_opened{number};
}

result<upload_written> continue_upload(store_self self, const write_upload& asked) {
  auto& state = self->state;
  auto found = state.uploads.find(asked.upload);
  if (found == state.uploads.end()) return no_upload();
  found->second.last_write = self->clock().now();
  auto written = found->second.writer->write(asked.bytes);
  if (written.ok()) return upload_written{};
  state.uploads.erase(found);
  return written.why();
}

caf::typed_response_promise<put_done> end_upload(store_self self, const close_upload& asked) {
  auto& state = self->state;
  auto promise = self->make_response_promise<put_done>();
  commit_handlers then;
  then.fail = [promise](const error& why) mutable { promise.deliver(to_answer(why)); };
  auto node = state.uploads.extract(asked.upload);
  if (node.empty()) return then.fail(no_upload()), promise;
  if (!asked.commit) return promise.deliver(put_done{}), promise;
  auto path = node.mapped().path;
  auto entry = node.mapped().writer->finish();
  if (!entry.ok()) return then.fail(entry.why()), promise;
  auto now = state.given->world.wall_now();
  entry->mode = 0644;
  entry->modified_ns = std::chrono::nanoseconds{now.time_since_epoch()}.count();
  auto bytes = entry->size;
  then.done = [=](const store::committed& made, const planned_changes& plan) mutable {
    promise.deliver(put_done{to_base32(made.id.view()), plan.path, 1, bytes, {}});
  };
  question question{"put - " + host::printable(path), limits::question_timeout, {}, {}, then.fail};
  question.attempt = [=, imported = changes{std::move(*entry)}] {
    return commit(self, plan_put(*self->state.objects, path, "stdin", imported, {}, now), "put " + path, then);
  };
  ask(self, std::move(question));
  return promise;
}

} // namespace glow
