#include "runtime/link/records.hpp"

#include <bit>
#include <utility>

namespace glow::link {
namespace {

constexpr std::uint8_t pieces_offset = 2; ///< of type 7 from 5, 8 from 6, 11 from 9 and 12 from 10
static_assert(static_cast<int>(datagram_type::piece_of_packet) == static_cast<int>(datagram_type::sealed_packet) + pieces_offset);
static_assert(static_cast<int>(datagram_type::piece_of_frame) == static_cast<int>(datagram_type::sealed_frame) + pieces_offset);
static_assert(static_cast<int>(datagram_type::piece_of_head) == static_cast<int>(datagram_type::sealed_head) + pieces_offset);
static_assert(static_cast<int>(datagram_type::piece_of_label) == static_cast<int>(datagram_type::sealed_label) + pieces_offset);
static_assert(limits::record_pieces_max <= 64, "a bit for each");

} // namespace

std::size_t record_pieces_max(std::size_t datagram_bytes_max) {
  if (datagram_bytes_max < limits::link_datagram_bytes_min) return 0;
  auto pieces = std::min(limits::record_body_bytes_max / (datagram_bytes_max - piece_header_bytes), limits::record_pieces_max);
  return pieces >= limits::record_pieces_min ? pieces : 0;
}

std::size_t record_packet_bytes_max(std::size_t datagram_bytes_max) {
  auto pieces = record_pieces_max(datagram_bytes_max);
  return pieces == 0 ? 0 : pieces * (datagram_bytes_max - piece_header_bytes) - sealed_tag_bytes;
}

byte_string cut_record(byte_view sealed, std::size_t datagram_bytes_max) {
  auto header = sealed.first(sealed_header_bytes);
  auto body = sealed.subspan(sealed_header_bytes);
  auto piece_bytes = datagram_bytes_max - piece_header_bytes;
  auto count = (body.size() + piece_bytes - 1) / piece_bytes;
  byte_string run;
  run.reserve(body.size() + count * piece_header_bytes);
  for (std::size_t index = 0; index < count; ++index) {
    auto type_at = run.size();
    append(run, header);
    run[type_at] = static_cast<std::uint8_t>(run[type_at] + pieces_offset);
    run.push_back(static_cast<std::uint8_t>(index));
    run.push_back(static_cast<std::uint8_t>(count));
    append(run, body.subspan(index * piece_bytes, std::min(piece_bytes, body.size() - index * piece_bytes)));
  }
  return run;
}

record_joiner::record& record_joiner::record_of(byte_view piece, std::uint8_t count) {
  // the newest is nearly always the one
  for (auto it = under_way_.rbegin(); it != under_way_.rend(); ++it)
    if (it->count == count && std::equal(it->header.begin(), it->header.end(), piece.begin())) return *it;
  if (under_way_.size() >= limits::records_under_way_max) under_way_.erase(under_way_.begin());
  auto& made = under_way_.emplace_back();
  std::copy_n(piece.begin(), made.header.size(), made.header.begin());
  made.count = count;
  return made;
}

void record_joiner::settle_length(record& one, std::size_t piece_bytes) {
  one.piece_bytes = piece_bytes;
  auto last = std::exchange(one.bytes, {});
  one.bytes.reserve(sealed_header_bytes + one.count * piece_bytes);
  append(one.bytes, one.header);
  one.bytes[0] = static_cast<std::uint8_t>(one.bytes[0] - pieces_offset);
  if (last.empty()) return;
  one.bytes.resize(sealed_header_bytes + (one.count - 1u) * piece_bytes);
  append(one.bytes, last);
}

std::optional<byte_string> record_joiner::on_piece(byte_view piece, steady_time now) {
  if (piece.size() <= piece_header_bytes) return std::nullopt;
  const std::size_t index = piece[sealed_header_bytes];
  const auto count = piece[sealed_header_bytes + 1];
  const auto bytes = piece.subspan(piece_header_bytes);
  const bool is_last = index + 1 == count;
  if (count < 2 || count > limits::record_pieces_max || index >= count) return std::nullopt;
  if (count * bytes.size() > limits::record_body_bytes_max) return std::nullopt; // the last one is no longer than the others
  auto& one = record_of(piece, count);
  const auto bit = std::uint64_t{1} << index;
  if ((one.got & bit) != 0) return std::nullopt;
  if (one.piece_bytes == 0 && !is_last) {
    if (one.bytes.size() > bytes.size()) return std::nullopt; // the last one had come, and is longer: one of them is forged
    settle_length(one, bytes.size());
  }
  if (is_last ? one.piece_bytes != 0 && bytes.size() > one.piece_bytes : bytes.size() != one.piece_bytes) return std::nullopt;
  one.touched_at = now;
  one.got |= bit;
  const auto at = one.piece_bytes == 0 ? 0 : sealed_header_bytes + index * one.piece_bytes;
  if (at == one.bytes.size()) { // in order, as nearly always: nothing is written twice
    append(one.bytes, bytes);
  } else {
    if (one.bytes.size() < at + bytes.size()) one.bytes.resize(at + bytes.size());
    std::copy(bytes.begin(), bytes.end(), one.bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (std::popcount(one.got) != count) return std::nullopt;
  auto whole = std::move(one.bytes);
  under_way_.erase(under_way_.begin() + (&one - under_way_.data()));
  return whole;
}

void record_joiner::forget_stale(steady_time now) {
  std::erase_if(under_way_, [&](auto& each) { return now - each.touched_at >= limits::record_life; });
}

std::size_t record_joiner::bytes_held() const {
  std::size_t sum = 0;
  for (auto& each : under_way_) sum += each.bytes.capacity();
  return sum;
}

} // namespace glow::link
