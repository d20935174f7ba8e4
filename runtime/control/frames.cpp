#include "runtime/control/frames.hpp"

#include "runtime/control/limits.hpp"

namespace glow::control {
namespace {
constexpr std::size_t length_bytes = 4;
constexpr std::size_t message_bytes_min = 8; // one word: shorter ones are no Cap'n Proto
} // namespace

byte_string frame(byte_view message) {
  byte_string out;
  out.reserve(length_bytes + message.size());
  append_le(out, static_cast<std::uint32_t>(message.size()));
  append(out, message);
  return out;
}

void frame_reader::feed(byte_view bytes) {
  if (read_ == held_.size()) {
    held_.clear();
    read_ = 0;
  } else if (read_ > limits::control_frame_bytes_max) { // moving what is left costs less than keeping what was read
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(read_));
    read_ = 0;
  }
  append(held_, bytes);
}

result<std::optional<byte_string>> frame_reader::next() {
  auto left = byte_view{held_}.subspan(read_);
  if (left.size() < length_bytes) return std::optional<byte_string>{};
  auto length = read_le<std::uint32_t>(left.data());
  if (length < message_bytes_min || length > limits::control_frame_bytes_max)
    return {error_code::malformed, "control frame of " + std::to_string(length) + " bytes is outside the bounds"};
  if (left.size() < length_bytes + length) return std::optional<byte_string>{};
  read_ += length_bytes + length;
  return std::optional{to_bytes(left.subspan(length_bytes, length))};
}

} // namespace glow::control
