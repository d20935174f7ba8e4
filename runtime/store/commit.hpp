/// A commit: one signed step in the history of a namespace. Readable by every member and by relays that carry it; its tree
/// is sealed. Refuses to decide who may write: the store asks the roster.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/store/address.hpp"
#include "runtime/store/version_vector.hpp"

#include <functional>
#include <string>

namespace glow::store {

using signature = fixed_bytes<64, struct commit_signature_tag>;

/// The device that writes: its node key signs. The store never sees the secret key.
struct author {
  node_id device;
  std::function<signature(byte_view)> sign; ///< Ed25519 over exactly these bytes
};
/// An author from an Ed25519 secret key (libsodium's 64 bytes: seed and public key).
author author_from_secret_key(byte_view secret_key);

struct commit {
  namespace_id in;
  object_address root;            ///< of the whole merged view with this commit's changes; zero: empty
  std::vector<commit_id> parents; ///< every tip that the author knew, ascending
  node_id device;
  std::uint64_t sequence = 0; ///< of this device, 1, 2, …
  version_vector vector;      ///< join of the parents' vectors, with vector[device] = sequence
  wall_time time{};           ///< never before its parents' times
  std::string message;
  bool operator==(const commit&) const = default;
};

/// A commit with its verified or freshly made encoding.
struct signed_commit {
  commit what;
  commit_id id;
  byte_string bytes; ///< Cap'n Proto: the commit's canonical bytes and the signature over them
};

/// Signs "glow commit v1" and the commit's canonical encoding.
signed_commit sign_commit(const commit& what, const author& by);
/// Errors: `malformed` (bounds: limits::commit_*), `tampered` (signature of `device` does not verify).
result<signed_commit> verify_commit(byte_view bytes);
/// Without the signature check: for commits of our own database, which were verified on their way in. Errors: `malformed`.
result<signed_commit> decode_commit(byte_view bytes);

} // namespace glow::store
