#include "tests/runtime/stream/striped_ways.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::stream;
using glow::stream::test::striped_ways;
using glow::stream::test::way_traits;

namespace {

double alone(const way_traits& way, duration span) { return striped_ways{{way}}.mb_per_s_over(span); }

} // namespace

TEST_CASE("a stream over two like ways carries what both do") {
  striped_ways both{{{}, {}}};
  const auto one = alone({}, 10s);
  const auto two = both.mb_per_s_over(10s);
  INFO(one << " MB/s over one, " << two << " over both, resent " << both.resent_share());
  CHECK(two >= 1.7 * one);
}

TEST_CASE("a stream over several ways is never much slower than over the best of them alone") {
  struct mix {
    const char* what;
    way_traits one, other;
  };
  const mix mixes[] = {
    {"half as fast", {}, {2e6}},
    {"a quarter as fast", {}, {1e6}},
    {"a tenth as fast", {}, {4e5}},
    {"the announced way is the slow one", {1e6}, {}},
    {"a longer round trip", {}, {4e6, 14ms}},
    {"a far longer round trip", {}, {4e6, 40ms}},
    {"a deep queue", {}, {4e6, 10ms, 0, 800000}},
    {"a shallow queue", {}, {4e6, 10ms, 0, 20000}},
    {"one packet in a thousand is lost", {}, {4e6, 10ms, 0.001}},
    {"one in a hundred", {}, {4e6, 10ms, 0.01}},
    {"one in twenty", {}, {4e6, 10ms, 0.05}},
    {"the announced way is the lossy one", {4e6, 10ms, 0.02}, {}},
    {"near, and slower", {4e6, 1ms}, {2e6, 1ms}},
  };
  for (auto& each : mixes) {
    const auto best = std::max(alone(each.one, 15s), alone(each.other, 15s));
    striped_ways both{{each.one, each.other}};
    const auto first = both.mb_per_s_over(5s);
    const auto later = both.mb_per_s_over(10s);
    const auto whole = (first * 5 + later * 10) / 15;
    INFO(each.what << ": best alone " << best << " MB/s, both " << whole << ": " << first << " in 5 s, then " << later);
    CHECK(later >= 0.9 * best);
    CHECK(whole >= 0.85 * best); // the first seconds are what it takes to find a way out
  }
}

TEST_CASE("when one of two ways dies the stream goes on over the other as soon as its death is known") {
  striped_ways both{{{}, {}}};
  both.mb_per_s_over(5s);
  REQUIRE(both.shares().members().size() == 2);
  both.cut(1, 300ms);
  const auto pause = both.longest_pause_over(2s);
  INFO(to_ms(pause) << " ms without a byte");
  CHECK(pause < 500ms);
  CHECK(both.shares().members().size() == 1);
  CHECK(both.mb_per_s_over(5s) >= 0.9 * alone({}, 5s));
}

TEST_CASE("a way that is left out because it loses is tried again, and takes its share when it does not any more") {
  striped_ways both{{{}, {4e6, 10ms, 0.05}}};
  both.mb_per_s_over(5s);
  CHECK(both.shares().members().size() == 1); // it lost, or it was slow for that
  both.set_loss(1, 0);
  both.mb_per_s_over(12s);
  CHECK(both.shares().verdict_of(2) == route::stripe_verdict::shares);
  CHECK(both.shares().share_of(2) > 0.35);
}

TEST_CASE("shares follow when a way becomes slower or faster") {
  striped_ways both{{{}, {}}};
  both.mb_per_s_over(5s);
  both.set_rate(1, 2e6);
  both.mb_per_s_over(5s);
  CHECK(both.shares().share_of(2) == Approx(0.33).margin(0.08));
  both.set_rate(1, 4e6);
  both.mb_per_s_over(8s);
  CHECK(both.shares().share_of(2) == Approx(0.5).margin(0.1));
}
