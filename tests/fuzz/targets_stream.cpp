// Conversation packets: every frame that two endpoints exchange.
#include "runtime/base/overloaded.hpp"
#include "runtime/stream/packet.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace stream;

struct whole_packet {
  packet_header header;
  std::vector<frame> frames;
};

result<whole_packet> read_packet(byte_view packet) {
  auto header = check_packet(packet);
  if (!header) return header.why();
  whole_packet out{*header, {}};
  frame_reader reader{packet};
  for (frame each; reader.next(each);) {
    if (auto* message = std::get_if<message_frame>(&each)) {
      require(message->total <= limits::message_bytes_max, "a message is bounded");
      require(message->offset + message->bytes.size() <= message->total, "a fragment lies within its message");
    }
    if (auto* ack = std::get_if<ack_frame>(&each)) require(ack->count >= 1 && ack->count <= ack_ranges_max, "ranges are bounded");
    if (!std::holds_alternative<std::monostate>(each)) out.frames.push_back(std::move(each));
  }
  require(reader.at_end(), "a packet that was checked reads to its end");
  return out;
}

byte_string write_packet(const whole_packet& packet) {
  byte_string out;
  append_header(out, packet.header);
  for (auto& each : packet.frames)
    std::visit(overloaded{
                 [](const std::monostate&) {},
                 [&](const ping_frame&) { append_ping(out); },
                 [&](const ack_frame& f) { append_ack(out, f); },
                 [&](const reset_frame& f) { append_reset(out, f); },
                 [&](const cancel_frame& f) { append_cancel(out, f); },
                 [&](const message_frame& f) {
                   const auto before = out.size();
                   append_message(out, f);
                   require(out.size() - before == message_head_bytes(f, f.bytes.size()) + f.bytes.size(),
                           "a frame is as long as reckoned");
                 },
                 [&](const stream_frame& f) {
                   const auto before = out.size();
                   append_stream_head(out, f, f.bytes.size());
                   require(out.size() - before == stream_head_bytes(f.id, f.offset, f.bytes.size()),
                           "a head is as long as reckoned");
                   append(out, f.bytes);
                 },
                 [&](const window_frame& f) { append_window(out, f); },
                 [&](const close_frame& f) {
                   const auto before = out.size();
                   append_close(out, f);
                   require(out.size() - before == close_bytes(f), "a close is as long as reckoned");
                 },
                 [&](const credit_frame& f) { append_credit(out, f); },
               },
               each);
  return out;
}

/// A packet's frames point into it: what is encoded is kept beside.
void check_stream_packet(byte_view input) {
  auto read = read_packet(input);
  if (!read) return require_readable(read.why());
  auto once = write_packet(*read);
  require(once.size() <= input.size(), "our encoding is the shortest");
  auto again = read_packet(once);
  require(again.ok(), "what was decoded encodes to something that decodes");
  require(write_packet(*again) == once, "what was decoded twice is the same");
}

std::vector<seed> stream_packet_seeds() {
  auto packet = [](std::vector<frame> frames) { return write_packet({{traffic_class::bulk, 5, 6, 7}, std::move(frames)}); };
  static const byte_string body(40, 9);
  ack_frame ack;
  ack.delay_us = 400;
  ack.count = 3;
  ack.spans[0] = {90, 100};
  ack.spans[1] = {60, 80};
  ack.spans[2] = {0xfffffff0, 3};
  auto padded = packet({ping_frame{}});
  padded.resize(padded.size() + 20);
  return {{"request", packet({message_frame{message_kind::request, 1, 7, 5000, 40, 0, body}})},
          {"fragments", packet({message_frame{message_kind::response, 1, 0, 0, 4000, 80, body},
                                message_frame{message_kind::failure, 2, 4, 0, 40, 0, body}})},
          {"ack", packet({ack, cancel_frame{1u << 20}})},
          {"reset", packet({reset_frame{77}})},
          {"stream", packet({stream_frame{true, false, 3, 0, body}, stream_frame{false, true, 1u << 20, 70000, body}})},
          {"stream_ends", packet({window_frame{true, 3, 1u << 20}, credit_frame{1u << 30},
                                  close_frame{false, 9, 11, 4000, byte_view{body}.first(12)}})},
          {"padded", padded}};
}

} // namespace

const target stream_packet_target{"stream_packet", "stream::check_packet, frame_reader, varints", check_stream_packet,
                                  stream_packet_seeds, 2048};

} // namespace glow::fuzz
