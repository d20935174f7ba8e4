/// What one link counts over its life, whatever sessions and paths it went through.
#pragma once

#include <cstdint>

namespace glow::link {

struct link_counters {
  std::uint64_t packets_in = 0;        ///< overlay packets that were opened and delivered
  std::uint64_t packets_out = 0;       ///< overlay packets that were sealed and sent
  std::uint64_t rejected_foreign = 0;  ///< datagrams of no known type, or for another session
  std::uint64_t rejected_forged = 0;   ///< datagrams that did not open under this link's keys
  std::uint64_t rejected_replayed = 0; ///< datagrams that had come before, or too late to know
  std::uint64_t dropped_too_long = 0;  ///< packets longer than the channel carries
  std::uint64_t dropped_not_up = 0;    ///< packets for a link that was not up, or waited for it in too great a number
};

/// What its pings told.
struct ping_counters {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t lost = 0;
  std::uint64_t class_changes = 0;
};

} // namespace glow::link
