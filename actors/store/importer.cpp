#include "actors/store/importer.hpp"

#include "actors/contracts/lifecycle.hpp"
#include "actors/store/progress_pace.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

/// A file that is being read.
struct open_source {
  host::source_file file;
  host::file_facts before; ///< to tell whether it changed meanwhile
  std::uint64_t offset = 0;
};

struct importer_state : actor_lifecycle {
  static inline const char* name = "glow.importer";
  std::shared_ptr<recording_database> database;
  std::shared_ptr<const store::gear_table> gear;
  std::optional<store::chunk_store> chunks;
  std::optional<store::file_writer> writer; ///< from the end of the listing on
  caf::typed_response_promise<imported_tree> promise;
  import_tree task;
  std::optional<host::tree_walk> walk;
  std::vector<host::walked_entry> listed;
  std::size_t next = 0; ///< in listed
  std::uint64_t bytes_total = 0;
  std::optional<open_source> source;
  int reads = 0; ///< of the current file
  byte_string buffer;
  imported_tree answer;
  progress_pace pace;
};

using importer_self = caf::stateful_actor<importer_state, pool_hosted<importer_actor::base>>*;

namespace {

enum class walk_step { again, done };
using slice_result = result<walk_step>;

std::string shown(const importer_state& state, const std::string& relative) {
  return host::printable(state.walk->path_of(relative));
}

/// Files that cannot be read are left out where that was asked for, else they fail the import.
result<void> skip_or_fail(importer_state& state, const std::string& relative, const error& why) {
  if (!state.task.skip_unreadable || relative.empty()) return why;
  state.answer.skipped.push_back(why.message);
  state.answer.unread.insert(relative);
  return {};
}

/// Up to a slice of entries of the walk.
slice_result list_some(importer_state& state) {
  for (std::size_t i = 0; i < limits::store_slice_entries; ++i) {
    auto entry = state.walk->next();
    if (!entry) {
      if (state.listed.empty()) return error{error_code::not_found, "put " + shown(state, "") + ": there is nothing to put"};
      return walk_step::done;
    }
    if (entry->trouble) {
      if (auto skipped = skip_or_fail(state, entry->relative, *entry->trouble); !skipped.ok()) return skipped.why();
      continue;
    }
    if (entry->facts.kind == host::file_kind::other) {
      auto what = shown(state, entry->relative) + ": a socket, fifo or device";
      if (entry->relative.empty()) return error{error_code::usage, "put " + what + "; only files, directories and symlinks"};
      state.answer.skipped.push_back(what);
      continue;
    }
    if (state.listed.size() == limits::import_entries_max)
      return error{error_code::exhausted, "put " + shown(state, "") + ": more than " + std::to_string(limits::import_entries_max)
                                            + " entries; put its directories one by one"};
    state.bytes_total += entry->facts.size;
    state.listed.push_back(std::move(*entry));
  }
  return walk_step::again;
}

void add_entry(importer_state& state, const host::walked_entry& from, store::tree_entry entry) {
  entry.path = from.relative;
  entry.mode = from.facts.mode;
  entry.modified_ns = from.facts.modified_ns;
  state.answer.entries.push_back(std::move(entry));
}

/// Opens the file at state.next; nothing open afterwards means that it was left out.
result<void> open_file(importer_state& state) {
  auto& entry = state.listed[state.next];
  auto opened = host::source_file::open(state.walk->path_of(entry.relative));
  auto facts = opened.ok() ? opened->facts() : result<host::file_facts>{opened.why()};
  if (facts.ok()) {
    entry.facts = *facts;
    state.source.emplace(open_source{std::move(*opened), std::move(*facts)});
    return {};
  }
  ++state.next;
  state.reads = 0;
  if (facts.why().code == error_code::not_found && !entry.relative.empty()) return {}; // gone since it was listed
  return skip_or_fail(state, entry.relative, facts.why());
}

/// The file was read to its end: it becomes an entry, unless it changed meanwhile and is read again.
result<void> end_file(importer_state& state) {
  auto& entry = state.listed[state.next];
  auto made = state.writer->finish();
  if (!made.ok()) return made.why();
  auto after = state.source->file.facts();
  bool changed = !after.ok() || *after != state.source->before;
  state.source.reset();
  if (changed && ++state.reads < limits::unstable_file_reads_max) return {};
  state.reads = 0;
  ++state.next;
  if (changed) {
    return skip_or_fail(
      state, entry.relative,
      {error_code::io, "read " + shown(state, entry.relative) + ": it keeps changing while it is read; try again later"});
  }
  ++state.answer.files;
  state.answer.bytes += made->size;
  add_entry(state, entry, std::move(*made));
  return {};
}

/// One buffer of the open file. Holes are not read: they are zeros.
result<void> read_some(importer_state& state) {
  auto& source = *state.source;
  auto& relative = state.listed[state.next].relative;
  auto want = state.buffer.size();
  if (source.before.size > want) {
    auto hole = source.file.hole_end(source.offset) - source.offset;
    if (hole >= want) {
      static const byte_string zeros(limits::chunk_bytes_max);
      source.offset += want;
      return state.writer->write(byte_view{zeros}.first(want));
    }
  }
  auto got = source.file.read_at(source.offset, state.buffer);
  if (!got.ok()) {
    if (auto discarded = state.writer->finish(); !discarded.ok()) return discarded.why();
    state.source.reset();
    state.reads = 0;
    ++state.next;
    return skip_or_fail(state, relative, got.why());
  }
  source.offset += *got;
  if (*got > 0)
    if (auto written = state.writer->write(byte_view{state.buffer}.first(*got)); !written.ok()) return written;
  return *got < want ? end_file(state) : result<void>{};
}

/// Up to a slice of bytes or entries.
slice_result read_slice(importer_state& state) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < limits::store_slice_entries && bytes < limits::store_slice_bytes; ++i) {
    if (!state.source) {
      if (state.next == state.listed.size()) return walk_step::done;
      auto& entry = state.listed[state.next];
      if (entry.facts.kind != host::file_kind::file) {
        store::tree_entry made;
        bool link = entry.facts.kind == host::file_kind::symlink;
        made.kind = link ? store::entry_kind::symlink : store::entry_kind::directory;
        made.target = entry.facts.target;
        add_entry(state, entry, std::move(made));
        ++state.next;
        continue;
      }
      if (auto opened = open_file(state); !opened.ok()) return opened.why();
      continue;
    }
    if (auto read = read_some(state); !read.ok()) return read.why();
    bytes += state.source ? state.buffer.size() : limits::store_slice_bytes / limits::store_slice_entries;
  }
  return walk_step::again;
}

void end(importer_self self, const error* why) {
  auto& state = self->state;
  if (why)
    state.promise.deliver(to_caf(*why));
  else
    state.promise.deliver(std::move(state.answer));
  self->quit();
}

void work(importer_self self) {
  auto& state = self->state;
  bool listing = !state.writer;
  auto done = listing ? list_some(state) : read_slice(state);
  if (!done.ok()) return end(self, &done.why());
  if (*done == walk_step::done && !listing) return end(self, nullptr);
  if (*done == walk_step::done) {
    state.writer.emplace(*state.chunks, state.gear);
    state.buffer.resize(limits::chunk_bytes_max);
  } else if (!listing) {
    auto& current = state.listed[std::min(state.next, state.listed.size() - 1)];
    state.pace.tell(self, current.relative.empty() ? state.task.source : current.relative,
                    state.answer.bytes + (state.source ? state.source->offset : 0), state.bytes_total);
  }
  self->send(self, import_slice{});
}

importer_actor::behavior_type importer_behavior(importer_self self, importer_arguments arguments) {
  install_lifecycle(self, arguments.front);
  auto& state = self->state;
  state.database = arguments.database;
  state.gear = arguments.gear;
  state.chunks.emplace(*state.database, arguments.keys);
  return {
    [=, &state](const import_tree& task) {
      state.promise = self->make_response_promise<imported_tree>();
      state.task = task;
      state.walk.emplace(task.source);
      state.pace.watch(task.watcher);
      self->send(self, import_slice{});
      return state.promise;
    },
    [=](const import_slice&) { work(self); },
  };
}

} // namespace

importer_actor spawn_importer(caf::actor_system& system, bool detached, importer_arguments arguments) {
  if (detached) return system.spawn<caf::detached>(importer_behavior, std::move(arguments));
  return system.spawn(importer_behavior, std::move(arguments));
}

} // namespace glow
