/// Byte vocabulary of every room: owned strings of bytes, views of them, fixed-size digests.
/// Refuses to know what the bytes mean.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glow {

using byte_string = std::vector<std::uint8_t>;
using byte_view = std::span<const std::uint8_t>;

inline byte_view as_bytes(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(byte_view bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline byte_string to_bytes(byte_view bytes) { return {bytes.begin(), bytes.end()}; }
inline byte_string to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
inline std::string to_text(byte_view bytes) { return std::string{as_text(bytes)}; }
inline void append(byte_string& out, byte_view more) { out.insert(out.end(), more.begin(), more.end()); }

/// A fixed number of bytes with a meaning (`Tag` keeps two meanings apart): keys, hashes, identifiers.
/// Ordered and hashable, so that it serves as a key.
template <std::size_t Size, class Tag>
struct fixed_bytes {
  static constexpr std::size_t size_bytes = Size;
  std::array<std::uint8_t, Size> value{};

  /// As the bytes' own order. Keys and digests are uniformly distributed: the first word decides nearly always.
  friend std::strong_ordering operator<=>(const fixed_bytes& a, const fixed_bytes& b) {
    if constexpr (Size > sizeof(std::uint64_t))
      if (const auto left = a.first_word(), right = b.first_word(); left != right) return left <=> right;
    return std::memcmp(a.value.data(), b.value.data(), Size) <=> 0;
  }
  friend bool operator==(const fixed_bytes& a, const fixed_bytes& b) {
    if constexpr (Size > sizeof(std::uint64_t))
      if (a.first_word() != b.first_word()) return false;
    return std::memcmp(a.value.data(), b.value.data(), Size) == 0;
  }
  byte_view view() const { return value; }
  std::uint8_t* data() { return value.data(); }
  const std::uint8_t* data() const { return value.data(); }
  bool is_zero() const {
    return std::all_of(value.begin(), value.end(), [](std::uint8_t b) { return b == 0; });
  }
  /// Requires: `bytes.size() == Size`, else the result is all zero.
  static fixed_bytes from(byte_view bytes) {
    fixed_bytes out;
    if (bytes.size() == Size) std::copy(bytes.begin(), bytes.end(), out.value.begin());
    return out;
  }

private:
  std::uint64_t first_word() const {
    std::uint64_t out;
    std::memcpy(&out, value.data(), sizeof out);
    return std::endian::native == std::endian::little ? __builtin_bswap64(out) : out;
  }
};

/// Identity of a node: its Ed25519 public key. Text form: base32, 52 characters.
using node_id = fixed_bytes<32, struct node_id_tag>;
/// Identity of a namespace: its Ed25519 root public key.
using namespace_id = fixed_bytes<32, struct namespace_id_tag>;
/// BLAKE2b-256 of something; rooms derive their own names from it.
using digest = fixed_bytes<32, struct digest_tag>;

/// Little-endian integers, appended and read. Readers require that enough bytes are there.
template <class Int>
void append_le(byte_string& out, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
template <class Int>
Int read_le(const std::uint8_t* from) {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) value = static_cast<Int>(value | (static_cast<Int>(from[i]) << (8 * i)));
  return value;
}

/// Many packets that travel in one message, shared without copying.
/// The sole holder may take the packets out; everybody else reads.
/// Each packet may begin with headroom: bytes that mean nothing yet, or no more, so that a header is put before its content,
/// or taken off, without moving it.
class packet_batch {
public:
  packet_batch() = default;
  explicit packet_batch(std::vector<byte_string> packets, std::size_t headroom = 0)
    : packets_{std::make_shared<std::vector<byte_string>>(std::move(packets))}, headroom_{headroom} {}
  static packet_batch of(byte_string packet) {
    std::vector<byte_string> packets;
    packets.push_back(std::move(packet));
    return packet_batch{std::move(packets)};
  }

  bool empty() const { return !packets_ || packets_->empty(); }
  std::size_t size() const { return packets_ ? packets_->size() : 0; }
  /// Bytes before the content of each packet; no packet is shorter.
  std::size_t headroom() const { return headroom_; }
  /// With their headroom.
  const std::vector<byte_string>& packets() const {
    static const std::vector<byte_string> none;
    return packets_ ? *packets_ : none;
  }
  std::size_t size_bytes() const {
    std::size_t sum = 0;
    for (auto& each : packets()) sum += each.size();
    return sum;
  }
  /// Their contents, valid while the batch is.
  std::vector<byte_view> contents() const {
    std::vector<byte_view> out;
    for (auto& each : packets()) out.push_back(byte_view{each}.subspan(headroom_));
    return out;
  }
  /// Moves the packets out when nobody else holds them, copies otherwise.
  std::vector<byte_string> take_with_headroom() {
    if (!packets_) return {};
    auto held = std::move(packets_);
    return held.use_count() == 1 ? std::move(*held) : *held;
  }
  /// The same, contents alone.
  std::vector<byte_string> take() {
    auto out = take_with_headroom();
    if (headroom_ > 0)
      for (auto& each : out) each.erase(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(headroom_));
    return out;
  }
  /// Keeps `credit` until the last copy of this batch is gone (not the packets: the batch), so that a reader at the
  /// wire knows what still waits in mailboxes.
  void attach(std::shared_ptr<void> credit) { credit_ = std::move(credit); }

private:
  std::shared_ptr<std::vector<byte_string>> packets_;
  std::size_t headroom_ = 0;
  std::shared_ptr<void> credit_;
};

} // namespace glow

template <std::size_t Size, class Tag>
struct std::hash<glow::fixed_bytes<Size, Tag>> {
  std::size_t operator()(const glow::fixed_bytes<Size, Tag>& id) const noexcept {
    std::size_t out; // keys and digests are uniformly distributed: any eight bytes will do
    static_assert(Size >= sizeof out);
    std::memcpy(&out, id.value.data(), sizeof out);
    return out;
  }
};
