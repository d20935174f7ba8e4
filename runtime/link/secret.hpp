/// Secret bytes that wipe themselves, every copy when it dies.
#pragma once

#include "runtime/identity/keys.hpp"

namespace glow::link {

template <std::size_t Size>
class secret_bytes {
public:
  secret_bytes() = default;
  /// Requires: `from.size() == Size`.
  explicit secret_bytes(byte_view from) { std::copy_n(from.begin(), Size, value_.begin()); }
  secret_bytes(const secret_bytes&) = default;
  secret_bytes& operator=(const secret_bytes&) = default;
  ~secret_bytes() { identity::wipe(value_); }

  std::uint8_t* data() { return value_.data(); }
  const std::uint8_t* data() const { return value_.data(); }
  static constexpr std::size_t size() { return Size; }
  byte_view view() const { return value_; }

private:
  std::array<std::uint8_t, Size> value_{};
};

/// A ChaCha20-Poly1305 key, an X25519 scalar, a pre-shared key.
using secret_key = secret_bytes<32>;

} // namespace glow::link
