/// What every Glow actor answers of its measurements, below its own behaviour (lifecycle.hpp): its mailbox and messages by
/// itself, and what its state counts where that has `void expose(measure::exposition&) const`.
#pragma once

#include "actors/contracts/system.hpp"
#include "runtime/measure/exposition.hpp"

namespace glow {

struct get_metrics {}; ///< control → any actor; answered by metrics_report
struct metrics_report {
  stats_report stats;
  measure::exposition measured; ///< with labels that tell this actor from others of its kind
};

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_metrics)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::metrics_report)
