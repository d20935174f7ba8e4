#include "actors/store/exporter.hpp"

#include "actors/contracts/lifecycle.hpp"
#include "actors/store/progress_pace.hpp"
#include "actors/store/tree_nodes.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/host/tree_writer.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/want_list.hpp"

#include <unordered_set>

namespace glow {

enum class export_phase { listing, counting, fetching, writing };

struct exporter_state : actor_lifecycle {
  static inline const char* name = "glow.exporter";

  std::shared_ptr<store::database> database;
  std::optional<store::chunk_store> chunks;
  object_fetcher_actor front;
  std::shared_ptr<random_source> random;
  caf::typed_response_promise<get_done> promise;
  export_tree task;
  export_phase phase = export_phase::listing;
  std::vector<store::tree_entry> entries;
  std::size_t next = 0; ///< in entries
  // counting and fetching
  std::vector<store::wanted_object> missing;
  std::unordered_set<store::object_address> counted;
  std::set<node_id> holders;
  std::uint64_t objects_total = 0;
  std::uint64_t bytes_total = 0; ///< to write, and to fetch before
  std::uint64_t bytes_done = 0;
  std::size_t asked = 0; ///< objects at the end of `missing` that are being fetched
  // writing
  std::optional<host::tree_writer> writer;
  std::optional<std::vector<store::chunk_ref>> refs; ///< of the file that is being written
  std::size_t next_ref = 0;
  std::uint64_t offset = 0;
  get_done answer;
  progress_pace pace;
};

using exporter_self = caf::stateful_actor<exporter_state, pool_hosted<exporter_actor::base>>*;

namespace {

enum class progress_of { again, waiting, done };
using slice_result = result<progress_of>;

/// Asks the front for objects; the next slice follows when they have come.
void fetch(exporter_self self, fetch_objects wanted) {
  auto& state = self->state;
  wanted.what = state.task.what;
  wanted.timeout = state.task.timeout;
  wanted.holders = state.holders;
  wanted.watcher = fetch_watcher_actor{self};
  self->request(state.front, limits::store_work_timeout, std::move(wanted))
    .then([self](const objects_fetched&) { self->send(self, export_slice{}); },
          [self](const caf::error& why) {
            self->state.promise.deliver(why);
            self->quit();
          });
}

slice_result list_entries(exporter_self self) {
  auto& state = self->state;
  state.entries.clear();
  tree_nodes nodes{*state.chunks};
  std::unordered_set<std::string> no_directories;
  auto below_no_directory = [&](const std::string& path) {
    for (auto slash = path.rfind('/'); slash != path.npos && slash > 0; slash = path.rfind('/', slash - 1))
      if (no_directories.contains(path.substr(0, slash))) return true;
    return false;
  };
  auto listed = store::scan_below(nodes, state.task.root, state.task.path, [&](const store::tree_entry& each) {
    if (below_no_directory(each.path)) {
      // two devices used one name at the same time, one as a file, one as a directory
      state.answer.reported.push_back(host::printable(each.path) + ": left out, a name above it belongs to a file as well");
      return store::step::next;
    }
    if (each.kind != store::entry_kind::directory) no_directories.insert(each.path);
    state.entries.push_back(each);
    return store::step::next;
  });
  if (!listed.ok()) return listed.why();
  if (auto* absent = std::get_if<store::missing>(&*listed)) {
    state.answer.reported.clear();
    fetch(self, {{}, absent->addresses, {}, {}, 0, 0, {}, {}});
    return progress_of::waiting;
  }
  return progress_of::done;
}

/// What is not here of a slice of entries.
slice_result count_missing(exporter_self self) {
  auto& state = self->state;
  for (std::size_t i = 0; i < limits::store_slice_entries; ++i, ++state.next) {
    if (state.next == state.entries.size()) {
      state.next = 0;
      return progress_of::done;
    }
    auto& entry = state.entries[state.next];
    if (entry.kind != store::entry_kind::file) continue;
    auto refs = store::chunks_of(*state.chunks, entry);
    if (!refs.ok()) return refs.why();
    if (auto* absent = std::get_if<store::missing>(&*refs)) {
      state.holders.insert(entry.stamp.device);
      fetch(self, {{}, absent->addresses, {}, {}, 0, 0, {}, {}});
      return progress_of::waiting;
    }
    state.bytes_total += entry.size;
    for (auto& ref : std::get<0>(*refs)) {
      if (!state.counted.insert(ref.address).second) continue;
      ++state.objects_total;
      auto here = state.chunks->has(ref.address);
      if (!here.ok()) return here.why();
      if (*here) continue;
      state.holders.insert(entry.stamp.device);
      state.missing.push_back({ref.address, ref.plain_bytes});
      state.bytes_total += ref.plain_bytes;
    }
  }
  return progress_of::again;
}

slice_result fetch_missing(exporter_self self) {
  auto& state = self->state;
  for (; state.asked > 0; --state.asked) { // these have come
    state.bytes_done += state.missing.back().bytes;
    state.missing.pop_back();
  }
  if (state.missing.empty()) return progress_of::done;
  state.asked = std::min(state.missing.size(), limits::want_objects_max);
  fetch_objects wanted;
  wanted.missing_total = state.missing.size();
  wanted.objects_total = state.objects_total;
  for (auto i = state.missing.size() - state.asked; i < state.missing.size(); ++i) {
    wanted.addresses.push_back(state.missing[i].address);
    wanted.sizes.push_back(state.missing[i].bytes);
  }
  fetch(self, std::move(wanted));
  return progress_of::waiting;
}

std::string relative_of(const export_tree& task, const std::string& path) {
  auto below = path.substr(task.path == "/" ? 0 : task.path.size()); // empty, or begins with a slash
  if (task.name.empty()) return below.empty() ? below : below.substr(1);
  return task.name + below;
}

/// Blocks of zeros become holes.
result<void> write_sparse(host::tree_writer& writer, std::uint64_t offset, byte_view bytes) {
  constexpr std::size_t block = 4096;
  auto zero = [&](std::size_t at) {
    auto part = bytes.subspan(at, std::min(block, bytes.size() - at));
    return part[0] == 0 && std::memcmp(part.data(), part.data() + 1, part.size() - 1) == 0;
  };
  for (std::size_t at = 0; at < bytes.size();) {
    auto from = at;
    if (zero(at)) {
      at += block;
      continue;
    }
    while (at < bytes.size() && !zero(at)) at += block;
    auto to = std::min(at, bytes.size());
    if (auto written = writer.write_at(offset + from, bytes.subspan(from, to - from)); !written.ok()) return written;
  }
  return {};
}

/// One chunk of the open file, or its beginning, or its end. Returns the bytes written, or what the disk has damaged since
/// it was counted.
store::or_missing<std::size_t> write_some(exporter_state& state, const store::tree_entry& entry) {
  using answer = std::variant<std::size_t, store::missing>;
  if (!state.refs) {
    auto refs = store::chunks_of(*state.chunks, entry);
    if (!refs.ok()) return refs.why();
    if (auto* absent = std::get_if<store::missing>(&*refs)) return answer{std::move(*absent)};
    state.refs = std::move(std::get<0>(*refs));
    state.next_ref = 0;
    state.offset = 0;
    if (auto begun = state.writer->begin(relative_of(state.task, entry.path), *state.random); !begun.ok()) return begun.why();
    return answer{std::size_t{0}};
  }
  if (state.next_ref == state.refs->size()) {
    state.refs.reset();
    ++state.next;
    ++state.answer.files;
    state.answer.bytes += entry.size;
    if (auto ended = state.writer->end(entry.size, entry.mode, entry.modified_ns); !ended.ok()) return ended.why();
    return answer{limits::store_slice_bytes / limits::store_slice_entries}; // a file costs something even when it is empty
  }
  auto& ref = (*state.refs)[state.next_ref];
  auto plain = state.chunks->get_plain(store::object_kind::chunk, ref.address);
  if (!plain.ok()) return plain.why();
  if (!plain->has_value()) return answer{store::missing{{ref.address}}};
  if ((*plain)->size() != ref.plain_bytes)
    return error{error_code::tampered, state.task.what + ": " + host::printable(entry.path) + " names an object of another size"};
  if (auto written = write_sparse(*state.writer, state.offset, **plain); !written.ok()) return written.why();
  ++state.next_ref;
  state.offset += ref.plain_bytes;
  state.bytes_done += ref.plain_bytes;
  return answer{(*plain)->size()};
}

/// Symlinks come after all files, so that no file goes through one; directories' modes and times last of all.
result<void> finish_tree(exporter_state& state) {
  if (auto published = state.writer->publish(); !published.ok()) return published;
  for (auto& each : state.entries)
    if (each.kind == store::entry_kind::symlink) {
      auto made = state.writer->make_symlink(relative_of(state.task, each.path), each.target, each.modified_ns, *state.random);
      if (!made.ok()) return made;
    }
  for (auto each = state.entries.rbegin(); each != state.entries.rend(); ++each)
    if (each->kind == store::entry_kind::directory)
      if (auto relative = relative_of(state.task, each->path); !relative.empty())
        if (auto set = state.writer->set_directory_facts(relative, each->mode, each->modified_ns); !set.ok()) return set;
  return {};
}

slice_result write_slice(exporter_self self) {
  auto& state = self->state;
  if (!state.writer) {
    auto opened = host::tree_writer::open(state.task.directory);
    if (!opened.ok()) return opened.why();
    state.writer.emplace(std::move(*opened));
    bool single = state.entries.size() == 1 && state.entries[0].path == state.task.path
                  && state.entries[0].kind != store::entry_kind::directory;
    if (!single && !state.task.name.empty())
      if (auto made = state.writer->make_directory(state.task.name); !made.ok()) return made.why();
  }
  for (std::size_t bytes = 0; bytes < limits::store_slice_bytes;) {
    if (state.next == state.entries.size()) {
      auto finished = finish_tree(state);
      if (!finished.ok()) return finished.why();
      return progress_of::done;
    }
    auto& entry = state.entries[state.next];
    if (entry.kind == store::entry_kind::file) {
      auto written = write_some(state, entry);
      if (!written.ok()) return written.why();
      if (auto* absent = std::get_if<store::missing>(&*written)) {
        fetch(self, {{}, absent->addresses, {}, {}, 0, 0, {}, {}});
        return progress_of::waiting;
      }
      bytes += std::get<0>(*written);
      continue;
    }
    if (auto relative = relative_of(state.task, entry.path); entry.kind == store::entry_kind::directory && !relative.empty())
      if (auto made = state.writer->make_directory(relative); !made.ok()) return made.why();
    ++state.next;
  }
  auto& current = state.entries[std::min(state.next, state.entries.size() - 1)];
  state.pace.tell(self, current.path, state.bytes_done, state.bytes_total);
  return progress_of::again;
}

slice_result work_slice(exporter_self self) {
  switch (self->state.phase) {
  case export_phase::listing: return list_entries(self);
  case export_phase::counting: return count_missing(self);
  case export_phase::fetching: return fetch_missing(self);
  case export_phase::writing: return write_slice(self);
  }
  return progress_of::done;
}

void work(exporter_self self) {
  auto& state = self->state;
  auto done = work_slice(self);
  if (done.ok() && *done == progress_of::waiting) return;
  if (done.ok() && *done == progress_of::done && state.phase != export_phase::writing)
    state.phase = static_cast<export_phase>(static_cast<int>(state.phase) + 1);
  else if (!done.ok() || *done == progress_of::done) {
    if (done.ok())
      state.promise.deliver(std::move(state.answer));
    else
      state.promise.deliver(to_caf({done.why().code, state.task.what + ": " + done.why().message}));
    return self->quit();
  }
  self->send(self, export_slice{});
}

void tell_fetched(exporter_self self, std::uint64_t missing) {
  auto& state = self->state;
  if (state.phase != export_phase::fetching || missing > state.asked) return;
  std::uint64_t bytes = state.bytes_done;
  for (auto i = state.missing.size() - (state.asked - missing); i < state.missing.size(); ++i) bytes += state.missing[i].bytes;
  state.pace.tell(self, "fetching " + state.task.path, bytes, state.bytes_total);
}

exporter_actor::behavior_type exporter_behavior(exporter_self self, exporter_arguments arguments) {
  install_lifecycle(self, caf::actor_cast<caf::strong_actor_ptr>(arguments.front));
  auto& state = self->state;
  state.database = arguments.database;
  state.chunks.emplace(*state.database, arguments.keys);
  state.front = arguments.front;
  state.random = arguments.random;
  return {
    [=, &state](const export_tree& task) {
      state.promise = self->make_response_promise<get_done>();
      state.task = task;
      state.pace.watch(task.watcher);
      self->send(self, export_slice{});
      return state.promise;
    },
    [=](const fetch_progressed& m) { tell_fetched(self, m.missing); },
    [=](const export_slice&) { work(self); },
  };
}

} // namespace

exporter_actor spawn_exporter(caf::actor_system& system, bool detached, exporter_arguments arguments) {
  if (detached) return system.spawn<caf::detached>(exporter_behavior, std::move(arguments));
  return system.spawn(exporter_behavior, std::move(arguments));
}

} // namespace glow
