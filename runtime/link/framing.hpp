/// Length-prefix framing for reliable byte channels (tcp, unix): datagrams in, bytes out, and back.
/// Refuses to resynchronise: after a malformed length the byte channel is of no use and must be closed.
///
///   0        2                 2+n
///   | length | datagram bytes … |      length: big-endian, 1 … datagram_bytes_max
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace glow::link {

inline constexpr std::size_t frame_header_bytes = 2;

/// Appends the frame of `datagram` to `out`.
/// Errors: `malformed` when the datagram is empty or longer than `limits::frame_bytes_max`; `out` is then unchanged.
result<void> append_frame(byte_string& out, byte_view datagram);

/// The two length bytes that precede a datagram of this size, for gathered writes.
/// Requires: 1 ≤ size ≤ limits::frame_bytes_max.
std::array<std::uint8_t, frame_header_bytes> frame_header(std::size_t size_bytes);

/// Cuts a stream of bytes into datagrams, wherever the reads happened to split it.
/// Holds at most one incomplete datagram.
class frame_cutter {
public:
  explicit frame_cutter(std::size_t datagram_bytes_max = limits::frame_bytes_max) : datagram_bytes_max_{datagram_bytes_max} {}

  /// Appends every datagram completed by `bytes` to `out`.
  /// Errors: `malformed` when a length is zero or beyond the bound: close the channel; later calls fail likewise.
  result<void> feed(byte_view bytes, std::vector<byte_string>& out);
  /// Bytes that wait for the rest of their frame.
  std::size_t waiting_bytes() const { return have_header_ + partial_.size(); }

private:
  std::size_t datagram_bytes_max_;
  std::array<std::uint8_t, frame_header_bytes> header_{};
  std::size_t have_header_ = 0;
  std::size_t wanted_ = 0; ///< length of the datagram at hand, 0 while its header is incomplete
  byte_string partial_;
  bool broken_ = false;
};

} // namespace glow::link
