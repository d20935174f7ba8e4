#include "runtime/store/tree_entry.hpp"

#include "runtime/store/blake2b.hpp"
#include "runtime/store/entry_codec.hpp"
#include "runtime/store/limits.hpp"

namespace glow::store {

std::string_view to_string(entry_kind kind) {
  switch (kind) {
  case entry_kind::file: return "file";
  case entry_kind::directory: return "directory";
  case entry_kind::symlink: return "symlink";
  case entry_kind::tombstone: return "tombstone";
  }
  return "unknown";
}

bool same_but_for_stamp(const tree_entry& a, const tree_entry& b) {
  auto c = b; // comparing a copy with equal stamps cannot forget a field that is added later
  c.stamp = a.stamp;
  c.revision = a.revision;
  if (!a.content.is_zero() && a.content == c.content) { // inline chunks and lists of them may say the same
    c.chunks = a.chunks;
    c.chunk_lists = a.chunk_lists;
  }
  return a == c;
}

digest content_of(const std::vector<chunk_ref>& chunks) {
  blake2b hash;
  hash.add("glow content");
  for (auto& each : chunks) hash.add(each.id.view()).add_le(each.plain_bytes);
  return hash.finish_as<digest>();
}

tree_entry make_tombstone(std::string path) {
  tree_entry gone;
  gone.path = std::move(path);
  gone.kind = entry_kind::tombstone;
  gone.mode = 0;
  return gone;
}

result<void> check_path(std::string_view path) {
  auto refuse = [&](std::string_view why) -> result<void> {
    return error{error_code::usage, "\"" + std::string{path.substr(0, 200)} + "\" " + std::string{why}};
  };
  if (path.size() < 2 || path.front() != '/') return refuse("is no path of a namespace: one starts with '/', like /docs/a.txt");
  if (path.size() > limits::path_bytes_max)
    return refuse("is longer than the " + std::to_string(limits::path_bytes_max) + " bytes that a path may have");
  if (path.find('\0') != path.npos) return refuse("contains a NUL byte");
  for (auto rest = path.substr(1);;) {
    auto slash = rest.find('/');
    auto name = rest.substr(0, slash);
    if (name.empty()) return refuse("has an empty component or ends in '/'");
    if (name == "." || name == "..") return refuse("contains '.' or '..'");
    if (name.size() > limits::name_bytes_max)
      return refuse("has a name longer than " + std::to_string(limits::name_bytes_max) + " bytes");
    if (slash == rest.npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

result<std::string> normalise_path(std::string_view typed) {
  std::string out;
  for (auto rest = typed; !rest.empty();) {
    auto slash = rest.find('/');
    auto name = rest.substr(0, slash);
    if (!name.empty() && name != ".") out.append("/").append(name);
    if (slash == rest.npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (out.empty()) return std::string{"/"};
  if (auto good = check_path(out); !good) return good.why();
  return out;
}

byte_string encode_entries(const std::vector<tree_entry>& entries) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::EntryList>();
  auto list = root.initEntries(static_cast<unsigned>(entries.size()));
  device_table devices;
  for (unsigned i = 0; i < list.size(); ++i) write_entry(list[i], entries[i], devices);
  root.setDevices(as_data(devices.bytes()));
  return canonical_bytes(root.asReader());
}

result<std::vector<tree_entry>> decode_entries(byte_view bytes) {
  return read_message<schema::EntryList>(bytes, [](schema::EntryList::Reader root) -> result<std::vector<tree_entry>> {
    auto list = root.getEntries();
    if (list.size() > limits::entries_message_max) return error{error_code::malformed, "list of too many entries"};
    std::vector<tree_entry> entries;
    entries.reserve(list.size());
    for (auto each : list) {
      auto entry = read_entry(each, from_data(root.getDevices()));
      if (!entry) return entry.why();
      entries.push_back(std::move(*entry));
    }
    return entries;
  });
}

} // namespace glow::store
