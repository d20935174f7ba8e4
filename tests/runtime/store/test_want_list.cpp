#include "runtime/store/limits.hpp"
#include "runtime/store/want_list.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::store;

namespace {

const steady_time start{1h};

template <class Id>
Id numbered(std::uint32_t number) {
  Id id;
  for (int i = 0; i < 4; ++i) id.value[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  id.value[31] = 1;
  return id;
}
object_address object(std::uint32_t number) { return numbered<object_address>(number); }
node_id node(std::uint32_t number) { return numbered<node_id>(number); }
std::vector<wanted_object> objects(std::uint32_t from, std::uint32_t to, std::uint32_t bytes = 1000) {
  std::vector<wanted_object> out;
  for (auto i = from; i < to; ++i) out.push_back({object(i), bytes});
  return out;
}

template <class Effect>
std::vector<Effect> only(const want_effects& effects) {
  std::vector<Effect> out;
  for (auto& each : effects)
    if (auto* it = std::get_if<Effect>(&each)) out.push_back(*it);
  return out;
}

} // namespace

TEST_CASE("the nearest peer is asked, and the want is fulfilled when everything came") {
  want_list list;
  list.on_sources({{node(2), 2, 10}, {node(1), 1, 500}}, start);
  auto asked = only<ask_peer>(list.on_want(7, objects(0, 3), std::nullopt, 30s, start));
  REQUIRE(asked.size() == 1);
  REQUIRE(asked[0].to == node(1));
  REQUIRE(asked[0].addresses == std::vector{object(0), object(1), object(2)});
  auto half = list.on_answer(asked[0].request, {{object(0)}, {}, {}}, start);
  REQUIRE(only<want_progressed>(half).at(0).missing == 2);
  auto rest = only<ask_peer>(half);
  REQUIRE(rest.size() == 1); // what did not fit the answer is asked for again
  auto done = list.on_answer(rest[0].request, {{object(1), object(2)}, {}, {}}, start);
  REQUIRE(only<want_fulfilled>(done).at(0).want == 7);
  REQUIRE(list.idle());
  REQUIRE(list.objects() == 0);
}

TEST_CASE("a told holder is asked before nearer peers") {
  want_list list;
  list.on_sources({{node(1), 1, 0}, {node(3), 3, 0}}, start);
  REQUIRE(only<ask_peer>(list.on_want(1, objects(0, 1), node(3), 30s, start)).at(0).to == node(3));
}

TEST_CASE("a peer that lacks an object is followed by the next one") {
  want_list list;
  list.on_sources({{node(1), 1, 0}, {node(2), 2, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 2), std::nullopt, 30s, start));
  auto next = only<ask_peer>(list.on_answer(asked.at(0).request, {{}, {object(0), object(1)}, {}}, start));
  REQUIRE(next.size() == 1);
  REQUIRE(next[0].to == node(2));
  // the one that missed is not asked first for the next want either
  list.on_answer(next[0].request, {{object(0), object(1)}, {}, {}}, start);
  REQUIRE(only<ask_peer>(list.on_want(2, objects(5, 6), std::nullopt, 30s, start)).at(0).to == node(2));
}

TEST_CASE("a peer that sends tampered bytes is asked nothing more for that want") {
  want_list list;
  list.on_sources({{node(1), 1, 0}, {node(2), 2, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 2), std::nullopt, 30s, start));
  auto next = only<ask_peer>(list.on_answer(asked.at(0).request, {{}, {}, {object(0)}}, start));
  for (auto& each : next) REQUIRE(each.to == node(2));
  auto after = list.on_answer(next.at(0).request, {{object(0)}, {object(1)}, {}}, start);
  REQUIRE(only<ask_peer>(after).empty());
  REQUIRE(only<ask_peer>(list.on_tick(start + 2s)).at(0).to == node(2));
}

TEST_CASE("a want fails as unreachable once nothing came for its timeout, and asks again until then") {
  want_list list;
  list.on_want(1, objects(0, 2), std::nullopt, 10s, start);
  REQUIRE(only<want_failed>(list.on_tick(start + 9s)).empty());
  auto asked = only<ask_peer>(list.on_sources({{node(1), 1, 0}}, start + 9s));
  REQUIRE(asked.size() == 1);
  REQUIRE(only<ask_peer>(list.on_answer(asked[0].request, {{}, {object(0), object(1)}, {}}, start + 9s)).empty());
  auto failed = only<want_failed>(list.on_tick(start + 10s));
  REQUIRE(failed.size() == 1);
  REQUIRE(failed[0].unreachable);
  REQUIRE(failed[0].missing == 2);
  REQUIRE(list.idle());
}

TEST_CASE("while bytes flow the timeout starts anew, and a slow holder is not called unreachable") {
  want_list list;
  list.on_sources({{node(1), 1, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 2), std::nullopt, 10s, start));
  auto next = only<ask_peer>(list.on_answer(asked.at(0).request, {{object(0)}, {}, {}}, start + 8s));
  REQUIRE(next.size() == 1);
  REQUIRE(only<want_failed>(list.on_tick(start + 17s)).empty());
  auto failed = only<want_failed>(list.on_tick(start + 18s));
  REQUIRE(failed.size() == 1);
  REQUIRE_FALSE(failed[0].unreachable);
}

TEST_CASE("requests to a peer whose route is lost go to another at once") {
  want_list list;
  list.on_sources({{node(1), 1, 0}, {node(2), 2, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 1), std::nullopt, 30s, start));
  REQUIRE(asked.at(0).to == node(1));
  REQUIRE(only<ask_peer>(list.on_sources({{node(2), 2, 0}}, start)).at(0).to == node(2));
  // the late answer of the lost peer still counts
  REQUIRE(only<want_fulfilled>(list.on_answer(asked[0].request, {{object(0)}, {}, {}}, start)).size() == 1);
}

TEST_CASE("requests of one peer are bounded in number and expected bytes") {
  want_list list;
  list.on_sources({{node(1), 1, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 400, limits::chunk_bytes_average), std::nullopt, 30s, start));
  REQUIRE(asked.size() == 1);
  REQUIRE(asked[0].addresses.size() == limits::fetch_request_bytes / limits::chunk_bytes_average);
  for (int i = 0; i < 10; ++i) {
    auto next = only<ask_peer>(list.on_answer(asked.front().request, {asked.front().addresses, {}, {}}, start));
    asked.erase(asked.begin());
    asked.insert(asked.end(), next.begin(), next.end());
    REQUIRE(asked.size() <= limits::fetch_requests_per_peer_max);
  }
  REQUIRE(asked.size() == limits::fetch_requests_per_peer_max);
  REQUIRE(list.requests_under_way() == asked.size());
  auto small = only<ask_peer>(want_list{}.on_sources({}, start));
  REQUIRE(small.empty());
}

TEST_CASE("a peer that answers slowly gets fewer requests at a time") {
  want_list list;
  list.on_sources({{node(1), 1, 0}}, start);
  auto now = start;
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 4000, 1u << 20), std::nullopt, 300s, now));
  auto answer = [&](duration after) {
    now += after;
    auto next = only<ask_peer>(list.on_answer(asked.front().request, {asked.front().addresses, {}, {}}, now));
    asked.erase(asked.begin());
    asked.insert(asked.end(), next.begin(), next.end());
  };
  for (int i = 0; i < 8; ++i) answer(100ms);
  REQUIRE(asked.size() == 4);
  for (int i = 0; i < 8; ++i) answer(10s);
  REQUIRE(asked.size() == 1);
}

TEST_CASE("wants take turns, so that a small one does not wait behind a large one") {
  want_list list;
  list.on_sources({{node(1), 1, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 4000, 1u << 20), std::nullopt, 30s, start));
  REQUIRE(only<ask_peer>(list.on_want(2, objects(9000, 9001), std::nullopt, 30s, start)).empty());
  bool done = false;
  for (int i = 0; i < 4 && !done; ++i) {
    auto effects = list.on_answer(asked.front().request, {asked.front().addresses, {}, {}}, start);
    asked.erase(asked.begin());
    for (auto& each : only<ask_peer>(effects)) asked.push_back(each);
    for (auto& each : only<want_fulfilled>(effects)) done = done || each.want == 2;
  }
  // within few answers the small want has been asked for, though thousands of objects were named before it
  if (!done)
    done = std::any_of(asked.begin(), asked.end(), [](auto& each) {
      return std::find(each.addresses.begin(), each.addresses.end(), object(9000)) != each.addresses.end();
    });
  REQUIRE(done);
}

TEST_CASE("an object wanted twice is asked for once and serves both; cancelling one leaves the other") {
  want_list list;
  list.on_sources({{node(1), 1, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 1), std::nullopt, 30s, start));
  REQUIRE(only<ask_peer>(list.on_want(2, objects(0, 1), std::nullopt, 30s, start)).empty());
  list.cancel(1);
  auto done = only<want_fulfilled>(list.on_answer(asked.at(0).request, {{object(0)}, {}, {}}, start));
  REQUIRE(done.size() == 1);
  REQUIRE(done[0].want == 2);
}

TEST_CASE("a want beyond the bounds fails at once, an empty one is fulfilled at once") {
  want_list list;
  REQUIRE(only<want_failed>(list.on_want(1, objects(0, limits::want_objects_max + 1), std::nullopt, 1s, start)).size() == 1);
  REQUIRE(only<want_fulfilled>(list.on_want(2, {}, std::nullopt, 1s, start)).size() == 1);
  REQUIRE(list.idle());
}

TEST_CASE("an answer that names nothing is a refusal, not asked for again at once") {
  want_list list;
  list.on_sources({{node(1), 1, 0}}, start);
  auto asked = only<ask_peer>(list.on_want(1, objects(0, 1), std::nullopt, 30s, start));
  REQUIRE(list.on_answer(asked.at(0).request, {}, start).empty());
  REQUIRE(only<ask_peer>(list.on_tick(start + limits::fetch_retry_pause)).size() == 1);
}

TEST_CASE("whatever peers do, every want ends, fulfilled exactly when all its objects came") {
  auto holds = rc::check([] {
    want_list list;
    auto peers = *rc::gen::inRange<std::uint32_t>(0, 4);
    auto total = *rc::gen::inRange<std::uint32_t>(1, 60);
    std::set<std::pair<std::uint32_t, std::uint32_t>> has; // (peer, object)
    for (std::uint32_t p = 0; p < peers; ++p)
      for (std::uint32_t o = 0; o < total; ++o)
        if (*rc::gen::inRange(0, 3) > 0) has.insert({p, o});
    std::vector<fetch_source> sources;
    for (std::uint32_t p = 0; p < peers; ++p) sources.push_back({node(p), static_cast<std::uint8_t>(p + 1), 0});
    std::set<object_address> came;
    std::map<std::uint64_t, bool> ended;
    std::deque<ask_peer> under_way;
    auto take = [&](const want_effects& effects) {
      for (auto& each : effects) {
        if (auto* ask = std::get_if<ask_peer>(&each)) under_way.push_back(*ask);
        if (auto* done = std::get_if<want_fulfilled>(&each)) ended[done->want] = true;
        if (auto* failed = std::get_if<want_failed>(&each)) ended[failed->want] = false;
      }
    };
    auto now = start;
    take(list.on_sources(sources, now));
    auto middle = total / 2;
    take(list.on_want(1, objects(0, total), std::nullopt, 5s, now));
    take(list.on_want(2, objects(middle, total), std::nullopt, 5s, now));
    for (int steps = 0; !list.idle(); ++steps) {
      RC_ASSERT(steps < 5000);
      now += 50ms;
      take(list.on_tick(now));
      if (under_way.empty()) continue;
      auto ask = under_way.front();
      under_way.pop_front();
      auto peer = read_le<std::uint32_t>(ask.to.data());
      if (*rc::gen::inRange(0, 10) == 0) {
        take(list.on_failure(ask.request, "refused", now));
        continue;
      }
      fetch_verdict verdict;
      for (auto& each : ask.addresses) {
        if (has.contains({peer, read_le<std::uint32_t>(each.data())})) {
          verdict.arrived.push_back(each);
          came.insert(each);
        } else {
          verdict.absent.push_back(each);
        }
      }
      take(list.on_answer(ask.request, verdict, now));
    }
    RC_ASSERT(ended.size() == 2u);
    auto all = [&](std::uint32_t from) {
      for (auto o = from; o < total; ++o)
        if (!came.contains(object(o))) return false;
      return true;
    };
    RC_ASSERT(ended[1] == all(0));
    RC_ASSERT(ended[2] == all(middle));
    RC_ASSERT(list.objects() == 0u);
  });
  REQUIRE(holds);
}
