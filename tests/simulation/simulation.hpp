/// One simulated run: a mesh, its work, its faults, and the checkers that look on. Same options, same run, to the last event.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "tests/simulation/fault_names.hpp"

#include <functional>
#include <map>

namespace glow::simulation {

struct simulation_options {
  std::uint64_t seed = 1;
  std::string topology = "home";
  std::size_t nodes = 6;
  duration time = 10min;        ///< with faults and work; quiet comes after it
  std::set<std::string> faults; ///< names of fault_names()
  duration fault_pace = 60s;    ///< mean pause between two strikes of one kind on one node (of six, if there are more)
  bool work = true;             ///< puts, reads, requests, jobs, messages
  std::function<void(const std::string& line)> trace; ///< what happens, as it happens; may be empty
  std::function<void(duration done, duration of)> progress;
};

/// A distribution in few numbers.
struct spread {
  std::size_t count = 0;
  double median = 0, p95 = 0, most = 0;
};

struct simulation_report {
  std::vector<std::string> violations;
  std::uint64_t event_hash = 0;
  std::uint64_t events = 0;
  std::size_t nodes = 0;
  spread convergence_s;             ///< from a change of cables or nodes until everybody's routes are those of the graph
  double bytes_per_node_second = 0; ///< on all wires, work included
  double path_stretch = 0;          ///< hops over shortest hops, mean after quiet
  double delivered = 0;             ///< requests answered, of those sent
  std::uint64_t requests = 0, objects = 0, jobs = 0, messages = 0, strikes = 0, escalations = 0;
  std::uint64_t streams = 0, streams_whole = 0, stream_bytes = 0; ///< opened, ended well on both sides, arrived
  std::size_t longest_queue = 0;
  double real_s = 0;
  std::uint64_t memory_bytes = 0;             ///< resident, of the whole process at the end of the run
  std::map<std::string, std::uint64_t> turns; ///< by name of actor
};

/// Errors: `usage` (options that make no mesh). A run that cannot go on (actors that spin) ends with a violation.
result<simulation_report> simulate(const simulation_options& options);

/// A surprise from outside the simulated world since the process started: a read of the real clock, unseeded randomness, or
/// a second thread, while actors ran. Empty: none.
std::string outside_influence();

} // namespace glow::simulation
