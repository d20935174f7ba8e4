#include "actors/store/reading.hpp"

#include "actors/store/changes.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/tree_files.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

namespace {

using host::printable;
using store::entry_kind;
using store::or_missing;
using store::tree_entry;

/// Nodes known to hold all of an entry: this one if nothing is missing, and the device that wrote it. An honest least.
std::uint32_t copies_of(store::object_store& in, const tree_entry& entry, const node_id& self) {
  std::uint32_t elsewhere = entry.stamp.device != self ? 1 : 0;
  if (entry.kind != entry_kind::file) return 1 + elsewhere;
  auto refs = store::chunks_of(in.chunks(), entry);
  if (!is_here(refs)) return elsewhere;
  for (auto& each : std::get<0>(*refs)) {
    auto here = in.has_object(each.address);
    if (!here.ok() || !*here) return elsewhere;
  }
  return 1 + elsewhere;
}

listed_entry listed(store::object_store& in, std::string name, const tree_entry& entry, const node_id& self) {
  listed_entry out;
  out.name = std::move(name);
  out.kind = to_string(entry.kind);
  out.size = entry.size;
  out.modified = wall_time{std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds{entry.modified_ns})};
  out.version = entry.revision;
  out.copies = copies_of(in, entry, self);
  out.target = entry.target;
  out.mode = entry.mode;
  return out;
}

std::string below(const std::string& directory, const std::string& path) {
  return path.substr(directory == "/" ? 1 : directory.size() + 1);
}

} // namespace

or_missing<path_list> list_entries(store::object_store& in, const list_path& asked, const node_id& self) {
  auto found = in.resolve(asked.path.empty() ? "/" : asked.path);
  if (!is_here(found)) return not_here<path_list>(found);
  auto& at = std::get<0>(*found);
  path_list out;
  if (at.entry && at.entry->kind != entry_kind::directory) {
    out.entries.push_back(listed(in, base_name(at.path), *at.entry, self));
    return std::variant<path_list, store::missing>{std::move(out)};
  }
  if (asked.recursive) {
    auto scanned = in.each_below(at.root, at.path, [&](const tree_entry& each) {
      if (each.path != at.path) out.entries.push_back(listed(in, below(at.path, each.path), each, self));
      return store::step::next;
    });
    if (!is_here(scanned)) return not_here<path_list>(scanned);
    return std::variant<path_list, store::missing>{std::move(out)};
  }
  auto items = in.list(at.root, at.path);
  if (!is_here(items)) return not_here<path_list>(items);
  for (auto& each : std::get<0>(*items)) {
    if (each.entry) {
      out.entries.push_back(listed(in, each.name, *each.entry, self));
      continue;
    }
    listed_entry implied; // a directory that is there because something stands below it
    implied.name = each.name;
    implied.kind = to_string(entry_kind::directory);
    implied.mode = 0755;
    implied.version = 1;
    implied.copies = 1;
    out.entries.push_back(std::move(implied));
  }
  return std::variant<path_list, store::missing>{std::move(out)};
}

or_missing<path_snapshot> list_files(store::object_store& in, const snapshot_path& asked, const node_id& self) {
  auto all = list_entries(in, {asked.path, true}, self);
  if (!is_here(all)) return not_here<path_snapshot>(all);
  path_snapshot out;
  auto whole = in.resolve(asked.path.empty() ? "/" : asked.path);
  if (!is_here(whole)) return not_here<path_snapshot>(whole);
  auto& entry = std::get<0>(*whole).entry;
  out.is_file = entry && entry->kind != entry_kind::directory;
  for (auto& each : std::get<0>(*all).entries)
    if (each.kind == to_string(entry_kind::file)) out.files.push_back(std::move(each));
  if (in.tips().size() == 1) out.commit = to_base32(in.tips().front().view());
  return std::variant<path_snapshot, store::missing>{std::move(out)};
}

or_missing<path_log> list_versions(store::object_store& in, const log_path& asked, const identity::roster& roster) {
  auto path = store::normalise_path(asked.path);
  if (!path.ok()) return path.why();
  auto versions = in.log(*path);
  if (!is_here(versions)) return not_here<path_log>(versions);
  auto& all = std::get<0>(*versions);
  if (all.empty()) return error{error_code::not_found, "log " + printable(*path) + ": there is no such path"};
  path_log out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& each = all[i];
    path_version version;
    version.version = each.number;
    version.commit = to_base32(each.in.view());
    version.time = each.entry.stamp.time;
    version.device = roster.name_of(each.entry.stamp.device);
    version.size = each.entry.size;
    bool first = i + 1 == all.size() || all[i + 1].entry.gone();
    version.change = each.entry.gone() ? "removed" : first ? "added" : "changed";
    out.versions.push_back(std::move(version));
  }
  return std::variant<path_log, store::missing>{std::move(out)};
}

or_missing<path_bytes> read_bytes(store::object_store& in, const read_path& asked) {
  auto found = in.resolve(asked.path);
  if (!is_here(found)) return not_here<path_bytes>(found);
  auto& at = std::get<0>(*found);
  if (!at.entry || at.entry->kind == entry_kind::directory)
    return error{error_code::usage, printable(at.path) + " is a directory; only files can be read"};
  if (at.entry->kind == entry_kind::symlink)
    return error{error_code::usage, printable(at.path) + " is a symlink to " + printable(at.entry->target)};
  auto bytes = store::read_file(in.chunks(), *at.entry, asked.offset, std::min(asked.bytes_max, limits::chunk_bytes_max));
  if (!is_here(bytes)) {
    auto absent = not_here<path_bytes>(bytes);
    if (absent.ok()) {
      auto& what = std::get<store::missing>(*absent);
      what.holder = at.entry->stamp.device;
      what.content = true;
    }
    return absent;
  }
  path_bytes out;
  out.bytes = std::move(std::get<0>(*bytes));
  out.size = at.entry->size;
  out.end = asked.offset + out.bytes.size() >= out.size;
  return std::variant<path_bytes, store::missing>{std::move(out)};
}

} // namespace glow
