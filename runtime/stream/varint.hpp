/// Variable-length integers of RFC 9000 §16: two bits of the first byte say the length, network byte order.
///
///   first byte  00xxxxxx  1 byte   6 bits        10xxxxxx  4 bytes  30 bits
///               01xxxxxx  2 bytes  14 bits       11xxxxxx  8 bytes  62 bits
#pragma once

#include "runtime/base/bytes.hpp"

#include <cassert>

namespace glow::stream {

inline constexpr std::uint64_t varint_max = (std::uint64_t{1} << 62) - 1;

inline std::size_t varint_bytes(std::uint64_t value) {
  return value < (1u << 6) ? 1 : value < (1u << 14) ? 2 : value < (1u << 30) ? 4 : 8;
}

/// Requires: value ≤ varint_max.
inline void append_varint(byte_string& out, std::uint64_t value) {
  assert(value <= varint_max);
  auto length = varint_bytes(value);
  auto tag = length == 1 ? 0u : length == 2 ? 0x40u : length == 4 ? 0x80u : 0xc0u;
  std::uint8_t raw[8];
  for (std::size_t i = 0; i < length; ++i) raw[i] = static_cast<std::uint8_t>(value >> (8 * (length - 1 - i)));
  raw[0] = static_cast<std::uint8_t>(raw[0] | tag);
  out.insert(out.end(), raw, raw + length);
}

/// Reads one integer at `at` and moves `at` behind it; false, with `at` untouched, when the bytes end before it does.
inline bool read_varint(byte_view from, std::size_t& at, std::uint64_t& value) {
  if (at >= from.size()) return false;
  auto length = std::size_t{1} << (from[at] >> 6);
  if (from.size() - at < length) return false;
  value = from[at] & 0x3fu;
  for (std::size_t i = 1; i < length; ++i) value = value << 8 | from[at + i];
  at += length;
  return true;
}

} // namespace glow::stream
