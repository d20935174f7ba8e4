/// What two stores say to each other, as bytes (schema/store_sync.capnp) and as values. Bounds everything that comes in.
/// Refuses to verify commits and objects: their receivers do.
#pragma once

#include "runtime/store/commit.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

/// Request and answer of store_heads.
struct heads_message {
  store::version_vector vector{};     ///< what the sender holds: all, or what it did not say before
  std::vector<byte_string> commits{}; ///< signed, which the receiver lacks, parents first
  bool whole = true;
  std::uint64_t digest = 0; ///< of all that the sender holds
  std::uint64_t known = 0;  ///< of what the sender knows of the receiver's vector
  bool asks_whole = false;  ///< that was not what the receiver's digest said
};
byte_string encode_heads(const heads_message& message);
/// Errors: `malformed`.
result<heads_message> decode_heads(byte_view bytes);

/// Request of store_fetch.
byte_string encode_fetch(const std::vector<store::object_address>& addresses);
/// Errors: `malformed`, also beyond limits::fetch_addresses_max.
result<std::vector<store::object_address>> decode_fetch(byte_view bytes);

/// Answer of store_fetch.
struct fetched_message {
  std::vector<byte_string> objects; ///< sealed; whoever receives them computes their addresses
  std::vector<store::object_address> absent;
};
byte_string encode_fetched(const fetched_message& message);
/// Errors: `malformed`.
result<fetched_message> decode_fetched(byte_view bytes);

} // namespace glow
