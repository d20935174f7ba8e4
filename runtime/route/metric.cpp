#include "runtime/route/metric.hpp"

#include "runtime/route/admission.hpp"

#include <algorithm>
#include <cmath>

namespace glow::route {

namespace {

metric saturated(double microseconds) {
  if (!(microseconds >= 1)) return 1;
  return static_cast<metric>(std::min(microseconds, static_cast<double>(infinite_metric - 1)));
}

metric sum(metric a, metric b) {
  if (a == infinite_metric || b == infinite_metric) return infinite_metric;
  const auto wide = std::uint64_t{a} + b;
  return wide >= infinite_metric ? infinite_metric : static_cast<metric>(wide);
}

/// Before the first measurement: what the class promises by definition (overlay.md).
double assumed_rtt_us(const link_view& link) { return link.link_class == "local" ? 1e3 : link.link_class == "wan" ? 5e4 : 5e5; }

/// Links see the rate of what they happen to carry, so an idle one is credited with what its class promises. Powers of two:
/// a way should not look better just because it is in use.
/// Local ones are all alike: what was measured of them is mostly the load's rate, and a detour that is in use would beat the link
/// that leads straight there and has carried nothing yet.
double credited_rate_bps(const link_view& link) {
  constexpr double local_rate_bps = 1e8;
  constexpr double wan_rate_bps = 1e7;
  constexpr double slow_rate_bps = 9600;
  const bool slow = link.link_class == "control" || link.link_class == "drop"; // and yet to carry bulk, as its owners wish
  const double credited = slow                         ? std::max(link.rate_bps, slow_rate_bps)
                          : link.link_class == "local" ? local_rate_bps
                                                       : std::max(link.rate_bps, wan_rate_bps);
  return std::exp2(std::floor(std::log2(credited)));
}

} // namespace

bool has_moved(metric from, metric to, double share) {
  if (from == infinite_metric || to == infinite_metric) return from != to;
  const auto distance = from > to ? from - to : to - from;
  return static_cast<double>(distance) > share * static_cast<double>(from);
}

metric over_hop(metric_class c, metric hop, metric promised) {
  if (hop == infinite_metric || promised == infinite_metric) return infinite_metric;
  if (c == metric_class::interactive) return sum(std::max(hop, metric{1}), promised);
  // the bottleneck, and half of the rest: a relay handles every byte once more, and what is kept for a way in use must not hold
  // on to a detour over links as good as the straight one
  return sum(std::max(hop, promised), std::max(std::min(hop, promised) / 2, hop_cost));
}

metric link_cost(metric_class c, const link_view& link) {
  const auto traffic = c == metric_class::bulk ? traffic_class::bulk : traffic_class::interactive;
  if (admits(link.link_class, link.bulk, traffic) == admission::refused) return infinite_metric;
  if (c == metric_class::bulk) return saturated(8e6 * (1u << 20) / credited_rate_bps(link));
  const double rtt_us =
    link.rtt > duration::zero() ? std::chrono::duration<double, std::micro>(link.rtt).count() : assumed_rtt_us(link);
  const double delivered = 1.0 - std::clamp(link.loss, 0.0, 0.9);
  return saturated(rtt_us / 2 / delivered + hop_cost);
}

} // namespace glow::route
