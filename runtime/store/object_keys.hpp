/// Keys of the object store's records (the table stands in object_store.hpp). Internal to the room.
#pragma once

#include "runtime/store/commit.hpp"

namespace glow::store {

inline byte_string key_of(char kind, byte_view rest = {}) {
  byte_string key{static_cast<std::uint8_t>(kind)};
  append(key, rest);
  return key;
}
inline byte_string namespace_key() { return key_of('n'); }
inline byte_string commit_prefix() { return key_of('c'); }
inline byte_string commit_key(const commit_id& id) { return key_of('c', id.view()); }
inline byte_string tip_prefix() { return key_of('t'); }
inline byte_string tip_key(const commit_id& id) { return key_of('t', id.view()); }
inline byte_string head_prefix() { return key_of('h'); }
inline byte_string head_key(const node_id& device) { return key_of('h', device.view()); }

inline byte_string device_key(const node_id& device) { return key_of('d', device.view()); }
/// Big-endian, so that the order of bytes is the order of sequences.
inline byte_string device_key(const node_id& device, std::uint64_t sequence) {
  auto key = device_key(device);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<std::uint8_t>(sequence >> shift));
  return key;
}
inline byte_string device_key(const node_id& device, std::uint64_t sequence, const commit_id& id) {
  auto key = device_key(device, sequence);
  append(key, id.view());
  return key;
}
inline constexpr std::size_t device_key_bytes = 1 + 32 + 8 + 32;

} // namespace glow::store
