/// Carries the admission of a new member over a link that may lose: fragments, acknowledgements, reassembly.
/// Refuses to know what an admission says.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/link/frames.hpp"
#include "runtime/link/limits.hpp"

#include <optional>

namespace glow::link {

/// The admitting side: keeps a window of fragments in flight until each is acknowledged.
class admission_sender {
public:
  /// Requires: fragment_bytes > 0; the fragments' number fits 16 bits.
  admission_sender(byte_string admission, std::size_t fragment_bytes, steady_time now);
  /// Frames to send now: new ones within the window, old ones whose acknowledgement is overdue.
  std::vector<frame> due(steady_time now);
  void on_received(std::uint16_t index, steady_time now);
  bool is_done() const { return base_ == count_; }
  /// Nothing was acknowledged for limits::handshake_timeout.
  bool is_stalled(steady_time now) const { return now - progress_at_ >= limits::handshake_timeout; }
  steady_time next_tick() const;

private:
  byte_string admission_;
  std::size_t fragment_bytes_;
  std::size_t count_;
  std::size_t base_ = 0; ///< first fragment without acknowledgement
  std::vector<bool> received_;
  std::vector<steady_time> sent_at_;
  steady_time progress_at_;
};

/// The joining side.
class admission_receiver {
public:
  /// The whole admission once its last fragment is here.
  /// Errors: `malformed` when fragments contradict each other, `exhausted` when they exceed limits::admission_bytes_max.
  result<std::optional<byte_string>> on_fragment(admission_frame fragment);

private:
  std::vector<byte_string> fragments_;
  std::size_t missing_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace glow::link
