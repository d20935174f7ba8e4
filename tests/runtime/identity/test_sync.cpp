#include "runtime/identity/limits.hpp"
#include "runtime/identity/sync.hpp"

#include "tests/runtime/identity/a_namespace.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::identity;
using namespace glow::identity::testing;

namespace {

seeded_random dice{21};

namespace_state joined(namespace_state& inviter, std::uint64_t number, role as, std::int64_t second) {
  auto made = inviter.create_ticket(15min, as, at(second), dice);
  auto file = inviter.redeem_ticket(parse_ticket(made->text)->id(), id_of(number), "n" + std::to_string(number), at(second));
  return std::move(*namespace_state::decode(*file, keys_of(number)));
}

/// One whole exchange; returns how many requests it took.
int exchange(namespace_state& asker, namespace_state& answerer) {
  std::optional<next_sync_request> next{{sync_extent::brief, make_sync_request(asker, answerer.self(), sync_extent::brief)}};
  int requests = 0;
  for (; next; ++requests) {
    auto answer = answer_sync(answerer, asker.self(), next->body);
    REQUIRE(answer);
    auto finished = finish_sync(asker, answerer.self(), next->extent, answer->first);
    REQUIRE(finished);
    next = std::move(finished->first);
  }
  return requests;
}

byte_string whole_request(const namespace_state& asker, const namespace_state& answerer) {
  return make_sync_request(asker, answerer.self(), sync_extent::everything);
}

steady_time steady(std::int64_t ms) { return steady_time{} + 1h + std::chrono::milliseconds{ms}; }

} // namespace

TEST_CASE("two members with different records are level after one exchange") {
  auto founder = namespace_state::found("home", keys_of(1), "n1", at(0), dice);
  auto admin = joined(founder, 2, role::admin, 1);
  (void)joined(founder, 3, role::member, 2);
  (void)joined(admin, 4, role::member, 3);
  REQUIRE(admin.log().set_digest() != founder.log().set_digest());
  CHECK(exchange(founder, admin) == 3); // do we differ, what I have, what you lack
  CHECK(admin.log().set_digest() == founder.log().set_digest());
  CHECK(admin.current_roster()->members.size() == 4);
  CHECK(exchange(admin, founder) == 1);
}

TEST_CASE("a member admitted elsewhere introduces itself by its certificate") {
  auto founder = namespace_state::found("home", keys_of(1), "n1", at(0), dice);
  auto admin = joined(founder, 2, role::admin, 1);
  auto unknown = joined(admin, 4, role::member, 3);
  auto other = joined(founder, 5, role::member, 4);
  exchange(unknown, other);
  CHECK(unknown.log().set_digest() == other.log().set_digest());
  CHECK(other.current_roster()->find(id_of(4)));
}

TEST_CASE("members that are level ask the same few bytes however large the namespace is") {
  auto founder = namespace_state::found("home", keys_of(1), "n1", at(0), dice);
  auto second = joined(founder, 2, role::member, 1);
  auto brief_bytes = [&] { return make_sync_request(second, founder.self(), sync_extent::brief).size(); };
  const auto small = brief_bytes();
  for (std::uint64_t i = 3; i < 60; ++i) (void)joined(founder, i, role::member, static_cast<std::int64_t>(i));
  exchange(second, founder);
  CHECK(second.current_roster()->members.size() == 59);
  CHECK(exchange(second, founder) == 1);
  CHECK(brief_bytes() == small);
  founder.remember_addresses(id_of(7), {*parse_channel_uri("udp://10.0.0.7:7")});
  CHECK(exchange(second, founder) == 2); // a place of a third one: they differ
  CHECK(second.known_addresses(false) == founder.known_addresses(false));
  CHECK(exchange(second, founder) == 1);
}

TEST_CASE("a stranger and an expelled node learn nothing") {
  auto founder = namespace_state::found("home", keys_of(1), "n1", at(0), dice);
  auto member = joined(founder, 2, role::member, 1);
  auto stranger = namespace_state::found("other", keys_of(3), "n3", at(0), dice);
  CHECK(answer_sync(founder, id_of(3), whole_request(stranger, founder)).why().code == error_code::not_a_member);
  REQUIRE(founder.expel(id_of(2), at(5)));
  CHECK(answer_sync(founder, id_of(2), whole_request(member, founder)).why().code == error_code::not_a_member);
}

TEST_CASE("places travel too: a node's own claim comes before hearsay") {
  auto founder = namespace_state::found("home", keys_of(1), "n1", at(0), dice);
  auto second = joined(founder, 2, role::member, 1);
  auto third = joined(founder, 3, role::member, 2);
  exchange(second, founder);
  second.set_own_addresses({*parse_channel_uri("udp://10.0.0.2:2")});
  third.remember_addresses(id_of(2), {*parse_channel_uri("udp://10.9.9.9:9")});
  exchange(third, founder);
  exchange(second, founder);
  auto places = founder.known_addresses(false);
  REQUIRE(places.size() == 1);
  REQUIRE(places[0].second.size() == 2);
  CHECK(places[0].second[0].host == "10.0.0.2");
}

TEST_CASE("broken requests and responses are malformed") {
  auto founder = namespace_state::found("home", keys_of(1), "n1", at(0), dice);
  auto second = joined(founder, 2, role::member, 1);
  CHECK(answer_sync(founder, id_of(2), byte_string(64, 0xff)).why().code == error_code::malformed);
  CHECK(answer_sync(founder, id_of(2), {}).why().code == error_code::malformed);
  CHECK(finish_sync(second, id_of(1), sync_extent::brief, byte_string(8, 1)).why().code == error_code::malformed);
}

TEST_CASE("a member that becomes reachable is asked once, then rarely") {
  sync_plan plan;
  plan.set_reachable({id_of(2)}, {}, steady(0));
  CHECK(plan.start(steady(0)) == std::vector{id_of(2)});
  CHECK(plan.start(steady(1)).empty());
  plan.finished(id_of(2), true, steady(10));
  plan.set_reachable({id_of(2)}, {}, steady(20));
  CHECK(plan.start(steady(20)).empty());
  CHECK(plan.wake_at() == steady(10) + limits::sync_pause_idle);
}

TEST_CASE("our own change makes everybody due but the teller, also those being asked") {
  sync_plan plan;
  plan.set_reachable({id_of(2), id_of(3), id_of(4)}, {}, steady(0));
  (void)plan.start(steady(0));
  plan.finished(id_of(2), true, steady(1));
  plan.finished(id_of(3), true, steady(1));
  plan.knowledge_changed(steady(5), id_of(2));
  CHECK(plan.start(steady(5)) == std::vector{id_of(3)});
  plan.finished(id_of(4), true, steady(6));
  CHECK(plan.start(steady(6)) == std::vector{id_of(4)});
}

TEST_CASE("of the members farther away one at a time is asked, in turn and rarely, and no change makes them due") {
  sync_plan plan;
  plan.set_reachable({id_of(2)}, {id_of(3), id_of(4)}, steady(0));
  CHECK(plan.start(steady(0)) == std::vector{id_of(2)});
  plan.finished(id_of(2), true, steady(0));
  CHECK(plan.wake_at() == steady(0) + limits::sync_farther_first);
  auto now = *plan.wake_at();
  CHECK(plan.start(now) == std::vector{id_of(3)});
  plan.finished(id_of(3), false, now); // no haste: its turn comes again
  plan.knowledge_changed(now, id_of(2));
  CHECK(plan.start(now).empty());
  now += limits::sync_pause_idle;
  auto second = plan.start(now);
  CHECK(std::find(second.begin(), second.end(), id_of(4)) != second.end());
  CHECK(std::find(second.begin(), second.end(), id_of(3)) == second.end());
}

TEST_CASE("failed exchanges are retried with growing, bounded pauses") {
  sync_plan plan;
  plan.set_reachable({id_of(2)}, {}, steady(0));
  auto now = steady(0);
  duration last{};
  for (int i = 0; i < 40; ++i) {
    REQUIRE(plan.start(now).size() == 1);
    plan.finished(id_of(2), false, now);
    REQUIRE(plan.wake_at());
    auto pause = *plan.wake_at() - now;
    CHECK(pause >= last);
    CHECK(pause <= limits::sync_retry_last);
    last = pause;
    now = *plan.wake_at();
  }
  CHECK(last == limits::sync_retry_last);
}

TEST_CASE("only so many exchanges run at once") {
  sync_plan plan;
  std::vector<node_id> many;
  for (std::uint64_t i = 0; i < 20; ++i) many.push_back(id_of(i));
  plan.set_reachable(many, {}, steady(0));
  auto first = plan.start(steady(0));
  CHECK(first.size() == limits::syncs_at_once_max);
  CHECK_FALSE(plan.wake_at());
  plan.finished(first[0], true, steady(1));
  CHECK(plan.start(steady(1)).size() == 1);
}
