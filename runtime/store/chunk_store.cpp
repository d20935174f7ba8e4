#include "runtime/store/chunk_store.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/store/limits.hpp"

namespace glow::store {

namespace {

byte_string presence_key(const object_address& address) {
  byte_string key{'o'};
  append(key, address.view());
  return key;
}

/// An object is fetched again that often: a disk that damages it each time would have it fetched for ever.
constexpr std::uint8_t damages_max = 16;

byte_string damaged_key(const object_address& address) {
  byte_string key{'r'};
  append(key, address.view());
  return key;
}

byte_string dedup_key(const chunk_id& id) {
  byte_string key{'i'};
  append(key, id.view());
  return key;
}

void put_object(const object_address& address, byte_view sealed, write_batch& batch) {
  byte_string size;
  append_le(size, static_cast<std::uint32_t>(sealed.size()));
  batch.put(family::chunks, address.view(), sealed);
  batch.put(family::meta, presence_key(address), size);
}

} // namespace

result<chunk_ref> chunk_store::put_chunk(byte_view plain, write_batch& batch) {
  chunk_ref ref;
  ref.id = id_of(keys_, object_kind::chunk, plain);
  ref.plain_bytes = static_cast<std::uint32_t>(plain.size());
  auto known = db_.get(family::meta, dedup_key(ref.id));
  if (!known) return known.why();
  if (*known && (*known)->size() == object_address::size_bytes) {
    ref.address = object_address::from(**known);
    auto here = has(ref.address); // not after its bytes were damaged
    if (!here) return here.why();
    if (*here) return ref;
  }
  auto sealed = sealer_.seal(object_kind::chunk, ref.id, plain);
  ref.address = address_of(sealed);
  put_object(ref.address, sealed, batch);
  batch.put(family::meta, dedup_key(ref.id), ref.address.view());
  return ref;
}

result<object_address> chunk_store::put_plain(object_kind kind, byte_view plain, write_batch& batch) {
  if (plain.size() > limits::object_plain_bytes_max)
    return error{error_code::exhausted, "object of " + std::to_string(plain.size()) + " bytes: no object may be that large"};
  auto sealed = sealer_.seal(kind, id_of(keys_, kind, plain), plain);
  auto address = address_of(sealed);
  auto here = has(address);
  if (!here) return here.why();
  if (!*here) put_object(address, sealed, batch);
  return address;
}

result<void> chunk_store::put_sealed(const object_address& expected, byte_view sealed) {
  if (sealed.size() > limits::object_sealed_bytes_max)
    return error{error_code::malformed, "object larger than any object may be"};
  if (address_of(sealed) != expected)
    return error{error_code::tampered, "object does not have the address " + to_short_string(expected) + " that was asked for"};
  auto here = has(expected);
  if (!here) return here.why();
  if (*here) return {};
  auto opened = sealer_.open(sealed); // so that a wrong identifier never enters the dedup index
  if (!opened) return opened.why();
  write_batch batch;
  put_object(expected, sealed, batch);
  if (opened->kind == object_kind::chunk) batch.put(family::meta, dedup_key(opened->id), expected.view());
  return db_.write(batch, durable::no);
}

result<std::optional<byte_string>> chunk_store::get_sealed(const object_address& address) {
  auto sealed = db_.get(family::chunks, address.view());
  bool damaged = !sealed ? sealed.why().code == error_code::tampered : *sealed && address_of(**sealed) != address;
  if (damaged) return drop_damaged(address);
  return sealed;
}

result<std::optional<byte_string>> chunk_store::get_plain(object_kind kind, const object_address& address) {
  auto sealed = db_.get(family::chunks, address.view());
  if (!sealed && sealed.why().code == error_code::tampered) return drop_damaged(address);
  if (!sealed) return sealed.why();
  if (!*sealed) return std::optional<byte_string>{};
  auto opened = sealer_.open(**sealed);
  // looking at the address only now spares every good object a second hash
  if (!opened && address_of(**sealed) != address) return drop_damaged(address);
  if (!opened) return opened.why();
  if (opened->kind != kind) return error{error_code::tampered, "object " + to_short_string(address) + " is of another kind"};
  return std::optional{to_bytes(opened->plain)};
}

/// A disk that returns other bytes than it was given has lost the object: from here on it is absent, so that whoever needs
/// it fetches it from a peer. Returns none.
result<std::optional<byte_string>> chunk_store::drop_damaged(const object_address& address) {
  auto before = db_.get(family::meta, damaged_key(address));
  if (!before) return before.why();
  std::uint8_t times = *before && !(*before)->empty() ? (*before)->front() : 0;
  if (times >= damages_max)
    return error{error_code::io, "object " + to_short_string(address) + " was damaged on this disk " + std::to_string(times)
                                   + " times: replace the disk, or move the agent's home to another"};
  ++times;
  write_batch batch;
  batch.remove(family::chunks, address.view());
  batch.remove(family::meta, presence_key(address));
  batch.put(family::meta, damaged_key(address), byte_view{&times, 1});
  if (auto written = db_.write(batch, durable::no); !written) return written.why();
  return std::optional<byte_string>{};
}

result<bool> chunk_store::is_damaged(const object_address& address) {
  auto marked = db_.contains(family::meta, damaged_key(address));
  if (!marked || !*marked) return marked;
  auto here = has(address); // again
  if (!here) return here;
  return !*here;
}

result<bool> chunk_store::has(const object_address& address) { return db_.contains(family::meta, presence_key(address)); }

result<std::optional<std::uint32_t>> chunk_store::sealed_size(const object_address& address) {
  auto size = db_.get(family::meta, presence_key(address));
  if (!size) return size.why();
  if (!*size || (*size)->size() != 4) return std::optional<std::uint32_t>{};
  return std::optional{read_le<std::uint32_t>((*size)->data())};
}

} // namespace glow::store
