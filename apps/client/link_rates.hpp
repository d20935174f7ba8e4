/// Bytes per second of each link, from the counters of two looks at them.
#pragma once

#include "apps/client/document.hpp"

#include <chrono>
#include <map>
#include <optional>

namespace glow::client {

class link_rates {
public:
  using clock = std::chrono::steady_clock;
  /// Adds `bytes_in_per_s` and `bytes_out_per_s` to each link of the document: null in the first look at a link, or when its
  /// counters went back (another link under the same number: the agent was restarted).
  void add_to(json& links, clock::time_point now);

private:
  struct look {
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };
  std::map<std::string, look> before_; ///< by id
  std::optional<clock::time_point> looked_at_;
};

} // namespace glow::client
