#include "runtime/store/version_vector.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace glow::store {
namespace {

version_vector some_vector() {
  version_vector out;
  const auto sequences = *rc::gen::container<std::vector<int>>(8, rc::gen::inRange(0, 4)); // of each device; 0: perhaps no entry
  for (std::size_t device = 0; device < sequences.size(); ++device) {
    node_id id;
    id.value.fill(static_cast<std::uint8_t>(device + 1));
    if (sequences[device] > 0 || device % 2 == 0) out[id] = static_cast<std::uint64_t>(sequences[device]);
  }
  return out;
}

} // namespace

TEST_CASE("what lies beyond a vector brings it up to the join of both, and nothing lies beyond what contains it") {
  REQUIRE(rc::check("join and beyond", [] {
    const auto one = some_vector(), other = some_vector();
    auto joined = one;
    join_into(joined, other);
    RC_ASSERT(contains(joined, one) && contains(joined, other));
    RC_ASSERT(beyond(one, joined).empty());
    auto caught_up = other;
    join_into(caught_up, beyond(one, other));
    RC_ASSERT(digest_of(caught_up) == digest_of(joined));
    RC_ASSERT(contains(one, other) == beyond(other, one).empty());
  }));
}

TEST_CASE("digests of version vectors tell apart who has more, and do not see entries of nothing") {
  REQUIRE(rc::check("digests", [] {
    const auto one = some_vector(), other = some_vector();
    const bool same = contains(one, other) && contains(other, one);
    RC_ASSERT((digest_of(one) == digest_of(other)) == same);
  }));
  CHECK(digest_of({}) == 0);
}

} // namespace glow::store
