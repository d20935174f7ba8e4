/// Is the peer still there? Unanswered data leads to probes, and so does a flow of packets that breaks off: who only listens
/// learns as soon as who sends that the peer went, and its answers go another way in time. Unanswered probes lead to a verdict;
/// an idle link beats slowly. Refuses to send: it says when to probe.
///
///   heard ─sent, or a flow─► waiting ─silence─► probing ─four probes unanswered─► dead
///     ▲─────────────── anything authentic heard ─────┘
///
/// Each probe waits its own interval after the one before was really sent, so that a node that was itself stopped for
/// a while does not declare its peers dead before it has listened.
#pragma once

#include "runtime/base/time.hpp"

#include <optional>

namespace glow::link {

class liveness {
public:
  enum class advice { nothing, probe, dead };

  /// What is asked of a silent peer, and how soon it is given up after unanswered data.
  enum class pace {
    local, ///< 300 ms
    wide,  ///< 3 RTT + 500 ms
    slow,  ///< as wide, but a round trip counts as 3 s at the least: a line that takes a second for one packet each way
  };
  /// `leads`: this side beats when idle; the other one only after missing two beats.
  liveness(pace how, bool leads, steady_time now) : pace_{how}, leads_{leads}, heard_at_{now} {}

  /// Something left that the peer answers sooner or later: data or a ping, not an answer. `answer_pause`: for so long the
  /// peer may hold its answer back.
  void on_sent(steady_time now, duration rtt, duration answer_pause = {});
  /// Something authentic arrived.
  void on_heard(steady_time now, duration rtt);
  /// `probe`: send a ping now (and do not report it with on_sent).
  advice on_tick(steady_time now, duration rtt);
  steady_time next_tick() const;
  /// Probes are unanswered.
  bool is_silent() const { return probes_ > 1; }
  /// Asks for a probe at once: somebody claims that the peer started anew.
  void doubt(steady_time now);

private:
  duration patience(duration rtt) const;
  duration probe_interval(duration rtt) const;

  duration round_trip(duration measured) const;

  pace pace_;
  bool leads_;
  steady_time heard_at_;
  std::optional<steady_time> next_probe_; ///< set while something is unanswered
  int probes_ = 0;                        ///< unanswered ones
  int in_a_row_ = 0;                      ///< heard, each within the patience after the one before; a flow, when they are many
};

} // namespace glow::link
