#include "runtime/link/serial_framing.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>

namespace glow::link {
namespace {

constexpr std::uint32_t castagnoli_reversed = 0x82f63b78;
constexpr std::size_t crc_bytes = 4;
/// A code byte says how far away the next zero is; this one that none comes in so many bytes.
constexpr std::uint8_t longest_run = 0xff;
/// Between two zeros: a whole datagram as one piece, stuffed.
constexpr std::size_t stuffed_bytes_max = serial_frame_bytes(limits::serial_datagram_bytes_max) - 2;

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> out{};
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    auto rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = (rest & 1) != 0 ? (rest >> 1) ^ castagnoli_reversed : rest >> 1;
    out[i] = rest;
  }
  return out;
}();

void append_stuffed(byte_string& out, byte_view plain) {
  auto code_at = out.size();
  out.push_back(1);
  for (auto each : plain) {
    if (out[code_at] == longest_run) {
      code_at = out.size();
      out.push_back(1);
    }
    if (each != 0) {
      out.push_back(each);
      ++out[code_at];
    } else {
      code_at = out.size();
      out.push_back(1);
    }
  }
}

/// False when `stuffed` is no stuffing of anything. Requires: it has no zero in it.
bool unstuff(byte_view stuffed, byte_string& out) {
  out.clear();
  while (!stuffed.empty()) {
    auto code = stuffed.front();
    auto run = static_cast<std::size_t>(code - 1);
    stuffed = stuffed.subspan(1);
    if (run > stuffed.size()) return false;
    append(out, stuffed.first(run));
    stuffed = stuffed.subspan(run);
    if (code != longest_run && !stuffed.empty()) out.push_back(0);
  }
  return true;
}

} // namespace

std::uint32_t crc32c(byte_view bytes) {
  std::uint32_t out = 0xffffffff;
  for (auto each : bytes) out = (out >> 8) ^ crc_table[(out ^ each) & 0xff];
  return ~out;
}

std::size_t serial_piece_bytes_for(std::size_t bytes_per_second) {
  auto frame_bytes = bytes_per_second * static_cast<std::size_t>(limits::serial_frame_time / 1ms) / 1000;
  auto overhead = serial_frame_bytes(frame_bytes) - frame_bytes;
  auto piece = frame_bytes - std::min(frame_bytes, overhead);
  return std::clamp(piece, limits::serial_piece_bytes_min, limits::serial_datagram_bytes_max);
}

std::vector<byte_string> serial_frames(byte_view datagram, std::uint32_t number, std::size_t piece_bytes_max) {
  assert(piece_bytes_max >= limits::serial_piece_bytes_min && piece_bytes_max <= limits::serial_datagram_bytes_max);
  std::vector<byte_string> out;
  if (datagram.empty() || datagram.size() > limits::serial_datagram_bytes_max) return out;
  byte_string plain;
  for (std::size_t index = 0; !datagram.empty(); ++index) {
    auto piece = datagram.first(std::min(datagram.size(), piece_bytes_max));
    datagram = datagram.subspan(piece.size());
    plain.clear();
    plain.push_back(static_cast<std::uint8_t>((datagram.empty() ? 0x80 : 0) | (number % 8) << 4 | index));
    append(plain, piece);
    append_le(plain, crc32c(plain));
    auto& frame = out.emplace_back();
    frame.reserve(serial_frame_bytes(piece.size()));
    frame.push_back(0);
    append_stuffed(frame, plain);
    frame.push_back(0);
  }
  return out;
}

void serial_receiver::feed(byte_view bytes, std::vector<byte_string>& out) {
  while (!bytes.empty()) {
    auto zero = std::find(bytes.begin(), bytes.end(), 0);
    auto run = bytes.first(static_cast<std::size_t>(zero - bytes.begin()));
    if (!skipping_ && frame_.size() + run.size() > stuffed_bytes_max) {
      skipping_ = true;
      frame_ = {};
    }
    if (!skipping_) append(frame_, run);
    if (zero == bytes.end()) return;
    bytes = bytes.subspan(run.size() + 1);
    if (skipping_)
      ++rejected_;
    else if (!frame_.empty())
      on_frame(out);
    skipping_ = false;
    frame_.clear();
  }
}

void serial_receiver::on_frame(std::vector<byte_string>& out) {
  byte_string plain;
  if (!unstuff(frame_, plain) || plain.size() < 1 + 1 + crc_bytes) {
    ++rejected_;
    return;
  }
  byte_view covered{plain.data(), plain.size() - crc_bytes};
  byte_string crc;
  append_le(crc, crc32c(covered));
  if (!std::equal(crc.begin(), crc.end(), plain.end() - crc_bytes)) {
    ++rejected_;
    return;
  }
  on_piece(plain.front(), covered.subspan(1), out);
}

void serial_receiver::on_piece(std::uint8_t part, byte_view bytes, std::vector<byte_string>& out) {
  bool is_last = (part & 0x80) != 0;
  std::uint8_t number = (part >> 4) & 7;
  std::size_t index = part & 15;
  if (index == 0 && is_last) { // a whole datagram; one in pieces may go on after it
    if (bytes.size() <= limits::serial_datagram_bytes_max) out.push_back(to_bytes(bytes));
    return;
  }
  if (index == 0) {
    if (next_ != 0) ++rejected_;
    datagram_.clear();
    number_ = number;
  } else if (index != next_ || number != number_) {
    ++rejected_;
    return;
  }
  if (datagram_.size() + bytes.size() > limits::serial_datagram_bytes_max) {
    ++rejected_;
    datagram_ = {};
    next_ = 0;
    return;
  }
  append(datagram_, bytes);
  next_ = index + 1;
  if (!is_last) return;
  out.push_back(std::move(datagram_));
  datagram_ = {};
  next_ = 0;
}

} // namespace glow::link
