/// Entries and chunk references as they stand in nodes and lists. Internal to the room: tree_node.cpp and tree_entry.cpp
/// share it.
#pragma once

#include "runtime/base/capnp.hpp"
#include "runtime/store/tree_entry.hpp"
#include "schema/store.capnp.h"

#include <map>

namespace glow::store {

/// Node ids in order of first use: entries name them by index, because few devices write many entries.
class device_table {
public:
  std::uint16_t index_of(const node_id& device);
  byte_view bytes() const { return bytes_; }

private:
  std::map<node_id, std::uint16_t> index_;
  byte_string bytes_;
};

void write_entry(schema::TreeEntry::Builder out, const tree_entry& entry, device_table& devices);
/// Requires: `devices` is a whole number of node ids. Errors: `malformed`.
result<tree_entry> read_entry(schema::TreeEntry::Reader in, byte_view devices);

byte_string pack_chunks(const std::vector<chunk_ref>& chunks);
/// Errors: `malformed`: not a whole number, or more than `count_max`.
result<std::vector<chunk_ref>> unpack_chunks(byte_view packed, std::size_t count_max);
template <class Id>
byte_string pack_ids(const std::vector<Id>& ids) {
  byte_string out;
  out.reserve(ids.size() * Id::size_bytes);
  for (auto& each : ids) append(out, each.view());
  return out;
}
template <class Id>
result<std::vector<Id>> unpack_ids(byte_view packed, std::size_t count_max) {
  if (packed.size() % Id::size_bytes != 0 || packed.size() / Id::size_bytes > count_max)
    return error{error_code::malformed, "list of identifiers of impossible size"};
  std::vector<Id> ids;
  ids.reserve(packed.size() / Id::size_bytes);
  for (std::size_t at = 0; at < packed.size(); at += Id::size_bytes) ids.push_back(Id::from(packed.subspan(at, Id::size_bytes)));
  return ids;
}

/// Canonical form (one segment, preorder, no trailing zero words) behind a segment table, so that equal values have equal
/// bytes whichever builder made them.
template <class Reader>
byte_string canonical_bytes(Reader root) {
  auto words = capnp::canonicalize(root);
  auto bytes = words.asBytes();
  byte_string out;
  out.reserve(8 + bytes.size());
  append_le<std::uint32_t>(out, 0); // number of segments less one
  append_le(out, static_cast<std::uint32_t>(words.size()));
  append(out, {bytes.begin(), bytes.size()});
  return out;
}

} // namespace glow::store
