/// Where a node's private key lies: 32 bytes of seed in a file that nobody but its owner may read.
/// Refuses keys that others could have read: such an identity is worth nothing.
#pragma once

#include "runtime/identity/keys.hpp"

#include <string>

namespace glow::host {

/// Reads the keys, or makes them at the first start (mode 0600, durable before this returns).
/// Errors: `failed` (others can read or write the file, or it is another user's; the message says what to do),
/// `malformed` (not exactly 32 bytes), `io`.
result<identity::node_keys> load_or_create_node_keys(const std::string& path, random_source& random);

} // namespace glow::host
