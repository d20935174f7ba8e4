/// Walks a path: probes whose hop limit grows by one, each answered by the node where it ends.
/// Refuses to route: the router sends the probes and brings the answers.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/route/control_packet.hpp"

#include <map>

namespace glow::route {

/// One node on the path.
struct trace_step {
  node_id node;
  duration rtt{};
  std::string link;       ///< by which the node before it sends on
  std::string link_class; ///< of that link
};

/// A probe to send to `to` with this hop limit.
struct trace_probe {
  node_id to;
  std::uint8_t hop_limit = 0;
  byte_string body;
};
struct trace_end {
  std::uint64_t trace = 0;
  result<std::vector<trace_step>> steps;
};

class trace_table {
public:
  /// What came out of a call: probes to send, traces that are over.
  struct outcome {
    std::vector<trace_probe> probes;
    std::vector<trace_end> ended;
  };

  /// Returns the trace's id. `first_link`: the one this node sends by. Errors: `exhausted` beyond traces_max.
  result<std::uint64_t> start(const node_id& to, const std::string& first_link, const std::string& first_class, duration timeout,
                              steady_time now, random_source& random, outcome& out);
  void on_answer(const node_id& from, const trace_packet& answer, steady_time now, outcome& out);
  void on_tick(steady_time now, outcome& out);
  steady_time wake_at() const;

private:
  struct path_walk {
    node_id to;
    std::uint8_t hop_limit = 0;
    steady_time deadline;
    steady_time sent_at;
    std::string next_link;
    std::string next_class;
    std::vector<trace_step> steps;
  };
  static void probe(std::uint64_t id, path_walk& of, steady_time now, outcome& out);

  std::map<std::uint64_t, path_walk> walks_;
};

} // namespace glow::route
