/// One stream over two disjoint paths, whose active one is cut again and again: how soon do bytes flow again?
///
///      ┌── relay 1 ──┐
///   a ─┤             ├─ b          a writes all the time, b reads
///      └── relay 2 ──┘
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace glow::simulation {

/// How the active path goes: the carrier of one of its two cables (both ends are told), one of its cables without a word, or its
/// relay, killed.
enum class cut_kind : std::uint8_t { carrier = 0, blackhole = 1, relay = 2 };
inline constexpr std::size_t cut_kinds = 3;
const char* name_of(cut_kind kind);
/// Bytes flow again within this (issue: 500 ms, and 1 s where nobody is told).
constexpr duration cut_limit(cut_kind kind) { return kind == cut_kind::blackhole ? 1s : 500ms; }

struct cut_options {
  std::uint64_t seed = 1;
  std::size_t cuts = 1000;
  std::string medium = "lan"; ///< of all four cables
  std::function<void(const std::string& line)> trace;
};

struct cut_report {
  std::vector<std::string> violations;                   ///< a limit missed, a byte lost or doubled
  std::array<std::vector<double>, cut_kinds> outages_ms; ///< sorted; by kind, each from the cut until bytes flow again
  std::uint64_t bytes = 0;                               ///< that arrived
  std::uint64_t event_hash = 0, events = 0;
  double virtual_s = 0, real_s = 0;
};

/// Errors: `usage` (no such medium).
result<cut_report> simulate_cuts(const cut_options& options);

} // namespace glow::simulation
