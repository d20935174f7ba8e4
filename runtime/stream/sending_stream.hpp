/// One direction of a stream at its sender: bytes that were written and not acknowledged yet, and which of them leave next.
/// Refuses to know packets, other streams, and how much credit all of them have together.
///
///   0 ─ acknowledged ─ base_ ── under way, lost ── fresh_ ── never sent ── written_     limit_: how far the receiver allows
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/stream/limits.hpp"
#include "runtime/stream/range_set.hpp"

#include <limits>

namespace glow::stream {

class sending_stream {
public:
  /// What one frame carries.
  struct piece {
    std::uint64_t offset = 0;
    std::size_t length = 0;
    bool end = false;   ///< the direction ends behind it
    bool fresh = false; ///< never sent before: costs credit
  };

  /// Requires: !ended().
  void write(byte_string bytes);
  /// Nothing follows any more.
  void end() { ended_ = true; }
  bool ended() const { return ended_; }

  /// Something was lost, or the bare end is due: it may leave without credit.
  bool has_lost() const { return !lost_.empty() || end_lost_ || (ended_ && !end_sent_ && fresh_ == written_); }
  /// Bytes that were never sent and that the receiver takes.
  bool has_fresh() const { return fresh_ < std::min(written_, limit_); }
  /// Bytes that were never sent and may be.
  std::uint64_t fresh_bytes() const { return std::min(written_, limit_) - std::min({fresh_, written_, limit_}); }
  /// The next piece of at most `length_max` bytes, lost ones first, fresh ones up to `credit`. False: nothing may leave.
  bool next(std::size_t length_max, std::uint64_t credit, piece& out) const;
  /// Appends the piece's bytes and books it as under way.
  void take(const piece& what, byte_string& out);

  void on_acknowledged(std::uint64_t offset, std::uint64_t length, bool end);
  void on_lost(std::uint64_t offset, std::uint64_t length, bool end);
  /// For a receiver that knows nothing of it: all is fresh again. Requires: nothing was acknowledged.
  void begin_anew();
  void raise_limit(std::uint64_t limit) { limit_ = std::max(limit_, limit); }

  bool is_delivered() const { return end_acknowledged_ && base_ == written_; }
  std::uint64_t written() const { return written_; }
  std::uint64_t sent_to() const { return fresh_; }
  std::uint64_t acknowledged_to() const { return base_; }
  std::size_t held_bytes() const { return static_cast<std::size_t>(written_ - base_); }
  /// Nobody wants the bytes any more.
  void drop();

private:
  struct chunk {
    std::uint64_t begin = 0;
    byte_string bytes;
  };
  void append_bytes(std::uint64_t begin, std::size_t length, byte_string& out) const;
  void release();

  std::vector<chunk> chunks_; ///< from first_ on
  std::size_t first_ = 0;
  range_set acknowledged_; ///< beyond base_
  range_set lost_;
  std::uint64_t base_ = 0;
  std::uint64_t fresh_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t limit_ = limits::stream_window_initial;
  bool ended_ = false;
  bool end_sent_ = false;
  bool end_lost_ = false;
  bool end_acknowledged_ = false;
};

} // namespace glow::stream
