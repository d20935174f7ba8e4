/// Frames of the control socket: where one message ends and the next begins. Refuses to know what is in them.
///
///    0        4                 4 + length
///    +--------+----------------------------+
///    | length | Cap'n Proto message        |      length: u32, little-endian, 8 … limits::control_frame_bytes_max
///    +--------+----------------------------+
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/control/limits.hpp"

#include <optional>

namespace glow::control {

/// Requires: `message.size() <= limits::control_frame_bytes_max`.
byte_string frame(byte_view message);

/// Cuts a stream of bytes into frames. Holds one frame and what arrived with it at the most.
class frame_reader {
public:
  /// Appends bytes as they arrived.
  void feed(byte_view bytes);
  /// The next whole frame, nothing while it is incomplete.
  /// Errors: `malformed` when a length is out of bounds; the stream is useless from then on.
  result<std::optional<byte_string>> next();

private:
  byte_string held_;
  std::size_t read_ = 0; ///< bytes of `held_` that were handed out
};

} // namespace glow::control
