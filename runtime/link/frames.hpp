/// The link's own control frames: what a sealed_frame datagram carries once it is opened.
/// Refuses to act on them. Integers are little-endian.
///
///   ping       0   1          5            13            17
///              | 1 | number   | sender's µs | its RTT µs |            RTT 0: not measured; more bytes are padding
///   pong       0   1          5             13               21
///              | 2 | number   | echoed µs   | bytes received |        all sealed bytes the answering side has seen
///   close      0   1      2
///              | 3 | code | text …                                    error_code; UTF-8, at most 300 bytes
///   confirm    | 4 |                                                  "message 3 arrived, you are in"
///   admission  0   1       3       5
///              | 5 | index | count | bytes …
///   admission  0   1       3
///   received   | 6 | index |
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <variant>

namespace glow::link {

struct ping_frame {
  std::uint32_t number = 0;
  std::uint64_t sent_us = 0;
  std::uint32_t rtt_us = 0;
  std::size_t padding_bytes = 0; ///< written, not read
};
struct pong_frame {
  std::uint32_t number = 0;
  std::uint64_t echoed_us = 0;
  std::uint64_t bytes_received = 0;
};
struct close_frame {
  error why;
};
struct confirm_frame {};
struct admission_frame {
  std::uint16_t index = 0;
  std::uint16_t count = 0;
  byte_string bytes;
};
struct admission_received_frame {
  std::uint16_t index = 0;
};
using frame = std::variant<ping_frame, pong_frame, close_frame, confirm_frame, admission_frame, admission_received_frame>;

inline constexpr std::size_t admission_frame_header_bytes = 5;

byte_string encode(const frame& what);
/// Errors: `malformed`; also for kinds that a later version may know, which callers skip.
result<frame> decode_frame(byte_view bytes);

/// A code off the wire; unknown ones become `failed`.
error_code error_code_from(std::uint8_t raw);
/// Printable text of bounded length: what a peer says must not move anybody's terminal.
std::string bounded_text(byte_view bytes);

} // namespace glow::link
