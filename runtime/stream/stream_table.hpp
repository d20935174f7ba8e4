/// The streams of one conversation: ordered bytes both ways, each with flow control (RFC 9000 §4), half close and a priority.
/// Sans-io: frames in, frames out.
///
///   opened by us ──┐                             ┌─ both directions ended and delivered ─► over, no error
///   first frame ───┴─► open ─ end of a direction ┴─ CLOSE of either side, restart, patience ─► over, with the reason
///
/// A stream that was given up stays until both sides know where its directions ended: their bytes count towards the credit that
/// all streams of the conversation share.
/// Refuses to know packets, paths and services: a stream begins with the name of the service that it asks for, no more.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/stream/loss_recovery.hpp"
#include "runtime/stream/receiving_stream.hpp"
#include "runtime/stream/sending_stream.hpp"

#include <deque>
#include <set>
#include <unordered_map>

namespace glow::stream {

/// Which stream of the conversation: its opener's id, and one bit.
using stream_key = std::uint64_t;

/// Streams of a higher priority go first, within reason.
enum class stream_priority : std::uint8_t { urgent = 0, normal = 1, background = 2 };

/// The peer opened a stream towards this service. Write, consume or close it.
struct stream_arrived {
  stream_key stream = 0;
  std::string service;
  std::size_t writable = 0; ///< bytes that may be written at once
};
/// Bytes in order; `end`: the last ones. Say consume() when they are dealt with.
struct stream_received {
  stream_key stream = 0;
  std::vector<byte_string> bytes;
  bool end = false;
};
/// So many more bytes may be written.
struct stream_writable {
  stream_key stream = 0;
  std::size_t bytes = 0;
};
/// The last word on this stream. Code none: all that was written was delivered, both ways.
struct stream_over {
  stream_key stream = 0;
  error why;
};
using stream_event = std::variant<stream_arrived, stream_received, stream_writable, stream_over>;

/// How a stream is opened.
struct stream_terms {
  std::string service; ///< 1 … limits::stream_service_name_bytes_max bytes
  stream_priority priority = stream_priority::normal;
  /// Given up when nothing was ever acknowledged for so long …
  duration opening_patience = limits::stream_opening_patience;
  /// … or, later, when something is under way and nothing was acknowledged for so long; zero: never.
  duration patience{};
};

class stream_table {
public:
  struct opened {
    stream_key stream = 0;
    std::size_t writable = 0;
  };

  // ---- the application
  /// Errors: `exhausted`, `usage` (the service's name).
  result<opened> open(const stream_terms& terms, steady_time now);
  /// Bytes behind what may be written are accepted, so that nothing is lost, but never make much of it.
  void write(stream_key stream, std::vector<byte_string> bytes, bool end, steady_time now);
  void consume(stream_key stream, std::size_t bytes, steady_time now, duration rtt);
  /// Gives up both directions; the peer hears why. No event follows.
  void close(stream_key stream, const error& why);
  /// Every stream ends here with this reason; the peer is not told.
  void close_all(const error& why);
  /// The peer lost its state: streams end here with this reason, but for own ones that it never answered. These begin anew.
  void on_peer_restarted(const error& why);

  // ---- the peer
  /// False: not taken, and not to be acknowledged.
  bool on_stream(const stream_frame& told, steady_time now);
  void on_window(const window_frame& told);
  bool on_close(const close_frame& told);
  void on_credit(const credit_frame& told);

  // ---- packets
  /// Something may leave now.
  bool has_data() const { return !notices_.empty() || !lost_ready_.empty() || (credit_left() > 0 && has_fresh()); }
  /// All that may leave is one stream's last few bytes, fewer than that, and its writer has not ended it: more may follow.
  bool has_tail_only(std::size_t bytes) const;
  /// Appends what the peer must know to send on: windows, credit, ends.
  void write_notices(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried);
  /// Appends frames until the packet is full or nothing may leave.
  void write_frames(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried);
  void on_acknowledged(const fragment& what, steady_time now);
  void on_lost(const fragment& what);

  void on_tick(steady_time now);
  std::optional<steady_time> wake_at() const;
  /// What the path has under way at the most: writers may be ahead by twice that.
  void set_window(std::size_t bytes) { window_bytes_ = bytes; }

  std::vector<stream_event> take_events() { return std::exchange(events_, {}); }
  bool has_events() const { return !events_.empty(); }
  bool empty() const { return streams_.empty(); }
  std::size_t size() const { return streams_.size(); }
  /// Bytes written and not acknowledged, and bytes that arrived out of order.
  std::size_t held_bytes() const { return held_bytes_; }

private:
  struct entry {
    sending_stream out;
    receiving_stream in;
    byte_string greeting; ///< the beginning of an incoming stream, until the service's name is complete
    std::uint64_t writable_to = 0;
    steady_time progress_at{};
    duration patience{};
    stream_priority priority = stream_priority::normal;
    error why{error_code::none, {}}; ///< of a stream that is closing
    bool greeted = false;            ///< the application knows of it
    bool heard = false;              ///< the peer acknowledged something
    bool closing = false;
    bool close_acknowledged = false;
    bool lost_queued = false;
    bool fresh_queued = false;
    bool window_due = false;
    bool close_due = false;
    bool patience_armed = false;
  };
  static constexpr stream_key credit_notice = ~stream_key{0};
  using stream_map = std::unordered_map<stream_key, std::unique_ptr<entry>>;

  static stream_key key_of(bool mine, std::uint64_t id) { return id << 1 | (mine ? 1 : 0); }
  static bool is_mine(stream_key key) { return (key & 1) != 0; }
  static std::uint64_t id_of(stream_key key) { return key >> 1; }

  entry* find(stream_key key);
  entry* find_or_make(stream_key key, steady_time now, bool& refused);
  std::uint64_t credit_left() const { return credit_ > sent_ ? credit_ - sent_ : 0; }
  bool has_fresh() const {
    return std::any_of(fresh_ready_.begin(), fresh_ready_.end(), [](auto& each) { return !each.empty(); });
  }
  void enqueue(stream_key key, entry& stream);
  void notice(stream_key key, bool& due);
  bool write_notice(stream_key key, byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried);
  bool write_piece(stream_key key, entry& stream, std::uint64_t credit, byte_string& packet, std::size_t packet_bytes,
                   std::vector<fragment>& carried);
  std::deque<stream_key>* next_queue();
  void greet(stream_key key, entry& stream, std::vector<byte_string>& bytes);
  void grant(stream_key key, entry& stream);
  std::size_t write_ahead() const;
  void begin_closing(stream_key key, entry& stream, error why);
  void erase_if_over(stream_key key, entry& stream);
  void arm_patience(stream_key key, entry& stream, steady_time at);
  void count_consumed(std::uint64_t bytes);

  stream_map streams_;
  std::uint64_t next_id_ = 0;
  range_set known_; ///< ids of the peer's streams that were seen
  std::deque<stream_key> lost_ready_;
  std::array<std::deque<stream_key>, 3> fresh_ready_; ///< by priority; keys of erased streams are skipped
  std::deque<stream_key> notices_;                    ///< streams with a window or a close to tell; credit_notice: the credit
  std::set<std::pair<steady_time, stream_key>> patience_;
  std::vector<stream_event> events_;
  unsigned preferred_in_a_row_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t segments_ = 0;
  std::size_t window_bytes_ = limits::stream_write_ahead_min;
  std::uint64_t credit_ = limits::stream_credit_bytes; ///< the peer's: bytes we may send in all
  std::uint64_t sent_ = 0;
  std::uint64_t own_credit_ = limits::stream_credit_bytes; ///< told to the peer
  std::uint64_t arrived_ = 0;                              ///< sum of the streams' highest offsets
  std::uint64_t consumed_ = 0;
};

} // namespace glow::stream
