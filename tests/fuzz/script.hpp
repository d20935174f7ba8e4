/// Reads an input as a script: what to do next, with which bytes. An input that ends gives zeros, so that every prefix of a
/// script is one. Refuses to know what the steps mean.
#pragma once

#include "runtime/base/bytes.hpp"

namespace glow::fuzz {

class script {
public:
  explicit script(byte_view input) : left_{input} {}

  bool done() const { return left_.empty(); }
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  /// 0 … bound - 1. Requires: 0 < bound ≤ 256.
  std::size_t below(std::size_t bound) { return u8() % bound; }
  /// At most so many bytes.
  byte_view bytes(std::size_t count) {
    auto out = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(out.size());
    return out;
  }
  /// A length of one or two bytes (as 7 bits, or 15 with the top bit set), then so many bytes.
  byte_view counted_bytes() {
    std::size_t count = u8();
    if (count >= 128) count = (count - 128) << 8 | u8();
    return bytes(count);
  }
  byte_view rest() { return bytes(left_.size()); }

private:
  template <class Int>
  Int number() {
    std::uint8_t raw[sizeof(Int)]{};
    auto from = bytes(sizeof(Int));
    std::copy(from.begin(), from.end(), raw);
    return read_le<Int>(raw);
  }
  byte_view left_;
};

/// Appends what script::counted_bytes reads. Requires: fewer than 32768 bytes.
void append_counted(byte_string& out, byte_view bytes);

/// A true message with a few changes that the script says: bits flipped, bytes overwritten, the end cut off or prolonged.
/// It may come out unchanged.
byte_string edited(script& from, byte_view original);

} // namespace glow::fuzz
