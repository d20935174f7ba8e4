/// How long the packets of one link may be: a datagram, or a record cut into many (records.hpp). One lost datagram loses its
/// whole record, so records are for links of class local that lose next to nothing, and only once one came through whole: that
/// proves the path's MTU and the peer in one go.
///
///   unproven ─probe answered─► records ─loss, or no longer local─► resting ─its time is over, probe answered─► records
///
/// A probe is a ping padded to a record. Loss is what the peer's pongs say of bytes: sent before a ping, arrived before it.
/// Refuses to send, to measure round trips, and to read a clock.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/link/limits.hpp"

#include <cstdint>
#include <optional>

namespace glow::link {

class record_plan {
public:
  /// No records at all, unless enable() is called.
  record_plan() = default;
  /// The link is up, its peer joins records, and its pieces are that long; or they are so now. Records that came through stay
  /// proven: what is longer was proven by a probe of its own (path_mtu.hpp).
  void enable(std::size_t datagram_bytes_max);

  bool is_enabled() const { return record_bytes_ > 0; }
  bool offers_records() const { return is_enabled() && now_ == state::records; }
  /// Longest packet to tell the rooms above, given the longest that one datagram holds.
  std::size_t packet_bytes_max(std::size_t one_datagram) const;
  /// Longest packet that is cut rather than dropped: also those that were on their way when the offer shrank.
  std::size_t cut_bytes_max() const { return record_bytes_; }

  /// A probe should leave now: call on_probe_sent() when it does. `local`: the link is of that class.
  bool wants_probe(bool local, steady_time now) const;
  /// The number of its ping.
  std::uint32_t on_probe_sent(steady_time now);
  /// Numbers of probes are none of the estimates' business.
  static bool is_probe(std::uint32_t number) { return (number & probe_bit) != 0; }
  void on_ping_sent(std::uint32_t number, std::uint64_t bytes_sent);
  /// Any pong: returns whether the offer changed. `bytes_arrived`: all that the peer has seen.
  bool on_pong(std::uint32_t number, std::uint64_t bytes_arrived, bool local, steady_time now);
  /// Another path: nothing is proven there.
  void on_path_changed();

private:
  enum class state { unproven, records, resting };
  static constexpr std::uint32_t probe_bit = 1u << 31;
  struct mark {
    std::uint32_t ping = 0;
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;
  };
  void rest(steady_time now);
  bool on_loss(double share, steady_time now);

  state now_ = state::unproven;
  std::size_t record_bytes_ = 0;
  std::uint32_t probe_ = 0; ///< number of the last one
  steady_time probe_at_{};  ///< not sooner
  duration probe_pause_ = limits::record_probe_pause_min;
  duration rest_pause_{};
  steady_time fell_at_{};
  int bad_samples_ = 0; ///< in a row
  std::optional<mark> awaited_;
  mark counted_; ///< until where loss has been looked at
};

} // namespace glow::link
