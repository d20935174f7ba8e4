/// Bulk to one neighbour over several like links: which of them take part, what share each has, and whose turn it is.
///
///   unmeasured ─► tried with a small share ─► carries what it was seen to carry ◄─► (silent)
///                     └───────── lossy, or far slower than the others ─────────► left out for a while, then tried again
///
/// Like: of one class and one medium, packets as long as the best link's, round trips and rates not far from the leader's. The
/// leader is the link with the highest rate that does not lose more than the others. One congestion window sees the sum, so a
/// share that is too large for its link drags all of them: a rate grows only while its link shows no queue and no loss, and is
/// what arrived once it does. Shares are dealt in runs (deficit round robin, Shreedhar and Varghese 1996), so that batches stay
/// batches and packets overtake each other by no more than a run.
///
/// A value. Refuses to know packets: it hears how long they are.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/route/metric.hpp"

#include <map>
#include <string>
#include <vector>

namespace glow::route {

struct stripe_tuning {
  bool several = true;           ///< false: the best link alone
  double rate_share = 0.25;      ///< of the leader's rate: a link that is slower is not like it
  double rate_share_kept = 0.16; ///< likewise once it takes part
  double rtt_factor = 1.5;       ///< round trips that far apart, and by rtt_rise, are not alike
  double rtt_factor_kept = 2.5;
  duration rtt_rise = 2ms;
  double loss_kept = 0.004;      ///< a link that loses so much more than the least lossy one …
  unsigned lossy_samples = 5;    ///< … in so many measurements in a row is lossy
  double trial_share = 0.25;     ///< of the leader's rate: what an unmeasured link begins with
  duration left_out_first = 10s; ///< doubles
  duration left_out_max = 10min;
};

/// Why a link takes part in a neighbour's bulk, or does not.
enum class stripe_verdict : std::uint8_t {
  alone, ///< the only one that may
  leads, ///< the others are compared with it
  shares,
  is_tried,   ///< takes part with a small share, for nothing is known of its rate
  waits,      ///< until the leader's rate is known
  is_refused, ///< by its class or its owner
  is_silent,
  other_class,
  other_medium,
  short_packets,
  far_round_trip,
  is_slow,
  is_lossy,
};

class stripe {
public:
  struct member {
    std::uint32_t link = 0;
    double share = 0; ///< 0 … 1; all together 1
    double rate_bps = 0;
    std::int64_t run_bytes = 0; ///< each turn
    std::int64_t left_bytes = 0;
  };

  /// All links to the neighbour now, and the one that takes its bulk when only one does (0: none may).
  void update(const std::vector<const link_view*>& links, std::uint32_t best, const stripe_tuning& tuning, steady_time now);
  /// Whose turn it is, for a packet of that length. 0: nobody's.
  std::uint32_t next(std::size_t packet_bytes);

  const std::vector<member>& members() const { return members_; }
  double share_of(std::uint32_t link) const;
  stripe_verdict verdict_of(std::uint32_t link) const;
  /// Several links might take part: their loads are to be measured often.
  bool measures() const { return candidates_ > 1; }

private:
  struct record {
    std::uint64_t sample = 0;  ///< the latest that was taken in
    std::uint64_t samples = 0; ///< since the link was (again) tried
    double rate_bps = 0;       ///< 0: unmeasured
    bool was_full = false;     ///< the rate is the link's own
    double loss = 0;
    unsigned lossy_in_a_row = 0;
    bool is_news = false; ///< the present update brought a measurement
    bool takes_part = false;
    steady_time left_out_until{};
    duration left_out_for{};
    stripe_verdict left_out_why = stripe_verdict::is_slow;
    stripe_verdict verdict = stripe_verdict::waits;
  };
  void take_in(record& of, const link_view& link);
  void leave_out(record& of, stripe_verdict why, const stripe_tuning& tuning, steady_time now);
  stripe_verdict judge(const link_view& link, const link_view& leader, const link_view& best, const stripe_tuning& tuning,
                       steady_time now);
  const link_view* leader_of(const std::vector<const link_view*>& eligible, std::uint32_t best) const;
  void note_losses(const std::vector<const link_view*>& eligible, const stripe_tuning& tuning);
  void deal(const std::vector<const link_view*>& taking_part, const link_view& leader, const stripe_tuning& tuning);

  std::map<std::uint32_t, record> known_;
  std::vector<member> members_;
  std::size_t turn_ = 0;
  std::size_t candidates_ = 0;
};

} // namespace glow::route
