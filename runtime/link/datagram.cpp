#include "runtime/link/datagram.hpp"

#include "runtime/link/limits.hpp"
#include "runtime/link/sealing.hpp"

namespace glow::link {
namespace {

constexpr std::uint8_t cookie_flag = 1;
constexpr std::size_t sealed_bytes_min = 25;
constexpr std::size_t sealed_head_bytes_min = sealed_bytes_min + sealed_head_bytes;
constexpr std::size_t sealed_label_bytes_min = sealed_bytes_min + sealed_label_bytes;
constexpr std::size_t compact_bytes_min = 1 + 8 + 1;
constexpr std::uint8_t compact_bit = 0x80;
constexpr std::size_t piece_bytes_min = 12;

error cut_short() { return {error_code::malformed, "datagram is cut short"}; }

/// Noise part of a handshake message: at least one key, at most what a datagram of a handshake holds.
bool is_plausible(byte_view noise) { return noise.size() >= 32 && noise.size() <= limits::handshake_bytes_max; }

byte_string start(datagram_type type) { return {static_cast<std::uint8_t>(type)}; }

} // namespace

std::optional<datagram_type> type_of(byte_view datagram) {
  if (datagram.empty() || datagram.size() > limits::frame_bytes_max) return std::nullopt;
  if ((datagram[0] & compact_bit) != 0)
    return datagram.size() >= compact_bytes_min ? std::optional{datagram_type::compact_packet} : std::nullopt;
  auto type = static_cast<datagram_type>(datagram[0]);
  switch (type) {
  case datagram_type::handshake_1: return datagram.size() >= 7 + 32 ? std::optional{type} : std::nullopt;
  case datagram_type::handshake_2: return datagram.size() >= 9 + 32 ? std::optional{type} : std::nullopt;
  case datagram_type::handshake_3: return datagram.size() >= 5 + 32 ? std::optional{type} : std::nullopt;
  case datagram_type::cookie_reply: return datagram.size() >= 5 + 16 ? std::optional{type} : std::nullopt;
  case datagram_type::sealed_packet:
  case datagram_type::sealed_frame: return datagram.size() >= sealed_bytes_min ? std::optional{type} : std::nullopt;
  case datagram_type::sealed_head: return datagram.size() >= sealed_head_bytes_min ? std::optional{type} : std::nullopt;
  case datagram_type::sealed_label: return datagram.size() >= sealed_label_bytes_min ? std::optional{type} : std::nullopt;
  case datagram_type::compact_packet: break; // its first bit said so already
  case datagram_type::piece_of_packet:
  case datagram_type::piece_of_head:
  case datagram_type::piece_of_label:
  case datagram_type::piece_of_frame: return datagram.size() >= piece_bytes_min ? std::optional{type} : std::nullopt;
  }
  return std::nullopt;
}

std::vector<byte_view> datagrams_of(byte_view run, std::size_t datagram_bytes) {
  if (datagram_bytes == 0 || run.size() <= datagram_bytes) return {run};
  std::vector<byte_view> out;
  out.reserve(run.size() / datagram_bytes + 1);
  for (; !run.empty(); run = run.subspan(out.back().size())) out.push_back(run.first(std::min(datagram_bytes, run.size())));
  return out;
}

std::uint32_t receiver_index_of(byte_view datagram) { return read_le<std::uint32_t>(datagram.data() + 1); }

byte_string encode(const handshake_1& message) {
  auto out = start(datagram_type::handshake_1);
  out.push_back(static_cast<std::uint8_t>(message.pattern));
  out.push_back(message.echoed ? cookie_flag : std::uint8_t{0});
  append_le(out, message.sender);
  if (message.ticket_id) append(out, message.ticket_id->view());
  if (message.echoed) append(out, message.echoed->view());
  append(out, message.noise);
  return out;
}

byte_string encode(const handshake_2& message) {
  auto out = start(datagram_type::handshake_2);
  append_le(out, message.receiver);
  append_le(out, message.sender);
  append(out, message.noise);
  return out;
}

byte_string encode(const handshake_3& message) {
  auto out = start(datagram_type::handshake_3);
  append_le(out, message.receiver);
  append(out, message.noise);
  return out;
}

byte_string encode(const cookie_reply& message) {
  auto out = start(datagram_type::cookie_reply);
  append_le(out, message.receiver);
  append(out, message.value.view());
  return out;
}

result<handshake_1> decode_handshake_1(byte_view datagram) {
  if (type_of(datagram) != datagram_type::handshake_1) return cut_short();
  handshake_1 out;
  if (datagram[1] < 1 || datagram[1] > 3) return {error_code::malformed, "handshake names no pattern known here"};
  out.pattern = static_cast<pattern_code>(datagram[1]);
  auto flags = datagram[2];
  out.sender = read_le<std::uint32_t>(datagram.data() + 3);
  if (out.sender == 0) return {error_code::malformed, "handshake has no session index"};
  auto rest = datagram.subspan(7);
  if (out.pattern == pattern_code::xxpsk3) {
    if (rest.size() < digest::size_bytes) return cut_short();
    out.ticket_id = digest::from(rest.first(digest::size_bytes));
    rest = rest.subspan(digest::size_bytes);
  }
  if ((flags & cookie_flag) != 0) {
    if (rest.size() < cookie::size_bytes) return cut_short();
    out.echoed = cookie::from(rest.first(cookie::size_bytes));
    rest = rest.subspan(cookie::size_bytes);
  }
  // what the first tokens of each pattern take: e | e, s with tag, tag | e, tag
  static constexpr std::size_t noise_bytes_min[] = {0, 32, 96, 48};
  if (!is_plausible(rest) || rest.size() < noise_bytes_min[datagram[1]]) return cut_short();
  out.noise = rest;
  return out;
}

result<handshake_2> decode_handshake_2(byte_view datagram) {
  if (type_of(datagram) != datagram_type::handshake_2) return cut_short();
  handshake_2 out{receiver_index_of(datagram), read_le<std::uint32_t>(datagram.data() + 5), datagram.subspan(9)};
  if (out.sender == 0 || !is_plausible(out.noise)) return {error_code::malformed, "handshake message 2 is malformed"};
  return out;
}

result<handshake_3> decode_handshake_3(byte_view datagram) {
  if (type_of(datagram) != datagram_type::handshake_3) return cut_short();
  handshake_3 out{receiver_index_of(datagram), datagram.subspan(5)};
  if (!is_plausible(out.noise)) return {error_code::malformed, "handshake message 3 is malformed"};
  return out;
}

result<cookie_reply> decode_cookie_reply(byte_view datagram) {
  if (type_of(datagram) != datagram_type::cookie_reply) return cut_short();
  return cookie_reply{receiver_index_of(datagram), cookie::from(datagram.subspan(5, cookie::size_bytes))};
}

} // namespace glow::link
