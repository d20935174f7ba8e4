#include "runtime/link/link_policy.hpp"

#include "runtime/link/dial_plan.hpp"
#include "runtime/link/payload.hpp"
#include "tests/runtime/link/alice_and_bob.hpp"

using namespace glow;
using namespace glow::link;

namespace {

link_policy said(const std::string& uri) { return *policy_of(*parse_channel_uri(uri)); }

} // namespace

TEST_CASE("a URI says a link's class and whether it is to carry bulk, on any medium") {
  CHECK(said("udp://h:1") == link_policy{});
  CHECK(said("tcp://h:1?class=control").declared_class == "control");
  CHECK(said("tcp://h:1?class=drop").declared_class == "drop");
  CHECK(said("tty:/dev/ttyUSB0?baud=9600&bulk=yes").bulk == bulk_wish::yes);
  CHECK(said("exec:ssh%20h?bulk=no").bulk == bulk_wish::no);
}

TEST_CASE("a class that is measured, and a wish that is none, are refused before anything is dialled") {
  seeded_random random{1};
  for (auto text : {"tcp://h:1?class=local", "tcp://h:1?class=", "udp://h:1?bulk=maybe", "udp://h:1?bulk="}) {
    CAPTURE(text);
    auto uri = *parse_channel_uri(text);
    auto refused = policy_of(uri);
    REQUIRE_FALSE(refused);
    CHECK(refused.why().code == error_code::usage);
    dial_plan plan;
    CHECK_FALSE(plan.add(uri, {}, true, steady_time{}));
  }
}

TEST_CASE("both ends come to the same view, whoever said it") {
  const std::vector<link_policy> words{said("udp://h:1"), said("udp://h:1?bulk=yes"), said("udp://h:1?bulk=no"),
                                       said("udp://h:1?class=control"), said("udp://h:1?class=drop&bulk=yes")};
  for (auto& one : words)
    for (auto& other : words) {
      auto here = combined(one, to_features(other));
      auto there = combined(other, to_features(one));
      CHECK(here.declared_class == there.declared_class);
      CHECK(here.bulk == there.bulk);
    }
  CHECK(combined(words[1], to_features(words[2])).bulk == bulk_wish::no);
  CHECK(combined(words[0], to_features(words[1])).bulk == bulk_wish::yes);
  CHECK(combined(words[3], to_features(words[4])).declared_class == "drop");
}

TEST_CASE("what one end's owner says of a link holds at the other end, too") {
  auto dialling = alice_and_bob::dialling();
  dialling.declared_class = "control";
  dialling.bulk = bulk_wish::yes;
  dialling.features |= to_features({"control", "its URI says so", bulk_wish::yes});
  simulated_pair pair{dialling, alice_and_bob::answering()};
  pair.start();
  pair.run_for(1s);
  for (auto* side : {&pair.a, &pair.b}) {
    REQUIRE(side->machine.is_up());
    CHECK(side->machine.figures(pair.now).link_class == "control");
    CHECK(side->machine.figures(pair.now).bulk == bulk_wish::yes);
  }
  CHECK(pair.b.machine.figures(pair.now).why.find("the peer says so") != std::string::npos);
}
