/// What a link measures of itself: round trip, loss, delivered rate, and the class that follows from them.
/// Refuses to send pings; it only keeps the books.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/link/carried_load.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/link_counters.hpp"
#include "runtime/measure/histogram.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace glow::link {

class estimates {
public:
  /// `declared_class`: "control" or "drop" where the transport says so, else empty. `declared_why`: its reason, if it told one.
  /// `known_rate_bps`: what the channel carries at the most, where that needs no measuring.
  estimates(bool on_link, std::string declared_class, std::string declared_why = {}, double known_rate_bps = 0);

  /// The class is this one from now on, whatever is measured.
  void declare(std::string link_class, std::string why);
  /// Books a ping and gives its number.
  std::uint32_t on_ping_sent(steady_time now);
  /// `peer_bytes_received`: the peer's own count. Answers to unknown pings are ignored. `loss_means_full`: missing bytes say that
  /// more was offered than the link carries; of records (records.hpp) one lost datagram misses a dozen.
  void on_pong(std::uint32_t number, std::uint64_t peer_bytes_received, steady_time now, bool loss_means_full = true);
  /// RTT as the peer measured it; used while we have none of our own.
  void on_peer_rtt(duration rtt);
  void on_bytes_sent(std::size_t bytes) { bytes_sent_ += bytes; }
  void on_bytes_received(std::size_t bytes) { bytes_received_ += bytes; }
  /// The path is another one: forget what was measured.
  void on_path_changed();
  /// What was sent lately got lost for another reason than a full link: it says nothing of the link's rate.
  void excuse_missing_bytes(steady_time now);
  /// True when class, RTT or rate moved enough since the last true answer to tell others; at most once a second.
  bool worth_telling(steady_time now);

  duration rtt() const { return rtt_; } ///< median of a few, smoothed as RFC 6298 does; zero while unmeasured
  /// While packets flow: a ping now would tell something new. `traffic`: they are payloads.
  bool worth_measuring(steady_time now, bool traffic) const;
  /// Bulk is shared among this link and others: for a while its load is measured, and worth telling, more often.
  void on_shared_load(steady_time now);
  const carried_load& load() const { return load_; }
  duration rtt_min() const { return rtt_min_; }
  double loss() const { return loss_; }         ///< share of pings, 0 … 1, over the last thirty or so
  double rate_bps() const { return rate_bps_; } ///< bits per second that arrived; zero while unmeasured
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  const std::string& link_class() const { return class_; }
  const std::string& why() const { return why_; } ///< why that class, with the time that the figures cover; never empty
  const ping_counters& pings() const { return counted_; }
  /// Every round trip that a ping measured; null before the first.
  const measure::histogram* round_trips() const { return round_trips_.empty() ? nullptr : round_trips_.data(); }

private:
  struct ping {
    std::uint32_t number = 0; ///< 0: free
    steady_time sent_at;
    std::uint64_t bytes_sent = 0;
  };
  struct pong {
    steady_time ping_sent_at;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
  };
  void book_loss(bool lost);
  void book_rtt(duration sample);
  void book_rate(const ping& answered, std::uint64_t peer_bytes_received, duration sample, bool loss_means_full);
  void book_load(double arrived, double sent, double rate, duration sample);
  bool is_shared(steady_time now) const { return now < shared_until_; }
  void forget_old_ceiling(steady_time now);
  void reclassify();
  std::string rtt_in_words() const;
  std::string rate_in_words() const;

  bool on_link_;
  std::string declared_;
  std::string declared_why_;
  double known_rate_bps_ = 0;
  std::array<ping, limits::pings_outstanding_max> pings_{};
  std::uint32_t next_number_ = 1;
  steady_time last_ping_at_{};
  std::uint64_t bytes_at_last_ping_ = 0; ///< sent until then
  duration rtt_{};
  duration rtt_min_{};
  duration unloaded_rtt_{};           ///< what the class goes by: under load only shorter ones count
  std::uint64_t carried_at_pong_ = 0; ///< bytes both ways until then
  steady_time rtt_since_{};           ///< the round trips at hand were measured from here
  steady_time rtt_until_{};
  steady_time rate_since_{}; ///< likewise the rate
  steady_time rate_until_{};
  ping_counters counted_;
  std::vector<measure::histogram> round_trips_; ///< one, made with the first answer: many a far session never pings
  bool rtt_is_own_ = false;
  std::array<duration, 5> rtt_samples_{}; ///< the latest, in turn
  std::size_t rtt_samples_taken_ = 0;
  double loss_ = 0;
  double rate_bps_ = 0;
  duration ceiling_trust_{};
  bool rate_is_ceiling_ = false; ///< more was offered than arrived: the rate is the link's, not the load's
  std::optional<pong> last_pong_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  std::string class_;
  std::string why_;
  std::string candidate_; ///< class that the figures ask for; taken after three in a row
  int candidate_seen_ = 0;
  steady_time reclassified_at_{};
  bool is_hurried_ = false; ///< one more measurement within the same second: as good as the one before it
  carried_load load_;
  steady_time shared_until_{};
  std::uint64_t told_load_ = 0; ///< sample
  steady_time told_at_{};
  std::string told_class_;
  duration told_rtt_{};
  double told_rate_bps_ = 0;
};

} // namespace glow::link
