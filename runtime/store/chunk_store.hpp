/// Objects in the database: put, get, has. Holds nothing but scratch buffers, so that a worker thread may have its own
/// over the same database (one per thread), while the store's actor commits.
/// Refuses to know trees and commits.
///
/// Keys:  chunks  address                  → sealed bytes
///        meta    'o' address              → sealed size, le32      presence without reading the value
///        meta    'i' id                   → address                dedup: an id that is here need not be sealed again
///        meta    'r' address              → how often, one byte    its bytes rotted on this disk
#pragma once

#include "runtime/store/chunk.hpp"
#include "runtime/store/database.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/tree_entry.hpp"

namespace glow::store {

class chunk_store {
public:
  chunk_store(database& db, const namespace_keys& keys) : db_{db}, keys_{keys}, sealer_{keys} {}

  /// Adds a chunk of a file to `batch` unless it is here already; the reference is good once the batch is written.
  /// Not durable until the commit is. Requires: plain.size() <= limits::object_plain_bytes_max.
  result<chunk_ref> put_chunk(byte_view plain, write_batch& batch);
  /// Likewise for nodes and chunk lists.
  result<object_address> put_plain(object_kind kind, byte_view plain, write_batch& batch);

  /// Stores sealed bytes from a peer after checking that they have this address (and, opened, are what they claim).
  /// Errors: `tampered`, `malformed`, those of the database.
  result<void> put_sealed(const object_address& expected, byte_view sealed);

  /// Sealed bytes, as peers get them: they have this address. None: not here, or no longer, because the disk has damaged them.
  result<std::optional<byte_string>> get_sealed(const object_address& address);
  /// Opened bytes. None: not here (or damaged). Errors: `tampered` when it is not of the expected kind, too.
  result<std::optional<byte_string>> get_plain(object_kind kind, const object_address& address);
  result<bool> has(const object_address& address);
  /// It was here once, and the disk has damaged it: a copy from a peer is the cure.
  result<bool> is_damaged(const object_address& address);
  /// Sealed size. None: not here.
  result<std::optional<std::uint32_t>> sealed_size(const object_address& address);

  database& db() { return db_; }
  const namespace_keys& keys() const { return keys_; }

private:
  result<std::optional<byte_string>> drop_damaged(const object_address& address);

  database& db_;
  namespace_keys keys_;
  sealer sealer_;
};

} // namespace glow::store
