/// Sealing and opening of objects: compress where it shrinks, encrypt, address. Convergent within one namespace:
/// the same plaintext gives the same id on every device, so that nothing is stored or sent twice.
/// Refuses to store or fetch anything.
///
/// Sealed bytes:
///   0      1      2      3        4           8            40            64
///   +------+------+------+--------+-----------+------------+-------------+---------------+----------+
///   | ver 1| kind | flags| zero   | plain size| id         | nonce       | body          | tag      |
///   | 1    | 1    | 1    | 1      | 4, le     | 32         | 24          | ≤ plain size  | 16       |
///   +------+------+------+--------+-----------+------------+-------------+---------------+----------+
///   flags bit 0: body is one zstd frame. The first 64 bytes are authenticated with the body (XChaCha20-Poly1305).
///
/// Why a deterministic nonce is safe here: the key is BLAKE2b(content key, id), hence unique per plaintext; and the
/// nonce is BLAKE2b-192 keyed by it over (flags, body) when compressed, over (flags, id) when not. So one (key, nonce)
/// pair ever encrypts one message only, even if two versions of zstd compress the same plaintext differently.
/// The id stands in the clear: it is a keyed hash and tells an outsider no more than the address does.
#pragma once

#include "runtime/identity/roster.hpp"
#include "runtime/store/address.hpp"
#include "runtime/store/limits.hpp"

#include <memory>

namespace glow::store {

/// What the plaintext is. Part of the id and of the format: never renumber.
enum class object_kind : std::uint8_t {
  chunk = 1,      ///< bytes of a file; compressed where it shrinks
  tree_node = 2,  ///< never compressed: its address must not depend on a version of zstd
  chunk_list = 3, ///< likewise
};

/// Keys of one namespace's store, domain separated from its secret. Wiped when destroyed.
struct namespace_keys {
  std::array<std::uint8_t, 32> id_key{};      ///< of chunk ids
  std::array<std::uint8_t, 32> content_key{}; ///< base of each object's own key
  std::array<std::uint8_t, 32> gear_key{};    ///< of the chunker's gear table

  static namespace_keys derive(const identity::namespace_secret& secret);
  namespace_keys() = default;
  namespace_keys(const namespace_keys&) = default;
  namespace_keys& operator=(const namespace_keys&) = default;
  ~namespace_keys();
};

chunk_id id_of(const namespace_keys& keys, object_kind kind, byte_view plain);

/// One opened object.
struct opened_object {
  object_kind kind = object_kind::chunk;
  chunk_id id;
  byte_view plain; ///< valid until the next call to the same sealer
};

/// Seals and opens with buffers that are used again. One per thread; cheap to keep, dear to make (zstd contexts).
class sealer {
public:
  explicit sealer(const namespace_keys& keys);
  ~sealer();
  sealer(sealer&&) noexcept;
  sealer& operator=(sealer&&) noexcept;

  /// Sealed bytes of `plain`; the view is valid until the next call. `id` is `id_of(keys, kind, plain)`.
  /// Requires: plain.size() <= limits::object_plain_bytes_max.
  byte_view seal(object_kind kind, const chunk_id& id, byte_view plain);

  /// Errors: `malformed` (no sealed object, unknown version, too large), `tampered` (tag or id does not verify: wrong
  /// namespace or altered bytes). Never inflates beyond the bound.
  result<opened_object> open(byte_view sealed);

private:
  struct buffers;
  namespace_keys keys_;
  std::unique_ptr<buffers> buffers_;
};

/// What the cleartext header says, unverified: for peers that hold no key. Errors: `malformed`.
struct sealed_header {
  object_kind kind = object_kind::chunk;
  bool compressed = false;
  std::uint32_t plain_bytes = 0;
  chunk_id id;
};
result<sealed_header> read_sealed_header(byte_view sealed);

} // namespace glow::store
