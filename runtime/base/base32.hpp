/// Text forms of bytes: base32 (RFC 4648 alphabet, lower case, no padding) for identities, hex for logs.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

namespace glow {

std::string to_base32(byte_view bytes);
/// Errors: `malformed` for characters outside the alphabet or impossible lengths. Upper case is accepted.
result<byte_string> from_base32(std::string_view text);
std::string to_hex(byte_view bytes);
/// Errors: `malformed`.
result<byte_string> from_hex(std::string_view text);

template <std::size_t Size, class Tag>
std::string to_string(const fixed_bytes<Size, Tag>& id) {
  return to_base32(id.view());
}
/// First eight characters: enough for people and logs, never for decisions.
template <std::size_t Size, class Tag>
std::string to_short_string(const fixed_bytes<Size, Tag>& id) {
  return to_base32(id.view()).substr(0, 8);
}

} // namespace glow
