/// Names of things in the store, and the hash tree that turns sealed bytes into an address.
/// Refuses to know keys or contents: whoever holds the bytes may compute and verify an address.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/limits.hpp"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace glow::store {

/// Keyed BLAKE2b-256 over (kind, plaintext): equal plaintexts of one namespace have equal ids; nobody without the
/// namespace's secret can guess one.
using chunk_id = fixed_bytes<32, struct chunk_id_tag>;
/// Root of the hash tree over sealed bytes. All zero is no object; as the root of a tree it means "no entries".
using object_address = fixed_bytes<32, struct object_address_tag>;
/// BLAKE2b-256 over the signed bytes of a commit and its signature. Text form: base32; a prefix of ≥ 8 characters names it.
using commit_id = fixed_bytes<32, struct commit_id_tag>;

/// Objects that must be fetched from a peer before the question can be answered: an answer, not an error.
/// Put them (`object_store::put_object`) and ask again.
struct missing {
  std::vector<object_address> addresses; ///< ≤ limits::missing_objects_max, without repetitions
  std::optional<node_id> holder{};       ///< the device that wrote what needs them
  bool content = false;                  ///< chunks of files, not nodes of trees
};
/// A `T`, or what is missing to know it, or an error.
template <class T>
using or_missing = result<std::variant<T, missing>>;

/// Hashes of the 16 KiB blocks of sealed bytes, in order. A peer that sends these first (≤ 66 of them) lets the receiver
/// verify every range on its own: `address_of_blocks` must give the address, then each block its own hash.
std::vector<digest> block_hashes(byte_view sealed);
digest block_hash(byte_view block);
/// The hash tree (RFC 6962 shape: leaf prefix 0x00, inner prefix 0x01, left subtree the largest power of two) closed by
/// BLAKE2b-256(0x02, size as le64, top), so that the size is verified as well.
object_address address_of_blocks(std::uint64_t sealed_bytes, const std::vector<digest>& blocks);
object_address address_of(byte_view sealed);

} // namespace glow::store
