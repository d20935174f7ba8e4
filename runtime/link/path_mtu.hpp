/// How long the datagrams of one link's path may be, one direction: Datagram Packetization Layer Path MTU Discovery (RFC 8899).
///
///   off ─enable─► searching ─nothing longer left to try─► complete ─10 min, and longer ones may pass by now─► searching
///                    ▲  each answered probe makes datagrams longer               │
///                    └──── black hole, "too long", another path: base again ─────┘
///
/// A probe is a ping padded to the length that it asks about; its pong proves that length. Only traffic pays for probes: fifty
/// times their bytes. The longest candidate comes first (mostly the interface's own length passes), then bisection; a length
/// counts as impassable when three probes of it stay unanswered. Lost probes say nothing of loss or congestion.
///
/// Black hole: pings are answered, and tell that of what was longer than the base nothing arrived. A few probes of the present
/// length go out with a ping behind them; if that alone is answered, datagrams are of the base length again.
/// The base needs no proof: it is what every path carries (or what the kernel fragments).
/// Refuses to send, to count bytes on the wire, and to read a clock.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/link/limits.hpp"

#include <cstdint>
#include <optional>

namespace glow::link {

class path_mtu {
public:
  /// Until enable(): no datagram but of that length.
  explicit path_mtu(std::size_t base = 0) : base_{base}, now_{base} {}
  /// Lengths up to `ceiling` are worth a probe; nothing happens when the base is as long.
  void enable(std::size_t ceiling);

  bool is_enabled() const { return ceiling_ > base_; }
  /// Longest datagram to send now.
  std::size_t datagram_bytes() const { return now_; }
  /// Nothing longer is tried for the time being.
  bool is_complete() const { return !candidate(); }

  // ---- probing
  /// Length of the probe that should leave now: call on_probe_sent() when it does. `bytes_sent`: of all traffic so far.
  std::optional<std::size_t> wants_probe(std::uint64_t bytes_sent, duration rtt, steady_time now);
  /// The number of its ping.
  std::uint32_t on_probe_sent(std::uint64_t bytes_sent, steady_time now);
  /// Numbers of probes are nobody else's business.
  static bool is_probe(std::uint32_t number) { return (number & kind_mask) == probe_kind; }
  static std::size_t length_of(std::uint32_t number) { return number & length_mask; }
  /// The answer to a probe: returns whether datagrams have become longer.
  bool on_probe_answered(std::uint32_t number, steady_time now);

  // ---- black holes
  struct verdict {
    bool shrank = false; ///< datagrams are of the base length again
    /// Send so many probes that next_confirmation() numbers, then a ping: on_doubted() with its number.
    unsigned confirm_with = 0;
  };
  /// A sealed datagram or record; `is_long`: it, or each of its pieces, is longer than the base.
  void on_sent(std::size_t bytes, bool is_long) { is_long ? void(++long_sent_) : void(short_bytes_ += bytes); }
  bool is_long(std::size_t datagram_bytes) const { return datagram_bytes > base_; }
  /// An ordinary one; on_sent() has heard of it already.
  void on_ping_sent(std::uint32_t number, duration rtt, steady_time now);
  /// The answer to an ordinary ping. `bytes_arrived`: all that the peer has seen.
  verdict on_pong(std::uint32_t number, std::uint64_t bytes_arrived, steady_time now);
  bool is_in_doubt() const { return in_doubt_; }
  std::uint32_t next_confirmation() const { return number_of(now_); }
  void on_doubted(std::uint32_t ping) { verdict_ping_ = ping; }
  /// The network says that a datagram was too long, and which length fits (0: it does not say). `certain`: this machine's own
  /// stack says so; else it may be a forgery, and is only a reason to look (RFC 8899 §4.6).
  verdict on_too_long(std::size_t fits, bool certain, steady_time now);
  /// Another path: nothing is proven there.
  void on_path_changed();

private:
  static constexpr std::uint32_t kind_mask = 3u << 30;
  static constexpr std::uint32_t probe_kind = 1u << 30;
  static constexpr unsigned length_bits = 16;
  static constexpr std::uint32_t length_mask = (1u << length_bits) - 1;
  struct mark {
    std::uint32_t ping = 0;
    steady_time sent_at{};
    std::uint64_t short_bytes = 0;
    std::uint64_t long_sent = 0;
    std::uint64_t arrived = 0;
  };
  std::optional<std::size_t> candidate() const;
  std::uint32_t number_of(std::size_t length) const;
  void give_up_on(std::size_t length, steady_time now);
  void settle(steady_time now);
  verdict doubt(steady_time now);
  verdict fall(steady_time now);

  std::size_t base_;
  std::size_t now_;
  std::size_t ceiling_ = 0;
  std::size_t impassable_ = 0;   ///< the shortest length that is known not to pass; beyond the ceiling while there is none
  std::size_t told_to_fit_ = 0;  ///< a length that the network named; the next candidate
  std::uint32_t generation_ = 0; ///< of probes: answers to those before a fall or another path prove nothing

  bool probe_waits_ = false; ///< one is unanswered, and not yet given up
  std::size_t probed_ = 0;   ///< its length
  steady_time probe_at_{};
  unsigned unanswered_ = 0; ///< probes of that length
  std::uint64_t bytes_at_probe_ = 0;
  bool has_probed_ = false;
  steady_time search_again_at_ = steady_time::max();

  std::uint64_t short_bytes_ = 0; ///< sent in datagrams up to the base
  std::uint64_t long_sent_ = 0;   ///< datagrams and records
  std::optional<mark> awaited_;
  mark counted_; ///< until where arrivals have been looked at
  std::optional<std::uint32_t> verdict_ping_;
  bool in_doubt_ = false;
  std::optional<steady_time> doubted_at_;
  duration doubt_pause_ = limits::path_mtu_doubt_pause_min; ///< doubts that came to nothing grow rare
};

} // namespace glow::link
