#include "runtime/store/fastcdc.hpp"
#include "runtime/store/limits.hpp"

#include "tests/runtime/store/store_fixture.hpp"

#include <rapidcheck.h>

#include <ctime>
#include <numeric>

using namespace store_fixture;

namespace {

auto gear() { return make_gear_table(byte_string(32, 3)); }
constexpr cut_sizes small_sizes{1024, 4096, 16384};

std::vector<std::size_t> cuts_of_slices(byte_view whole, const std::vector<std::size_t>& slices, cut_sizes sizes) {
  chunk_cutter cutter{gear(), sizes};
  std::vector<std::size_t> cuts;
  std::size_t length = 0, next = 0;
  while (!whole.empty()) {
    auto slice = whole.first(std::min(whole.size(), slices[next++ % slices.size()] + 1));
    whole = whole.subspan(slice.size());
    while (!slice.empty()) {
      auto used = cutter.feed(slice);
      length += used;
      slice = slice.subspan(used);
      if (cutter.cut_here()) cuts.push_back(std::exchange(length, 0));
    }
  }
  if (length > 0) cuts.push_back(length);
  return cuts;
}

std::set<std::size_t> positions(const std::vector<std::size_t>& lengths) {
  std::set<std::size_t> out;
  std::size_t at = 0;
  for (auto each : lengths) out.insert(at += each);
  return out;
}

} // namespace

TEST_CASE("chunks keep between the bounds, near the average, and lose no byte") {
  auto whole = random_bytes(1, 24u << 20);
  auto lengths = cut_lengths(whole, gear());
  REQUIRE(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) == whole.size());
  for (std::size_t i = 0; i + 1 < lengths.size(); ++i) {
    REQUIRE(lengths[i] >= limits::chunk_bytes_min);
    REQUIRE(lengths[i] <= limits::chunk_bytes_max);
  }
  auto average = whole.size() / lengths.size();
  REQUIRE(average > limits::chunk_bytes_average * 7 / 10);
  REQUIRE(average < limits::chunk_bytes_average * 15 / 10);
}

TEST_CASE("a file of at most the minimum is one chunk") {
  REQUIRE(cut_lengths(random_bytes(2, limits::chunk_bytes_min), gear()).size() == 1);
  REQUIRE(cut_lengths({}, gear()).empty());
}

TEST_CASE("how the bytes are sliced changes no cut") {
  REQUIRE(rc::check("slicing", [](std::uint64_t seed) {
    auto whole = random_bytes(seed, 120000);
    auto slices = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 9000)));
    RC_ASSERT(cuts_of_slices(whole, slices, small_sizes) == cut_lengths(whole, gear(), small_sizes));
  }));
}

TEST_CASE("an insertion moves only the cuts near it") {
  REQUIRE(rc::check("insertion", [](std::uint64_t seed) {
    auto before = random_bytes(seed, 400000);
    auto at = *rc::gen::inRange<std::size_t>(0, before.size());
    auto inserted = random_bytes(seed + 1, *rc::gen::inRange<std::size_t>(1, 300));
    auto after = before;
    after.insert(after.begin() + static_cast<std::ptrdiff_t>(at), inserted.begin(), inserted.end());
    auto old_cuts = positions(cut_lengths(before, gear(), small_sizes));
    auto new_cuts = positions(cut_lengths(after, gear(), small_sizes));
    std::size_t far_changed = 0;
    for (auto cut : old_cuts) {
      if (cut <= at) RC_ASSERT(new_cuts.contains(cut) || at - cut < small_sizes.max);
      if (cut > at && !new_cuts.contains(cut + inserted.size())) ++far_changed;
    }
    RC_ASSERT(far_changed <= 24u); // resynchronises after a few chunks of about 60
  }));
}

TEST_CASE("another key cuts elsewhere") {
  auto whole = random_bytes(5, 8u << 20);
  REQUIRE(cut_lengths(whole, gear()) != cut_lengths(whole, make_gear_table(byte_string(32, 4))));
}

TEST_CASE("zeros are cut, within the bounds") {
  byte_string zeros(5u << 20);
  for (auto each : cut_lengths(zeros, gear())) REQUIRE(each <= limits::chunk_bytes_max);
}

TEST_CASE("cutting runs at the speed of memory", "[.measure]") {
  auto whole = random_bytes(6, 256u << 20);
  auto start = std::clock(); // processor time: the machine may be busy
  auto count = cut_lengths(whole, gear()).size();
  WARN("cut " << count << " chunks at " << 256.0 * CLOCKS_PER_SEC / static_cast<double>(std::clock() - start) << " MiB/s");
}
