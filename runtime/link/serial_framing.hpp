/// Framing for serial lines, which lose bytes, change bytes and make bytes up: datagrams in, frames out, and back.
/// A frame stands alone: whatever noise comes before it or after it, it is read if its own bytes arrived whole. Byte stuffing
/// keeps zero bytes for the ends of frames (COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999).
/// Long datagrams are cut into pieces, one frame each, so that a short datagram need not wait for a long one.
/// These bytes are the medium's, as IP and UDP headers are udp's: no budget of a packet's overhead counts them.
/// Refuses to repeat what was lost, and to be a proof against forgers: links seal what they send.
///
///   | 0 | COBS of: | part | bytes of the datagram … | CRC-32C, little-endian (4) |  | 0 |
///   part: | last piece (1 bit) | number of the datagram, modulo 8 (3) | index of the piece (4) |
///   the CRC (RFC 3720, appendix B.4) covers part and bytes
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/link/limits.hpp"

#include <vector>

namespace glow::link {

/// CRC-32C (Castagnoli) of `bytes`.
std::uint32_t crc32c(byte_view bytes);

/// Bytes of one frame besides the piece that it carries: two zeros, part, CRC, one byte of stuffing in each 254.
inline constexpr std::size_t serial_frame_overhead_bytes = 2 + 1 + 4;
inline constexpr std::size_t serial_frame_bytes(std::size_t piece_bytes) {
  return piece_bytes + serial_frame_overhead_bytes + (piece_bytes + 5) / 254 + 1;
}
/// Longest piece whose frame takes limits::serial_frame_time at so many bytes a second, within the bounds of limits.hpp.
std::size_t serial_piece_bytes_for(std::size_t bytes_per_second);

/// The frames of `datagram`, in the order in which they are to be sent. `number`: counts the datagrams of this line.
/// Empty when the datagram is empty or longer than limits::serial_datagram_bytes_max.
/// Requires: limits::serial_piece_bytes_min ≤ piece_bytes_max ≤ limits::serial_datagram_bytes_max.
std::vector<byte_string> serial_frames(byte_view datagram, std::uint32_t number, std::size_t piece_bytes_max);

/// Finds the datagrams in what a serial line brought. Holds at most one frame and one datagram.
class serial_receiver {
public:
  /// Appends every datagram completed by `bytes` to `out`. Everything else is noise, counted and forgotten.
  void feed(byte_view bytes, std::vector<byte_string>& out);
  /// Runs of bytes between two zeros that were no frame, and frames of datagrams that lack another piece.
  std::uint64_t rejected() const { return rejected_; }
  std::size_t waiting_bytes() const { return frame_.size() + datagram_.size(); }

private:
  void on_frame(std::vector<byte_string>& out);
  void on_piece(std::uint8_t part, byte_view bytes, std::vector<byte_string>& out);

  byte_string frame_;       ///< since the last zero, still stuffed
  bool skipping_ = false;   ///< longer than any frame: noise up to the next zero
  byte_string datagram_;    ///< pieces so far
  std::size_t next_ = 0;    ///< index of the piece that is awaited; 0: none
  std::uint8_t number_ = 0; ///< of the datagram at hand
  std::uint64_t rejected_ = 0;
};

} // namespace glow::link
