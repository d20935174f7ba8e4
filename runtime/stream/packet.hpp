/// Conversation packets: what two endpoints exchange inside an end-to-end session, one packet per overlay payload.
/// Refuses to know sequencing or trust: conversation.hpp gives meaning, the session around it authenticates.
///
///   0        1                5                9               13
///   +--------+----------------+----------------+----------------+----------
///   | ver|ln | own epoch      | peer epoch     | packet number  | frames …
///   +--------+----------------+----------------+----------------+----------
///   ver  4 bits, 1                  ln  4 bits: traffic class; each class is a conversation of its own
///   own epoch   incarnation of the sender's side, random, never 0
///   peer epoch  incarnation the sender believes the receiver to be in; 0 = not known yet
///   number      low 32 bits of the packet number (RFC 9000 §17.1, appendix A.3)
///   Integers of fixed length are little-endian, v marks a varint (RFC 9000 §16).
///
/// Frames, one after another until the packet ends:
///   PADDING  00
///   PING     01                                         elicits an acknowledgement
///   ACK      02 largest:4 delay_us:v more:v first:v (gap:v length:v)×more
///               `first` packets up to `largest`, then `gap` missing ones below, then `length` present ones, …
///   RESET    03 unknown_epoch:4                         you addressed an incarnation of mine that is no more
///   CANCEL   04 id:v                                    the sender no longer waits for its request `id`
///   MESSAGE  08 request  | 09 response | 0a failure
///               id:v code:v timeout_ms:v total:v offset:v length:v bytes
///               id      of the request, counted by the requester; the answer carries the same
///               code    request: method; response: 0; failure: error_code, the bytes are its text
///               timeout request: time that is left when this fragment leaves; else 0
///   STREAM   10 | 01 end | 02 mine   id:v offset:v length:v bytes
///               mine    the sender opened the stream; else the receiver did. Each side counts its own ids
///               end     the sender's direction ends behind these bytes
///               the opener's direction begins with the service's name: length:v text
///   WINDOW   14 | 02 mine   id:v limit:v                 the receiver may be sent bytes of this stream below `limit`
///   CLOSE    18 | 02 mine   id:v code:v final:v length:v text
///               both directions are given up; `final`: where the sender's direction ends (for the credit)
///   CREDIT   1c limit:v                                  … and of all streams together, below `limit`
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/route/traffic_class.hpp"
#include "runtime/stream/limits.hpp"

#include <array>
#include <variant>

namespace glow::stream {

inline constexpr std::uint8_t packet_version = 1;
inline constexpr std::size_t packet_header_bytes = 13;
/// Largest id of a stream: a key is the id and a bit.
inline constexpr std::uint64_t stream_ids_max = (std::uint64_t{1} << 61) - 1;
/// Ranges of one ACK frame: more only arise when most packets are lost.
inline constexpr std::size_t ack_ranges_max = 32;
/// Longest head of a MESSAGE frame: type, id, code, timeout, total, offset, length.
inline constexpr std::size_t message_head_bytes_max = 1 + 8 + 4 + 4 + 4 + 4 + 4;
/// Shortest packet in which a conversation makes progress.
inline constexpr std::size_t packet_bytes_min = packet_header_bytes + message_head_bytes_max + 1;

struct packet_header {
  traffic_class lane = traffic_class::interactive;
  std::uint32_t own_epoch = 0;
  std::uint32_t peer_epoch = 0;
  std::uint32_t number = 0;
};

enum class message_kind : std::uint8_t { request = 0, response = 1, failure = 2 };

struct ping_frame {};
/// Packet numbers as low 32 bits, newest first: `from` and `to` inclusive, both may wrap.
struct ack_frame {
  struct span {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
  };
  std::uint64_t delay_us = 0;
  std::size_t count = 0; ///< 1 … ack_ranges_max
  std::array<span, ack_ranges_max> spans;
};
struct reset_frame {
  std::uint32_t unknown_epoch = 0;
};
struct cancel_frame {
  std::uint64_t id = 0;
};
struct message_frame {
  message_kind kind = message_kind::request;
  std::uint64_t id = 0;
  std::uint32_t code = 0;
  std::uint64_t timeout_ms = 0;
  std::uint64_t total = 0; ///< ≤ limits::message_bytes_max
  std::uint64_t offset = 0;
  byte_view bytes; ///< offset + size ≤ total; points into the packet
};
/// Bytes of a stream, RFC 9000 §19.8.
struct stream_frame {
  bool mine = false; ///< the sender opened it
  bool end = false;
  std::uint64_t id = 0;
  std::uint64_t offset = 0;
  byte_view bytes; ///< offset + size ≤ varint_max; points into the packet
};
struct window_frame {
  bool mine = false;
  std::uint64_t id = 0;
  std::uint64_t limit = 0;
};
struct close_frame {
  bool mine = false;
  std::uint64_t id = 0;
  std::uint32_t code = 0; ///< error_code
  std::uint64_t final_size = 0;
  byte_view text; ///< ≤ limits::stream_close_text_bytes_max
};
struct credit_frame {
  std::uint64_t limit = 0;
};
using frame = std::variant<std::monostate, ping_frame, ack_frame, reset_frame, cancel_frame, message_frame, stream_frame,
                           window_frame, close_frame, credit_frame>;

void append_header(byte_string& out, const packet_header& header);
void append_ping(byte_string& out);
/// Requires: 1 ≤ count ≤ ack_ranges_max.
void append_ack(byte_string& out, const ack_frame& ack);
void append_reset(byte_string& out, const reset_frame& reset);
void append_cancel(byte_string& out, const cancel_frame& cancel);
/// Length of a MESSAGE frame without its bytes, when it carries `length` of them.
std::size_t message_head_bytes(const message_frame& message, std::size_t length);
void append_message(byte_string& out, const message_frame& message);
/// Length of a STREAM frame without its bytes, when it carries `length` of them.
std::size_t stream_head_bytes(std::uint64_t id, std::uint64_t offset, std::size_t length);
/// A STREAM frame's head; the caller appends `length` bytes behind it. `piece.bytes` is not looked at.
void append_stream_head(byte_string& out, const stream_frame& piece, std::size_t length);
void append_window(byte_string& out, const window_frame& window);
void append_close(byte_string& out, const close_frame& close);
std::size_t close_bytes(const close_frame& close);
void append_credit(byte_string& out, const credit_frame& credit);
inline constexpr std::size_t window_bytes_max = 1 + 8 + 8;
inline constexpr std::size_t credit_bytes_max = 1 + 8;

/// Checks the header and every frame, so that a packet counts wholly or not at all.
/// Errors: `malformed`.
result<packet_header> check_packet(byte_view packet);

/// Walks the frames of a packet that check_packet accepted.
class frame_reader {
public:
  explicit frame_reader(byte_view packet) : packet_{packet}, at_{packet_header_bytes} {}
  /// The next frame (monostate for padding); false at the end, or where the bytes are no frame.
  bool next(frame& out);
  bool at_end() const { return at_ >= packet_.size(); }

private:
  bool read_ack(ack_frame& out);
  bool read_message(message_kind kind, message_frame& out);
  bool read_stream(std::uint8_t type, stream_frame& out);
  bool read_window(std::uint8_t type, window_frame& out);
  bool read_close(std::uint8_t type, close_frame& out);
  bool read_text(std::size_t bytes_max, byte_view& out);
  byte_view packet_;
  std::size_t at_;
};

} // namespace glow::stream
