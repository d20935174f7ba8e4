#include "runtime/route/metric.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::route;

namespace {

link_view link_of(std::string link_class, double rate_bps, duration rtt = 1ms) {
  link_view out{};
  out.link_class = std::move(link_class);
  out.rate_bps = rate_bps;
  out.rtt = rtt;
  return out;
}

} // namespace

TEST_CASE("a detour over local links in use is no better for bulk than a local link that has carried nothing yet") {
  const auto straight = link_cost(metric_class::bulk, link_of("local", 0));
  const auto busy = link_cost(metric_class::bulk, link_of("local", 4e9));
  CHECK(straight < over_hop(metric_class::bulk, busy, busy));
}

TEST_CASE("of two links over the Internet the one that was seen to carry more is better for bulk") {
  CHECK(link_cost(metric_class::bulk, link_of("wan", 200e6)) < link_cost(metric_class::bulk, link_of("wan", 20e6)));
  CHECK(link_cost(metric_class::bulk, link_of("wan", 0)) == link_cost(metric_class::bulk, link_of("wan", 9e6)));
}

TEST_CASE("bulk never crosses slow links, and nothing crosses a drop") {
  CHECK(link_cost(metric_class::bulk, link_of("control", 1e9)) == infinite_metric);
  CHECK(link_cost(metric_class::interactive, link_of("control", 9600)) < infinite_metric);
  CHECK(link_cost(metric_class::interactive, link_of("drop", 1e9)) == infinite_metric);
}

TEST_CASE("for bulk each hop costs, so that a detour over equal links is given up for the straight one") {
  const auto one = link_cost(metric_class::bulk, link_of("local", 0));
  const auto two = over_hop(metric_class::bulk, one, one);
  CHECK(static_cast<double>(one) < 0.9 * static_cast<double>(two)); // by more than what a way in use is spared
  CHECK(over_hop(metric_class::bulk, one, infinite_metric) == infinite_metric);
  for (metric promised : {metric{1}, metric{1000}, one, 100 * one}) {
    CHECK(over_hop(metric_class::bulk, one, promised) > promised); // else loops would not end
    CHECK(over_hop(metric_class::bulk, one, promised) <= over_hop(metric_class::bulk, one, promised + 1));
  }
}
