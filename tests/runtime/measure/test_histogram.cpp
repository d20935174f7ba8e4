#include "runtime/measure/histogram.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

using namespace glow;
using measure::histogram;

namespace {

/// Durations of every size: a random number of random bits, in nanoseconds; up to some 70 s.
std::vector<duration> any_durations() {
  auto bits = *rc::gen::container<std::vector<std::pair<std::uint64_t, unsigned>>>(
    rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0u, 37u)));
  std::vector<duration> out;
  for (auto& each : bits)
    out.push_back(duration{static_cast<std::int64_t>(each.first & ((std::uint64_t{1} << each.second) - 1))});
  return out;
}

histogram of(const std::vector<duration>& values) {
  histogram out;
  for (auto each : values) out.record(each);
  return out;
}

bool same(const histogram& a, const histogram& b) {
  for (unsigned power = 0; power <= histogram::octaves; ++power)
    if (a.count_within(power) != b.count_within(power)) return false;
  for (auto share : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0})
    if (a.quantile(share) != b.quantile(share)) return false;
  return a.count() == b.count() && a.sum() == b.sum();
}

} // namespace

TEST_CASE("an empty histogram has no quantiles") {
  histogram empty;
  CHECK(empty.count() == 0);
  CHECK(empty.quantile(0.5) == 0ns);
  CHECK(empty.count_within(histogram::octaves) == 0);
}

TEST_CASE("a histogram's memory is fixed and small") { CHECK(sizeof(histogram) < 1600); }

TEST_CASE("values at a bound are within it, a nanosecond more is not") {
  for (unsigned power = 0; power < histogram::octaves; ++power) {
    const duration bound = std::chrono::microseconds{std::uint64_t{1} << power};
    CHECK(of({bound}).count_within(power) == 1);
    CHECK(of({bound + 1ns}).count_within(power) == 0);
    CHECK(of({bound + 1ns}).count_within(power + 1) == 1);
  }
}

TEST_CASE("nought and less count as the shortest, what is longer than a minute only as recorded") {
  auto odd = of({0ns, -5s, 1h});
  CHECK(odd.count() == 3);
  CHECK(odd.count_within(0) == 2);
  CHECK(odd.count_within(histogram::octaves) == 2);
  CHECK(odd.sum() == 1h);
  CHECK(odd.quantile(1) == std::chrono::microseconds{std::uint64_t{1} << histogram::octaves});
}

TEST_CASE("counts within powers of two are exact, whatever was recorded") {
  CHECK(rc::check([] {
    auto values = any_durations();
    auto counted = of(values);
    for (unsigned power = 0; power <= histogram::octaves; ++power) {
      const duration bound = std::chrono::microseconds{std::uint64_t{1} << power};
      auto within = std::count_if(values.begin(), values.end(), [&](auto each) { return each <= bound; });
      RC_ASSERT(counted.count_within(power) == static_cast<std::uint64_t>(within));
    }
  }));
}

TEST_CASE("a quantile is a bound that its share of the values kept, at most an eighth above the longest of them") {
  CHECK(rc::check([] {
    auto values = any_durations();
    RC_PRE(!values.empty());
    auto counted = of(values);
    std::sort(values.begin(), values.end());
    const auto share = *rc::gen::inRange(1, 101) / 100.0;
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto exact = values[rank - 1];
    if (exact > std::chrono::microseconds{std::uint64_t{1} << histogram::octaves}) return;
    const auto bound = counted.quantile(share);
    RC_ASSERT(bound >= exact);
    RC_ASSERT(to_ms(bound) <= std::max(to_ms(exact) * 1.125, 0.001) + 0.002); // and a microsecond of rounding up
  }));
}

TEST_CASE("histograms merged in any order are one that recorded everything") {
  CHECK(rc::check([] {
    auto a = any_durations(), b = any_durations(), c = any_durations();
    auto all = a;
    all.insert(all.end(), b.begin(), b.end());
    all.insert(all.end(), c.begin(), c.end());
    auto left = of(a);
    left.merge(of(b));
    left.merge(of(c));
    auto right = of(c);
    auto inner = of(b);
    inner.merge(of(a));
    right.merge(inner);
    RC_ASSERT(same(left, of(all)));
    RC_ASSERT(same(right, of(all)));
  }));
}
