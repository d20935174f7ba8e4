#include "tests/simulation/checkers.hpp"
#include "tests/simulation/stream_checker.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::simulation;

namespace {

digest some_digest(std::uint8_t which) {
  digest out;
  out.value.fill(which);
  return out;
}

} // namespace

TEST_CASE("a forwarding loop is found, and a way that ends is none") {
  constexpr auto nowhere = loop_checker::nowhere;
  CHECK(loop_checker::find_loop({1, 2, 3, nowhere}).empty());
  CHECK(loop_checker::find_loop({3, 3, 1, nowhere}).empty());
  CHECK(loop_checker::find_loop({1, 2, 1}) == std::vector<std::size_t>{1, 2});
  CHECK(loop_checker::find_loop({nowhere, 2, 3, 4, 2}) == std::vector<std::size_t>{2, 3, 4});
}

TEST_CASE("a request at the wrong node, twice in one life, or with other bytes is a violation") {
  auto complaints = [](auto does) {
    violation_list seen;
    delivery_checker checker{seen};
    checker.on_sent(1, {0, 2, some_digest(1)});
    does(checker);
    return seen.all().size();
  };
  CHECK(complaints([](auto& c) { c.on_served(1, 2, 0, some_digest(1), 1, 0ns), c.on_answered(1, some_digest(1), 0ns); }) == 0);
  CHECK(complaints([](auto& c) { c.on_served(1, 1, 0, some_digest(1), 1, 0ns); }) == 1);
  CHECK(complaints([](auto& c) { c.on_served(1, 2, 1, some_digest(1), 1, 0ns); }) == 1);
  CHECK(complaints([](auto& c) { c.on_served(1, 2, 0, some_digest(2), 1, 0ns); }) == 1);
  CHECK(complaints([](auto& c) { c.on_served(1, 2, 0, some_digest(1), 1, 0ns), c.on_served(1, 2, 0, some_digest(1), 1, 0ns); })
        == 1);
  CHECK(complaints([](auto& c) { c.on_served(1, 2, 0, some_digest(1), 1, 0ns), c.on_served(1, 2, 0, some_digest(1), 2, 0ns); })
        == 0);
  CHECK(complaints([](auto& c) { c.on_answered(1, some_digest(2), 0ns); }) == 1);
  CHECK(complaints([](auto& c) { c.on_answered(1, some_digest(1), 0ns), c.on_answered(1, some_digest(1), 0ns); }) == 1);
}

TEST_CASE("plaintext in a frame is a violation wherever it stands") {
  violation_list seen;
  plaintext_checker checker{seen, to_bytes(std::string_view{"a marker"})};
  checker.on_frame(to_bytes(std::string_view{"sealed"}), 0, 1, 0ns);
  CHECK(seen.empty());
  checker.on_frame(to_bytes(std::string_view{"xx a marker xx"}), 0, 1, 0ns);
  CHECK(seen.all().size() == 1);
}

TEST_CASE("an acknowledged object that cannot be read after quiet, or reads otherwise, is a violation") {
  violation_list seen;
  object_checker checker{seen};
  checker.on_acknowledged("/f", some_digest(1), 0);
  auto right = some_digest(1), wrong = some_digest(2);
  checker.on_final_read("/f", 1, &right, "", 0ns);
  checker.on_read("/unknown", 1, wrong, 0ns);
  CHECK(seen.empty());
  checker.on_final_read("/f", 1, nullptr, "lost", 0ns);
  checker.on_read("/f", 1, wrong, 0ns);
  CHECK(seen.all().size() == 2);
}

TEST_CASE("replicas that differ, or do not answer, are a violation") {
  violation_list seen;
  replica_checker checker{seen};
  checker.on_listing(0, "a", 0ns);
  checker.on_listing(1, "a", 0ns);
  CHECK(seen.empty());
  checker.on_listing(2, "b", 0ns);
  checker.on_no_listing(3, "down", 0ns);
  CHECK(seen.all().size() == 2);
}

TEST_CASE("a job that did not end well, and an output that is missing or doubled, are violations") {
  violation_list seen;
  job_checker checker{seen};
  checker.on_ended("j", "done", 4, 4, 0ns);
  checker.on_output("/out", 1, 0ns);
  CHECK(seen.empty());
  checker.on_ended("j", "running", 4, 3, 0ns);
  checker.on_output("/out", 2, 0ns);
  checker.on_output("/out", 0, 0ns);
  CHECK(seen.all().size() == 3);
}

TEST_CASE("a message that is lost, doubled, altered or in another's box is a violation") {
  violation_list seen;
  mail_checker checker{seen};
  digest body{{1}};
  checker.on_sent(1, 5, body);
  checker.on_acknowledged(1);
  checker.on_taken(1, 5, body, 0ns);
  checker.on_removed(1, 0ns);
  checker.on_sent(2, 5, body); // never acknowledged
  checker.on_sent(3, 5, body);
  checker.on_acknowledged(3);
  checker.on_maybe_removed(3); // its node died over the question
  checker.judge(0ns);
  CHECK(seen.empty());
  checker.on_removed(1, 0ns);
  checker.on_taken(2, 4, body, 0ns);
  checker.on_taken(2, 5, digest{{2}}, 0ns);
  checker.on_sent(4, 5, body);
  checker.on_acknowledged(4);
  checker.judge(0ns);
  CHECK(seen.all().size() == 4);
}

TEST_CASE("a queue beyond its bound is a violation, and the list of violations is bounded itself") {
  violation_list seen;
  queue_checker checker{seen};
  checker.on_queue("q", 10, 10, 0ns);
  CHECK(seen.empty());
  for (int i = 0; i < 1000; ++i) checker.on_queue("q", 11, 10, 0ns);
  CHECK_FALSE(seen.empty());
  CHECK(seen.all().size() < 100);
}

TEST_CASE("control traffic beyond its share of a wire is a violation, while the mesh is settled only") {
  auto complaints = [](std::size_t bytes, bool settled) {
    violation_list seen;
    budget_checker checker{seen};
    checker.set_settled(settled, 0ns);
    checker.on_frame(3, 9600, bytes);
    checker.judge([](std::size_t wire) { return "wire " + std::to_string(wire); }, 10min);
    return seen.all().size();
  };
  CHECK(complaints(14'400, true) == 0); // 2 % of 9600 bit/s for ten minutes
  CHECK(complaints(14'500, true) == 1);
  CHECK(complaints(14'500, false) == 0);
}

namespace {

/// A stream of 3000 bytes from node 0 to node 2, and 10 bytes back, with a mistake on the way; tells how many violations it met.
std::size_t stream_complaints(const std::function<void(stream_checker&)>& mistake) {
  using enum stream_side;
  violation_list seen;
  stream_checker checker{seen, to_bytes(std::string_view{"a marker"})};
  checker.on_opened(7, {0, 2, 100, true});
  checker.on_written(7, opener, 2000, false);
  checker.on_incoming(7, 2, 0, 200, 0ns);
  checker.on_received(7, acceptor, checker.content(7, opener, 0, 1500), false, 0ns);
  checker.on_written(7, acceptor, 10, true);
  mistake(checker);
  checker.on_written(7, opener, 1000, true);
  checker.on_received(7, acceptor, checker.content(7, opener, 1500, 1500), true, 0ns);
  checker.on_received(7, opener, checker.content(7, acceptor, 0, 10), true, 0ns);
  checker.on_ended(7, opener, {error_code::none, {}}, 0ns);
  checker.on_ended(7, acceptor, {error_code::none, {}}, 0ns);
  checker.judge(0ns);
  return seen.all().size();
}

} // namespace

TEST_CASE("a stream that loses, doubles, invents or alters bytes is a violation") {
  using enum stream_side;
  CHECK(stream_complaints([](auto&) {}) == 0);
  auto arrives = [](std::uint64_t from, std::size_t bytes) {
    return [=](stream_checker& c) { c.on_received(7, acceptor, c.content(7, opener, from, bytes), false, 0ns); };
  };
  CHECK(stream_complaints(arrives(1400, 100)) > 0); // doubled
  CHECK(stream_complaints(arrives(1600, 100)) > 0); // a gap
  CHECK(stream_complaints(arrives(1500, 600)) > 0); // 100 of these nobody has written yet
  CHECK(stream_complaints([](auto& c) { c.on_received(7, acceptor, byte_string(10), false, 0ns); }) > 0);
  CHECK(stream_complaints([](auto& c) { c.on_received(7, acceptor, {}, true, 0ns); }) > 0); // the end too early
  CHECK(stream_complaints([](auto& c) { c.on_written(7, opener, 1, false); }) > 0);         // the last byte never comes
}

TEST_CASE("a stream told twice, to a wrong node, or not over after quiet is a violation") {
  using enum stream_side;
  CHECK(stream_complaints([](auto& c) { c.on_incoming(7, 2, 0, 200, 0ns); }) == 1);
  CHECK(stream_complaints([](auto& c) { c.on_incoming(7, 2, 0, 201, 0ns); }) == 1); // the first one lives
  CHECK(stream_complaints([](auto& c) { c.on_incoming(8, 2, 0, 200, 0ns); }) == 1);
  CHECK(stream_complaints([](auto& c) { c.on_opened(8, {0, 2, 100, true}), c.on_incoming(8, 1, 0, 300, 0ns); }) == 3);
  CHECK(stream_complaints([](auto& c) { c.on_opened(8, {0, 2, 100, true}); }) == 1); // neither over nor delivered
}

TEST_CASE("a stream that fails while nobody gave it up and both endpoints live is a violation") {
  using enum stream_side;
  auto complaints = [](bool patient, auto does) {
    violation_list seen;
    stream_checker checker{seen, to_bytes(std::string_view{"a marker"})};
    checker.on_opened(7, {0, 2, 100, patient});
    does(checker);
    checker.judge(0ns);
    return seen.all().size();
  };
  const error failed{error_code::stopped, "the other node started anew"}, late{error_code::timed_out, "nobody answers"};
  CHECK(complaints(true, [&](auto& c) { c.on_ended(7, opener, failed, 0ns); }) == 1);
  CHECK(complaints(true, [&](auto& c) { c.on_ended(7, opener, late, 0ns); }) == 1);
  CHECK(complaints(false, [&](auto& c) { c.on_ended(7, opener, late, 0ns); }) == 0);
  CHECK(complaints(true, [&](auto& c) { c.on_life_ended(2, 200), c.on_ended(7, opener, failed, 0ns); }) == 0);
  CHECK(complaints(true, [&](auto& c) { c.on_life_ended(1, 200), c.on_ended(7, opener, failed, 0ns); }) == 1);
  CHECK(complaints(true, [&](auto& c) { c.on_life_ended(0, 100); }) == 0);
  CHECK(complaints(true, [&](auto& c) { c.on_closed(7, opener); }) == 0);
  CHECK(complaints(
          true, [&](auto& c) { c.on_incoming(7, 2, 0, 200, 0ns), c.on_closed(7, opener), c.on_ended(7, acceptor, failed, 0ns); })
        == 0);
  CHECK(complaints(true, [&](auto& c) { c.on_ended(7, opener, {error_code::none, {}}, 0ns); }) == 1); // before any end
}
