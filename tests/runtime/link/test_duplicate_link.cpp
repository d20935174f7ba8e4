#include "runtime/link/duplicate_link.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::link;

namespace {

node_id node(std::uint8_t number) {
  node_id out;
  out.value.fill(number);
  return out;
}

} // namespace

TEST_CASE("of two links that were dialled at the same time, both sides keep the one that the lower node id began") {
  for (auto [one, other] : {std::pair{node(1), node(2)}, std::pair{node(2), node(1)}})
    for (bool older_is_ones : {true, false}) {
      auto just_now = limits::simultaneous_dials_within - 1ms;
      bool kept_here = older_link_stays(one, other, older_is_ones, just_now);
      CHECK(kept_here == older_link_stays(other, one, !older_is_ones, just_now)); // both keep the same
      CHECK(kept_here == (older_is_ones == (one < other)));
    }
}

TEST_CASE("a link that comes long after another one of its kind takes its place, whoever began it") {
  for (bool older_is_ours : {true, false})
    for (auto peer : {node(1), node(3)})
      CHECK_FALSE(older_link_stays(node(2), peer, older_is_ours, limits::simultaneous_dials_within));
}
