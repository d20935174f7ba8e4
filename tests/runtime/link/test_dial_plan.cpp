#include "runtime/link/dial_plan.hpp"
#include "runtime/link/limits.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

channel_uri place(const std::string& text) { return *parse_channel_uri(text); }
node_id node(std::uint8_t number) {
  node_id out;
  out.value.fill(number);
  return out;
}
const error refused{error_code::unreachable, "connection refused"};

} // namespace

TEST_CASE("a new place is due at once, and in flight until its outcome is told") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  auto id = plan.add(place("tcp://10.0.0.1:1"), std::nullopt, true, now);
  REQUIRE(id.ok());
  auto due = plan.take_due(now);
  REQUIRE(due.size() == 1);
  CHECK(due[0].dial == *id);
  CHECK(plan.take_due(now + 1h).empty());
  CHECK(!plan.next_due());
  plan.failed(*id, refused, now, random);
  REQUIRE(plan.next_due());
  CHECK(*plan.next_due() >= now + limits::dial_backoff_min);
  CHECK(plan.waiting(now).at(0).last_error == "connection refused");
}

TEST_CASE("the same place is one target, however often it is added") {
  dial_plan plan;
  steady_time now{};
  auto first = plan.add(place("udp://10.0.0.1:1"), node(1), false, now);
  auto second = plan.add(place("udp://10.0.0.1:1"), std::nullopt, true, now);
  CHECK(*first == *second);
  CHECK(plan.size() == 1);
  plan.keep_members([](auto&) { return false; });
  CHECK(plan.size() == 1); // it has become permanent
}

TEST_CASE("where several nodes have been, one dial at a time asks who is there, and its link counts for whom it leads to") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  auto away = *plan.add(place("udp://10.0.0.1:1"), node(1), false, now);
  auto there = *plan.add(place("udp://10.0.0.1:1"), node(2), false, now);
  REQUIRE(away != there);
  auto due = plan.take_due(now);
  REQUIRE(due.size() == 1);
  CHECK(due[0].dial == away);
  CHECK(!due[0].expected);
  CHECK(plan.take_due(now + 1min).empty());
  CHECK(!plan.next_due());
  CHECK(plan.linked_to(away, node(2), now, random) == there);
  CHECK(plan.take_due(now + 1min).empty()); // that address is taken
  plan.lost(there, refused, now, random);
  due = plan.take_due(now + 2min);
  REQUIRE(due.size() == 1);
  // nobody answers: that was the answer to all who asked
  now += 2min;
  plan.failed(due[0].dial, refused, now, random);
  CHECK(plan.take_due(now).empty());
  CHECK(*plan.next_due() >= now + limits::dial_backoff_min);
}

TEST_CASE("a dial that leads to a node nobody asked for has failed") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  auto id = *plan.add(place("udp://10.0.0.1:1"), node(1), false, now);
  auto due = plan.take_due(now);
  REQUIRE(due.size() == 1);
  CHECK(due[0].expected == node(1));
  CHECK(!plan.linked_to(id, node(3), now, random));
  REQUIRE(plan.waiting(now).size() == 1);
  CHECK(plan.waiting(now)[0].last_error.find("another node") != std::string::npos);
}

TEST_CASE("a place whose proxy is not understood is not planned, and its password not told") {
  dial_plan plan;
  for (auto* text : {"udp://h:1?via=socks5://me:s3cret@h:1", "tcp://h:1?via=ftp://me:s3cret@h:1"}) {
    auto added = plan.add(place(text), std::nullopt, true, steady_time{});
    REQUIRE(!added);
    CHECK(added.why().code == error_code::usage);
    CHECK(added.why().message.find("s3cret") == std::string::npos);
  }
  CHECK(plan.size() == 0);
}

TEST_CASE("a command, a device or a way through a proxy is dialled only if the owner asks for it") {
  dial_plan plan;
  steady_time now{};
  for (auto* text : {"exec:reboot", "tty:/dev/ttyS0", "tcp://127.0.0.1:1?via=socks5://127.0.0.1:9050"}) {
    CHECK(plan.add(place(text), node(1), false, now).why().code == error_code::usage);
    CHECK(plan.size() == 0);
    REQUIRE(plan.add(place(text), std::nullopt, true, now).ok());
    CHECK(plan.add(place(text), node(1), false, now).ok()); // the owner has, so whose it is may be learnt
    REQUIRE(plan.remove(*plan.add(place(text), node(1), false, now)));
  }
}

TEST_CASE("the places of one node start best first, one stagger apart; other nodes do not wait for them") {
  dial_plan plan;
  steady_time now{};
  REQUIRE(plan.add(place("tcp://10.0.0.1:1"), node(1), false, now).ok());
  REQUIRE(plan.add(place("udp://10.0.0.1:1"), node(1), false, now).ok());
  REQUIRE(plan.add(place("unix:/a"), node(1), false, now).ok());
  REQUIRE(plan.add(place("tcp://10.0.0.2:1"), node(2), false, now).ok());
  auto due = plan.take_due(now);
  REQUIRE(due.size() == 2);
  CHECK(due[0].uri.scheme == "unix");
  CHECK(due[1].expected == node(2));
  CHECK(plan.take_due(now + limits::dial_stagger - 1ms).empty());
  due = plan.take_due(now + limits::dial_stagger);
  REQUIRE(due.size() == 1);
  CHECK(due[0].uri.scheme == "udp");
  due = plan.take_due(now + 2 * limits::dial_stagger);
  REQUIRE(due.size() == 1);
  CHECK(due[0].uri.scheme == "tcp");
}

TEST_CASE("while a node is linked, its other places of that kind rest") {
  dial_plan plan;
  steady_time now{};
  REQUIRE(plan.add(place("tcp://10.0.0.1:1"), node(1), false, now).ok());
  plan.node_linked(node(1), "tcp");
  plan.node_linked(node(1), "tcp");
  CHECK(plan.take_due(now).empty());
  CHECK(!plan.next_due());
  CHECK(plan.waiting(now).empty());
  plan.node_unlinked(node(1), "tcp");
  CHECK(plan.take_due(now).empty());
  plan.node_unlinked(node(1), "tcp");
  CHECK(plan.take_due(now).size() == 1);
}

TEST_CASE("a link that held for a while starts the backoff anew, a short one does not") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  auto id = *plan.add(place("tcp://10.0.0.1:1"), node(1), true, now);
  for (int i = 0; i < 12; ++i) {
    plan.take_due(now);
    plan.failed(id, refused, now, random);
    now = *plan.next_due();
  }
  REQUIRE(plan.take_due(now).size() == 1);
  plan.linked(id, now);
  plan.lost(id, refused, now + 1s, random);
  CHECK(*plan.next_due() >= now + 1s + limits::dial_backoff_max_of_recent / 2);
  now = *plan.next_due();
  REQUIRE(plan.take_due(now).size() == 1);
  plan.linked(id, now);
  now += limits::dial_settled_after;
  plan.lost(id, refused, now, random);
  CHECK(*plan.next_due() <= now + limits::dial_backoff_min);
}

TEST_CASE("a change of interfaces makes everything due") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  auto id = *plan.add(place("tcp://10.0.0.1:1"), std::nullopt, true, now);
  for (int i = 0; i < 20; ++i) {
    plan.take_due(now);
    plan.failed(id, refused, now, random);
    now = *plan.next_due();
  }
  plan.take_due(now);
  plan.failed(id, refused, now, random);
  CHECK(plan.take_due(now).empty());
  plan.interfaces_changed(now);
  CHECK(plan.take_due(now).size() == 1);
}

TEST_CASE("expelled nodes' places are forgotten") {
  dial_plan plan;
  steady_time now{};
  REQUIRE(plan.add(place("tcp://10.0.0.1:1"), node(1), false, now).ok());
  REQUIRE(plan.add(place("tcp://10.0.0.2:1"), node(2), false, now).ok());
  plan.keep_members([](auto& id) { return id == node(2); });
  auto due = plan.take_due(now);
  REQUIRE(due.size() == 1);
  CHECK(due[0].expected == node(2));
}

TEST_CASE("the number of places is bounded; the one that failed most makes room") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  for (std::size_t i = 0; i < limits::dial_targets_per_node_max; ++i)
    REQUIRE(plan.add(place("tcp://10.0.0.1:" + std::to_string(i + 1)), node(1), false, now).ok());
  CHECK(plan.add(place("tcp://10.0.0.1:99"), node(1), false, now).why().code == error_code::exhausted);
  auto first = plan.take_due(now).at(0);
  plan.failed(first.dial, refused, now, random);
  CHECK(plan.add(place("tcp://10.0.0.1:99"), node(1), false, now).ok());
  CHECK_FALSE(plan.contains(first.dial));
  CHECK(plan.size() == limits::dial_targets_per_node_max);
  for (std::size_t i = 0; plan.size() < limits::dial_targets_max; ++i)
    REQUIRE(plan.add(place("tcp://10.1.0.1:" + std::to_string(i + 1)), std::nullopt, true, now).ok());
  CHECK(plan.add(place("tcp://10.2.0.1:1"), std::nullopt, true, now).why().code == error_code::exhausted);
}

TEST_CASE("dials in flight are bounded, and the rest follow") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{};
  for (std::size_t i = 0; i < limits::dials_in_flight_max + 5; ++i)
    REQUIRE(plan.add(place("tcp://10.0.0.1:" + std::to_string(i + 1)), std::nullopt, true, now).ok());
  auto due = plan.take_due(now);
  CHECK(due.size() == limits::dials_in_flight_max);
  for (auto& each : due) plan.linked(each.dial, now);
  CHECK(plan.take_due(now + limits::dial_stagger).size() == 5);
}

TEST_CASE("backoff stays within its bounds") {
  REQUIRE(rc::check("each wait lies between the minimum and the cap, and at least half of the undisturbed wait", [] {
    auto failures = *rc::gen::inRange(1u, 200u);
    auto cap =
      *rc::gen::element(limits::dial_backoff_max, limits::dial_backoff_max_of_member, limits::dial_backoff_max_of_recent);
    seeded_random random{*rc::gen::arbitrary<std::uint64_t>()};
    auto wait = dial_backoff(failures, cap, random);
    RC_ASSERT(wait >= limits::dial_backoff_min);
    RC_ASSERT(wait <= cap);
    if (failures > 30) RC_ASSERT(wait >= cap / 2);
  }));
}

TEST_CASE("no place is ever dialled twice at once") {
  REQUIRE(rc::check("after any sequence of events", [] {
    dial_plan plan;
    seeded_random random{*rc::gen::arbitrary<std::uint64_t>()};
    steady_time now{};
    std::set<dial_id> in_flight;
    std::set<dial_id> up;
    auto steps = *rc::gen::container<std::vector<std::pair<int, std::uint8_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 7), rc::gen::arbitrary<std::uint8_t>()));
    auto pick = [](std::set<dial_id>& from, std::uint8_t at) {
      return *std::next(from.begin(), at % static_cast<long>(from.size()));
    };
    for (auto [what, number] : steps) {
      now += std::chrono::milliseconds{number * 40};
      switch (what) {
      case 0:
        (void)plan.add(place("tcp://10.0.0." + std::to_string(number % 8) + ":1"),
                       number % 2 ? std::optional{node(number % 4)} : std::nullopt, number % 3 == 0, now);
        break;
      case 1:
        if (in_flight.empty()) break;
        if (auto id = pick(in_flight, number); in_flight.erase(id) > 0) plan.failed(id, refused, now, random);
        break;
      case 2:
        if (in_flight.empty()) break;
        if (auto id = pick(in_flight, number); in_flight.erase(id) > 0) {
          plan.linked(id, now);
          up.insert(id);
        }
        break;
      case 3:
        if (up.empty()) break;
        if (auto id = pick(up, number); up.erase(id) > 0) plan.lost(id, refused, now, random);
        break;
      case 4: plan.interfaces_changed(now); break;
      case 5: plan.node_linked(node(number % 4), "tcp"); break;
      default: plan.node_unlinked(node(number % 4), "tcp"); break;
      }
      for (auto& each : plan.take_due(now)) {
        RC_ASSERT(in_flight.insert(each.dial).second);
        RC_ASSERT(!up.contains(each.dial));
      }
      for (auto& each : plan.waiting(now)) RC_ASSERT(each.next_try_in <= limits::dial_backoff_max);
    }
  }));
}

TEST_CASE("places that never led anywhere are dialled in a bounded burst, then paced; proven and permanent ones are not") {
  dial_plan plan;
  seeded_random random{1};
  steady_time now{1h};
  auto add = [&](unsigned number, bool permanent) {
    return *plan.add(place("udp://10.0." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1) + ":7"),
                     permanent ? std::optional<node_id>{} : node(static_cast<std::uint8_t>(number)), permanent, now);
  };
  auto proven = add(0, false);
  REQUIRE(plan.take_due(now).size() == 1);
  plan.linked(proven, now);
  for (unsigned i = 1; i < 200; ++i) add(i, false);
  std::map<dial_id, int> times;
  unsigned started = 0;
  auto all_fail_for = [&](duration time) {
    started = 0;
    for (auto end = now + time; now < end; now = std::max(now, std::min(end, plan.next_due().value_or(end))))
      for (auto& each : plan.take_due(now)) ++started, ++times[each.dial], plan.failed(each.dial, refused, now, random);
  };
  auto burst = limits::dial_unproven_burst;
  all_fail_for(limits::dial_unproven_pause / 2);
  CHECK(started == burst);
  all_fail_for(burst * limits::dial_unproven_pause);
  CHECK(started == burst);
  all_fail_for(burst * limits::dial_unproven_pause);
  CHECK(started <= burst / 2 + 1); // half as fast
  all_fail_for(2h);
  CHECK(started / 7200.0 <= 1.3 / (limits::dial_unproven_pause_max / 1.0s));
  auto [least, most] = std::minmax_element(times.begin(), times.end(), [](auto& a, auto& b) { return a.second < b.second; });
  CHECK(times.size() == 199);
  CHECK(most->second - least->second <= 1); // all have their turn
  plan.interfaces_changed(now);
  all_fail_for(limits::dial_unproven_pause / 2);
  CHECK(started == burst);
  plan.lost(proven, refused, now, random);
  add(1000, true);
  auto due = plan.take_due(now + limits::dial_backoff_min);
  CHECK(std::count_if(due.begin(), due.end(), [&](auto& each) { return each.dial == proven; }) == 1);
  CHECK(std::count_if(due.begin(), due.end(), [](auto& each) { return !each.expected; }) == 1);
}

TEST_CASE("what the owner wants of a link to an address takes the place of what was known of it, whoever names it later") {
  dial_plan plan;
  const auto plain = *parse_channel_uri("tcp://10.0.0.1:7400");
  const auto wanted = *parse_channel_uri("tcp://10.0.0.1:7400?class=control");
  const auto heard = *plan.add(plain, std::nullopt, false, steady_time{});
  const auto owners = *plan.add(wanted, std::nullopt, true, steady_time{});
  CHECK(plan.superseded_by(wanted) == std::vector<dial_id>{heard});
  plan.remove(heard);
  CHECK(*plan.add(plain, std::nullopt, false, steady_time{}) == owners);
  CHECK(plan.size() == 1);
  CHECK(plan.superseded_by(wanted).empty());
  CHECK(*plan.add(*parse_channel_uri("tcp://10.0.0.2:7400"), std::nullopt, false, steady_time{}) != owners);
}
