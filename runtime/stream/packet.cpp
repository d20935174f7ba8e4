#include "runtime/stream/packet.hpp"

#include "runtime/stream/limits.hpp"
#include "runtime/stream/varint.hpp"

namespace glow::stream {
namespace {

enum frame_type : std::uint8_t {
  type_padding = 0x00,
  type_ping = 0x01,
  type_ack = 0x02,
  type_reset = 0x03,
  type_cancel = 0x04,
  type_message = 0x08,
  type_stream = 0x10,
  type_window = 0x14,
  type_close = 0x18,
  type_credit = 0x1c,
};
constexpr std::uint8_t flag_end = 0x01;
constexpr std::uint8_t flag_mine = 0x02;

std::uint8_t flagged(std::uint8_t type, bool mine, bool end = false) {
  return static_cast<std::uint8_t>(type | (mine ? flag_mine : 0) | (end ? flag_end : 0));
}

} // namespace

void append_header(byte_string& out, const packet_header& header) {
  out.push_back(static_cast<std::uint8_t>(packet_version << 4 | static_cast<unsigned>(header.lane)));
  append_le(out, header.own_epoch);
  append_le(out, header.peer_epoch);
  append_le(out, header.number);
}

void append_ping(byte_string& out) { out.push_back(type_ping); }

void append_ack(byte_string& out, const ack_frame& ack) {
  out.push_back(type_ack);
  append_le(out, ack.spans[0].to);
  append_varint(out, ack.delay_us);
  append_varint(out, ack.count - 1);
  append_varint(out, std::uint32_t(ack.spans[0].to - ack.spans[0].from) + 1ULL);
  for (std::size_t i = 1; i < ack.count; ++i) {
    append_varint(out, std::uint32_t(ack.spans[i - 1].from - ack.spans[i].to - 1));
    append_varint(out, std::uint32_t(ack.spans[i].to - ack.spans[i].from) + 1ULL);
  }
}

void append_reset(byte_string& out, const reset_frame& reset) {
  out.push_back(type_reset);
  append_le(out, reset.unknown_epoch);
}

void append_cancel(byte_string& out, const cancel_frame& cancel) {
  out.push_back(type_cancel);
  append_varint(out, cancel.id);
}

std::size_t message_head_bytes(const message_frame& message, std::size_t length) {
  return 1 + varint_bytes(message.id) + varint_bytes(message.code) + varint_bytes(message.timeout_ms)
         + varint_bytes(message.total) + varint_bytes(message.offset) + varint_bytes(length);
}

void append_message(byte_string& out, const message_frame& message) {
  out.push_back(static_cast<std::uint8_t>(type_message + static_cast<unsigned>(message.kind)));
  append_varint(out, message.id);
  append_varint(out, message.code);
  append_varint(out, message.timeout_ms);
  append_varint(out, message.total);
  append_varint(out, message.offset);
  append_varint(out, message.bytes.size());
  append(out, message.bytes);
}

std::size_t stream_head_bytes(std::uint64_t id, std::uint64_t offset, std::size_t length) {
  return 1 + varint_bytes(id) + varint_bytes(offset) + varint_bytes(length);
}

void append_stream_head(byte_string& out, const stream_frame& piece, std::size_t length) {
  out.push_back(flagged(type_stream, piece.mine, piece.end));
  append_varint(out, piece.id);
  append_varint(out, piece.offset);
  append_varint(out, length);
}

void append_window(byte_string& out, const window_frame& window) {
  out.push_back(flagged(type_window, window.mine));
  append_varint(out, window.id);
  append_varint(out, window.limit);
}

void append_close(byte_string& out, const close_frame& close) {
  out.push_back(flagged(type_close, close.mine));
  append_varint(out, close.id);
  append_varint(out, close.code);
  append_varint(out, close.final_size);
  append_varint(out, close.text.size());
  append(out, close.text);
}

std::size_t close_bytes(const close_frame& close) {
  return 1 + varint_bytes(close.id) + varint_bytes(close.code) + varint_bytes(close.final_size) + varint_bytes(close.text.size())
         + close.text.size();
}

void append_credit(byte_string& out, const credit_frame& credit) {
  out.push_back(type_credit);
  append_varint(out, credit.limit);
}

result<packet_header> check_packet(byte_view packet) {
  if (packet.size() < packet_header_bytes) return error{error_code::malformed, "conversation packet is shorter than its header"};
  if (packet[0] >> 4 != packet_version) return error{error_code::malformed, "conversation packet of an unknown version"};
  if ((packet[0] & 0x0f) > static_cast<unsigned>(traffic_class::bulk))
    return error{error_code::malformed, "conversation packet of an unknown traffic class"};
  packet_header header{static_cast<traffic_class>(packet[0] & 0x0f), read_le<std::uint32_t>(packet.data() + 1),
                       read_le<std::uint32_t>(packet.data() + 5), read_le<std::uint32_t>(packet.data() + 9)};
  if (header.own_epoch == 0) return error{error_code::malformed, "conversation packet without an epoch"};
  frame_reader reader{packet};
  frame each;
  while (reader.next(each)) {}
  if (!reader.at_end()) return error{error_code::malformed, "conversation packet with a broken frame"};
  return header;
}

bool frame_reader::next(frame& out) {
  if (at_end()) return false;
  auto start = at_;
  auto type = packet_[at_++];
  auto left = packet_.size() - at_;
  bool ok = false;
  switch (type) {
  case type_padding:
    while (at_ < packet_.size() && packet_[at_] == type_padding) ++at_; // a run of padding is one frame
    out.emplace<std::monostate>();
    return true;
  case type_ping: out.emplace<ping_frame>(); return true;
  case type_ack: ok = read_ack(out.emplace<ack_frame>()); break;
  case type_reset:
    if (left < 4) break;
    out = reset_frame{read_le<std::uint32_t>(packet_.data() + at_)};
    at_ += 4;
    return true;
  case type_cancel: ok = read_varint(packet_, at_, out.emplace<cancel_frame>().id); break;
  case type_message:
  case type_message + 1:
  case type_message + 2: ok = read_message(static_cast<message_kind>(type - type_message), out.emplace<message_frame>()); break;
  case type_stream:
  case type_stream | flag_end:
  case type_stream | flag_mine:
  case type_stream | flag_mine | flag_end: ok = read_stream(type, out.emplace<stream_frame>()); break;
  case type_window:
  case type_window | flag_mine: ok = read_window(type, out.emplace<window_frame>()); break;
  case type_close:
  case type_close | flag_mine: ok = read_close(type, out.emplace<close_frame>()); break;
  case type_credit: ok = read_varint(packet_, at_, out.emplace<credit_frame>().limit); break;
  default: break;
  }
  if (!ok) at_ = start; // so that at_end() tells a broken frame from the end
  return ok;
}

bool frame_reader::read_ack(ack_frame& out) {
  if (packet_.size() - at_ < 4) return false;
  auto to = read_le<std::uint32_t>(packet_.data() + at_);
  at_ += 4;
  std::uint64_t more = 0;
  std::uint64_t gap = 0;
  std::uint64_t length = 0;
  if (!read_varint(packet_, at_, out.delay_us) || !read_varint(packet_, at_, more) || more >= ack_ranges_max) return false;
  constexpr std::uint64_t span_max = 1u << 31; // all spans together stay within half the number circle
  std::uint64_t sum = 0;
  for (out.count = 0; out.count <= more; ++out.count) {
    if (out.count > 0) {
      if (!read_varint(packet_, at_, gap) || gap == 0 || gap > span_max) return false;
      to = std::uint32_t(out.spans[out.count - 1].from - gap - 1);
    }
    if (!read_varint(packet_, at_, length) || length == 0 || length > span_max) return false;
    sum += gap + length;
    if (sum > span_max) return false;
    out.spans[out.count] = {std::uint32_t(to - (length - 1)), to};
  }
  return true;
}

bool frame_reader::read_message(message_kind kind, message_frame& out) {
  std::uint64_t code = 0;
  std::uint64_t length = 0;
  out.kind = kind;
  if (!read_varint(packet_, at_, out.id) || !read_varint(packet_, at_, code) || !read_varint(packet_, at_, out.timeout_ms)
      || !read_varint(packet_, at_, out.total) || !read_varint(packet_, at_, out.offset) || !read_varint(packet_, at_, length))
    return false;
  if (code > 0xffff || out.total > limits::message_bytes_max || out.offset > out.total || length > out.total - out.offset
      || length > packet_.size() - at_)
    return false;
  out.code = static_cast<std::uint32_t>(code);
  out.bytes = packet_.subspan(at_, length);
  at_ += length;
  return true;
}

bool frame_reader::read_text(std::size_t bytes_max, byte_view& out) {
  std::uint64_t length = 0;
  if (!read_varint(packet_, at_, length) || length > bytes_max || length > packet_.size() - at_) return false;
  out = packet_.subspan(at_, length);
  at_ += length;
  return true;
}

bool frame_reader::read_stream(std::uint8_t type, stream_frame& out) {
  out.mine = (type & flag_mine) != 0;
  out.end = (type & flag_end) != 0;
  return read_varint(packet_, at_, out.id) && read_varint(packet_, at_, out.offset) && read_text(packet_.size(), out.bytes)
         && out.id <= stream_ids_max && out.offset <= varint_max - out.bytes.size();
}

bool frame_reader::read_window(std::uint8_t type, window_frame& out) {
  out.mine = (type & flag_mine) != 0;
  return read_varint(packet_, at_, out.id) && read_varint(packet_, at_, out.limit) && out.id <= stream_ids_max;
}

bool frame_reader::read_close(std::uint8_t type, close_frame& out) {
  std::uint64_t code = 0;
  out.mine = (type & flag_mine) != 0;
  if (!read_varint(packet_, at_, out.id) || !read_varint(packet_, at_, code) || !read_varint(packet_, at_, out.final_size)
      || !read_text(limits::stream_close_text_bytes_max, out.text) || out.id > stream_ids_max || code > 0xffff)
    return false;
  out.code = static_cast<std::uint32_t>(code);
  return true;
}

} // namespace glow::stream
