/// One traffic class of what two endpoints say to each other: requests, answers and streams, reliable over lossy paths, across
/// route changes and restarts. Sans-io: packets in, packets out, time as an argument.
///
///   own epoch: this conversation, random, never 0; peer epoch: learned from its packets
///     unknown ─first packet─► known ─packet with another epoch─► known (the peer restarted: its half-received messages
///     are dropped, unanswered requests start from scratch)
///     a packet for an epoch of ours that is no more ─► RESET, which carries our epoch and so restarts the sender
///
/// Call order: construct; then any input; after each (or a batch of them) collect_packets(); wake at wake_at().
/// Refuses to encrypt, to choose routes, and to judge peers: what arrives here is authentic.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/stream/loss_recovery.hpp"
#include "runtime/stream/outbox.hpp"
#include "runtime/stream/reassembly.hpp"
#include "runtime/stream/received_packets.hpp"
#include "runtime/stream/stream_table.hpp"

#include <memory>

namespace glow::stream {

/// How packets reach the peer at present.
struct path {
  node_id next;                     ///< next hop; another one is another path
  bool direct = false;              ///< the peer is the next hop
  std::size_t packet_bytes_max = 0; ///< longest conversation packet
  duration latency{};               ///< what the route's metric says; zero: unknown
  std::size_t headroom = 0;         ///< that packets begin with, for the headers of those who carry them
  std::uint32_t session = 0;        ///< that seals; another one cannot open what is under way
  bool operator==(const path&) const = default;
};

/// A whole request arrived; answer it with send_answer().
struct request_received {
  std::uint64_t id = 0;
  std::uint16_t method = 0;
  duration timeout{};
  byte_string body;
};
/// The answer to one of our requests.
struct answer_received {
  std::uint64_t id = 0;
  result<byte_string> answer;
};
/// The peer does not await the answer to its request any more.
struct request_cancelled {
  std::uint64_t id = 0;
};
/// The peer started anew: requests that it sent before are void.
struct peer_restarted {};
using conversation_event = std::variant<request_received, answer_received, request_cancelled, peer_restarted, stream_event>;
using conversation_events = std::vector<conversation_event>;

class conversation {
public:
  /// Requires: epoch is random and not 0.
  conversation(traffic_class lane, std::uint32_t epoch);
  conversation(const conversation&) = delete;
  conversation& operator=(const conversation&) = delete;

  /// Returns the id that answer_received will carry. Errors: `exhausted`.
  result<std::uint64_t> send_request(std::uint16_t method, byte_string body, steady_time deadline);
  /// Ignored when the peer restarted since, or cancelled the request.
  void send_answer(std::uint64_t id, result<byte_string> answer);
  /// The peer does not wait for this answer any more; nothing is sent.
  void abandon_answer(std::uint64_t id) { served_.erase(id, id + 1); }
  /// Nobody waits for the answer any more.
  void cancel_request(std::uint64_t id);

  // Streams; what happens to them is told by take_stream_events().
  result<stream_table::opened> open_stream(const stream_terms& terms, steady_time now) { return streams_.open(terms, now); }
  void write_stream(stream_key stream, std::vector<byte_string> bytes, bool end, steady_time now) {
    streams_.write(stream, std::move(bytes), end, now);
  }
  void consume_stream(stream_key stream, std::size_t bytes, steady_time now) {
    streams_.consume(stream, bytes, now, smoothed_rtt());
  }
  void close_stream(stream_key stream, const error& why) { streams_.close(stream, why); }
  /// The conversation ends: so do its streams.
  void close_streams(const error& why) { streams_.close_all(why); }
  std::vector<stream_event> take_stream_events() { return streams_.take_events(); }
  std::size_t stream_count() const { return streams_.size(); }

  /// A packet that check_packet accepted, `header` being what it returned.
  void on_packet(const packet_header& header, byte_view packet, steady_time now, conversation_events& out);
  /// Nothing: no route at present; all is kept.
  void set_path(const std::optional<path>& now_over, steady_time now);
  void on_tick(steady_time now);
  /// Appends the packets that are to leave now, each behind the path's headroom.
  void collect_packets(steady_time now, std::vector<byte_string>& out);
  std::optional<steady_time> wake_at() const;

  bool has_path() const { return path_.has_value(); }
  const std::optional<path>& current_path() const { return path_; }
  /// There would be packets to send by `now`, had it a path.
  bool has_something_to_say(steady_time now) const;
  /// Nothing is under way, waits or is owed in either direction.
  bool is_idle() const { return outbox_.empty() && inbound_.empty() && served_.empty() && streams_.empty(); }
  /// The peer is needed: a request is not answered, or a stream is open.
  bool awaits_answers() const { return outbox_.awaits_answers() || !streams_.empty(); }
  /// The peer leaves probes unanswered: perhaps its session with us is gone.
  bool is_unheard() const { return path_ && recovery_.probe_rounds() >= 2; }
  const loss_recovery& recovery() const { return recovery_; }
  duration smoothed_rtt() const { return recovery_.path_time().smoothed(); }
  std::size_t held_bytes() const { return outbox_.held_bytes() + inbound_.held_bytes() + streams_.held_bytes(); }
  std::uint32_t peer_epoch() const { return peer_epoch_; }

private:
  bool adopt_epoch(const packet_header& header, steady_time now, conversation_events& out);
  bool on_message(const message_frame& fragment, steady_time now, conversation_events& out);
  void take_back(const loss_recovery::outcome& what, steady_time now);
  void write_data(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried, steady_time now);
  bool tail_waits();
  bool build_packet(steady_time now, std::vector<byte_string>& out);
  std::size_t headroom() const { return path_ ? path_->headroom : 0; }
  void send_reset(steady_time now, std::vector<byte_string>& out);
  byte_string begin_packet(std::size_t reserve);

  traffic_class lane_;
  std::uint32_t epoch_;
  std::uint32_t peer_epoch_ = 0;
  std::deque<std::uint32_t> retired_epochs_; ///< of the peer
  outbox outbox_;
  reassembly inbound_;
  stream_table streams_;
  received_packets received_;
  loss_recovery recovery_;
  std::optional<path> path_;
  std::optional<path> last_path_; ///< what the estimates belong to
  range_set served_;              ///< ids of the peer's requests that are not answered yet
  bool streams_next_ = false;     ///< they fill the next packet before long messages do
  bool ping_due_ = false;
  std::uint32_t reset_due_ = 0; ///< the epoch of ours that the peer addressed in vain
  std::uint32_t reset_to_ = 0;  ///< … and the epoch of the peer that did so
  steady_time reset_at_{};      ///< of the last RESET
  steady_time heard_at_{};
  std::optional<steady_time> burst_at_; ///< pacing holds packets back until then
};

} // namespace glow::stream
