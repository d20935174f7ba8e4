#include "runtime/link/framing.hpp"

#include "runtime/base/limits.hpp"

namespace glow::link {

std::array<std::uint8_t, frame_header_bytes> frame_header(std::size_t size_bytes) {
  return {static_cast<std::uint8_t>(size_bytes >> 8), static_cast<std::uint8_t>(size_bytes)};
}

result<void> append_frame(byte_string& out, byte_view datagram) {
  if (datagram.empty()) return {error_code::malformed, "an empty datagram cannot be framed"};
  if (datagram.size() > limits::frame_bytes_max)
    return {error_code::malformed, "a datagram of " + std::to_string(datagram.size()) + " bytes does not fit one frame"};
  append(out, frame_header(datagram.size()));
  append(out, datagram);
  return {};
}

result<void> frame_cutter::feed(byte_view bytes, std::vector<byte_string>& out) {
  if (broken_) return {error_code::malformed, "byte channel lost its framing earlier"};
  while (!bytes.empty()) {
    if (wanted_ == 0) {
      header_[have_header_++] = bytes.front();
      bytes = bytes.subspan(1);
      if (have_header_ < frame_header_bytes) continue;
      wanted_ = static_cast<std::size_t>(header_[0]) << 8 | header_[1];
      if (wanted_ == 0 || wanted_ > datagram_bytes_max_) {
        broken_ = true;
        return {error_code::malformed, "frame of " + std::to_string(wanted_) + " bytes on a byte channel (1 to "
                                         + std::to_string(datagram_bytes_max_) + " are allowed)"};
      }
      // no reserve from the length alone: a stranger must send the bytes before they cost memory
      continue;
    }
    auto part = bytes.first(std::min(bytes.size(), wanted_ - partial_.size()));
    append(partial_, part);
    bytes = bytes.subspan(part.size());
    if (partial_.size() < wanted_) break;
    out.push_back(std::move(partial_));
    partial_ = {};
    wanted_ = have_header_ = 0;
  }
  return {};
}

} // namespace glow::link
