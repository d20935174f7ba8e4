#include "runtime/link/records.hpp"

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
  made.bytes.reserve(sealed_header_bytes + count * piece_bytes_);
  append(made.bytes, made.header);
  made.bytes[0] = static_cast<std::uint8_t>(made.bytes[0] - pieces_offset);
  return made;
}

std::optional<byte_string> record_joiner::on_piece(byte_view piece, steady_time now) {
  if (piece.size() <= piece_header_bytes) return std::nullopt;
  auto index = piece[sealed_header_bytes];
  auto count = piece[sealed_header_bytes + 1];
  auto bytes = piece.subspan(piece_header_bytes);
  bool last = index + 1 == count;
  if (count < 2 || count > pieces_max_ || index >= count || bytes.size() > piece_bytes_) return std::nullopt;
  if (!last && bytes.size() != piece_bytes_) return std::nullopt;
  auto& one = record_of(piece, count);
  one.touched_at = now;
  auto bit = std::uint64_t{1} << index;
  if ((one.got & bit) != 0) return std::nullopt;
  one.got |= bit;
  auto at = sealed_header_bytes + index * piece_bytes_;
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
