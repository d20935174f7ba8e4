#include "apps/client/link_rates.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace std::chrono_literals;
using client::json;
using client::link_rates;

namespace {

json link(int id, std::uint64_t in, std::uint64_t out) { return {{"id", id}, {"bytes_in", in}, {"bytes_out", out}}; }

} // namespace

TEST_CASE("the first look at a link knows no rate, the second one does") {
  link_rates rates;
  const link_rates::clock::time_point start{1h};
  auto first = json::array({link(1, 1000, 5000)});
  rates.add_to(first, start);
  CHECK(first[0]["bytes_in_per_s"].is_null());
  auto second = json::array({link(1, 3000, 5000), link(2, 9, 9)});
  rates.add_to(second, start + 2s);
  CHECK(second[0]["bytes_in_per_s"] == 1000.0);
  CHECK(second[0]["bytes_out_per_s"] == 0.0);
  CHECK(second[1]["bytes_in_per_s"].is_null());
}

TEST_CASE("counters that went back belong to another link, and rates start anew") {
  link_rates rates;
  const link_rates::clock::time_point start{1h};
  auto before = json::array({link(1, 1000, 5000)});
  auto after = json::array({link(1, 10, 5001)});
  rates.add_to(before, start);
  rates.add_to(after, start + 1s);
  CHECK(after[0]["bytes_in_per_s"].is_null());
  auto later = json::array({link(1, 20, 5001)});
  rates.add_to(later, start + 1500ms);
  CHECK(later[0]["bytes_in_per_s"] == 20.0);
}

TEST_CASE("two looks at the same instant make no rate of nothing") {
  link_rates rates;
  const link_rates::clock::time_point start{1h};
  auto first = json::array({link(1, 1, 1)}), second = json::array({link(1, 2, 2)});
  rates.add_to(first, start);
  rates.add_to(second, start);
  CHECK(second[0]["bytes_in_per_s"].is_null());
}
