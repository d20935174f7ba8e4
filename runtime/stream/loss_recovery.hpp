/// Loss recovery of one conversation, RFC 9002: what is under way, what was acknowledged, what counts as lost, when to
/// probe. Reordering is learned as RACK does (RFC 8985): a packet that was declared lost and then acknowledged makes it
/// wait longer, and takes back what it did to the window. Owns the estimates of the path. Refuses to know content: fragments come
/// back to whoever sent them.
#pragma once

#include "runtime/stream/congestion.hpp"
#include "runtime/stream/limits.hpp"
#include "runtime/stream/packet.hpp"
#include "runtime/stream/round_trip.hpp"

#include <deque>
#include <optional>

namespace glow::stream {

/// What a packet carried and must be sent again if it is lost.
struct fragment {
  enum class kind : std::uint8_t { message, cancel, stream, window, close, credit };
  std::uint64_t key = 0; ///< of the message in the outbox, the cancelled request, the stream
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  kind what = kind::message;
  bool end = false; ///< of a stream: its direction ends behind these bytes
};

/// Over the life of a conversation, whatever paths it took.
struct recovery_counters {
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_acknowledged = 0;
  std::uint64_t packets_lost = 0;   ///< declared lost
  std::uint64_t packets_resent = 0; ///< whose content went out again: lost, probed with, or under way when the path changed
  std::uint64_t acks_received = 0;
};

class loss_recovery {
public:
  struct outcome {
    std::vector<fragment> acknowledged;
    std::vector<fragment> lost;
    bool progress = false; ///< a packet was acknowledged for the first time
  };

  loss_recovery(std::size_t packet_bytes, bool quick, duration rtt_guess)
    : round_trip_{rtt_guess}, congestion_{packet_bytes, quick} {}

  /// Low 32 bits of the number that the next packet gets.
  std::uint32_t next_number() const { return static_cast<std::uint32_t>(next_); }
  void on_sent(std::size_t bytes, bool eliciting, std::vector<fragment> fragments, steady_time now);
  /// An ACK for packets never sent is ignored: the peer is broken, but its other frames may not be.
  outcome on_ack(const ack_frame& ack, steady_time now);
  /// Requires: wake_at() ≤ now. Lost packets; or, where a probe is due, the fragments of the oldest packet under way.
  outcome on_timer(steady_time now);
  /// Another path: estimates start anew; everything under way comes back as lost, without blame.
  outcome on_new_path(std::size_t packet_bytes, bool quick, duration rtt_guess);
  /// The peer forgot all numbers: drop what is under way, keep the estimates.
  void on_peer_restarted();

  std::optional<steady_time> wake_at() const;
  /// False when too many packets are on record: pure acknowledgements wait until the peer acknowledges something.
  bool may_record() const { return sent_.size() < limits::stream_sent_packets_max; }
  bool window_open() const { return in_flight_ < congestion_.window_bytes(); }
  /// Probes that must leave now, whatever the window says.
  unsigned probes_due() const { return probes_due_; }
  unsigned probe_rounds() const { return probe_rounds_; } ///< without an answer so far
  const recovery_counters& counted() const { return counted_; }
  std::size_t bytes_in_flight() const { return in_flight_; }
  bool in_flight() const { return eliciting_in_flight_ > 0; }
  const round_trip& path_time() const { return round_trip_; }
  congestion& window() { return congestion_; }
  const congestion& window() const { return congestion_; }

private:
  struct sent_packet {
    steady_time sent_at{};
    std::uint32_t bytes = 0;
    bool outstanding = false; ///< elicits an acknowledgement and has neither got it nor been declared lost
    bool acknowledged = false;
    bool lost = false; ///< declared lost; it stays on record a while, for its acknowledgement may only be late
    std::vector<fragment> fragments;
  };
  void acknowledge(std::uint64_t number, std::size_t in_flight_before, outcome& out, steady_time now);
  void detect_lost(outcome& out, steady_time now);
  void take_from_flight(sent_packet& packet);
  void on_late(std::uint64_t number);
  duration loss_delay() const;
  void drop_settled(steady_time now);

  round_trip round_trip_;
  congestion congestion_;
  std::deque<sent_packet> sent_; ///< numbers base_ … next_-1
  std::uint64_t base_ = 0;
  std::uint64_t next_ = 0;
  std::optional<std::uint64_t> largest_acknowledged_;
  std::size_t in_flight_ = 0;
  std::size_t eliciting_in_flight_ = 0; ///< packets
  std::optional<steady_time> loss_at_;
  // packets overtake each other on this path (RFC 8985 §6.2): then time alone tells what is lost, and more of it
  bool reorders_ = false;
  unsigned reorder_steps_ = 0;          ///< quarters of a round trip to wait beside the usual delay
  std::uint64_t reorder_round_end_ = 0; ///< the next step is for packets from here on
  unsigned losses_since_late_ = 0;      ///< reductions of the window since an acknowledgement came late
  std::size_t blamed_ = 0;              ///< packets that the last reduction was for, and that have not turned up
  steady_time last_eliciting_at_{};
  unsigned probe_rounds_ = 0;
  unsigned probes_due_ = 0;
  recovery_counters counted_;
};

} // namespace glow::stream
