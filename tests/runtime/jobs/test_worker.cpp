#include "runtime/jobs/limits.hpp"
#include "runtime/jobs/worker_machine.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <set>

using namespace glow;
using namespace glow::jobs;

namespace {

const node_id boss = node_id::from(byte_string(32, 1));
const node_id stranger = node_id::from(byte_string(32, 2));

std::vector<lease> leases(lease_token first, std::size_t count) {
  std::vector<lease> out;
  for (lease_token t = first; t < first + count; ++t)
    out.push_back({t, "job", t, {"wc", "{}", "-o", "{/}.out"}, "/in/a", "c", 10s});
  return out;
}

template <class Effect>
std::vector<Effect> all_of(const worker_effects& todo) {
  std::vector<Effect> out;
  for (auto& each : todo)
    if (auto* e = std::get_if<Effect>(&each)) out.push_back(*e);
  return out;
}

} // namespace

TEST_CASE("placeholders become the local path and its base name, and nothing else changes") {
  CHECK(fill_placeholders({"cp", "{}", "x{/}y{}", "{ }", "{"}, "dir/a.txt")
        == std::vector<std::string>{"cp", "dir/a.txt", "xa.txtydir/a.txt", "{ }", "{"});
  CHECK(fill_placeholders({"echo", "{}"}, "") == std::vector<std::string>{"echo", "{}"});
}

TEST_CASE("a worker runs as many steps at once as it has slots and starts the next when one ends") {
  worker_machine worker{2};
  steady_time now{};
  worker_effects todo;
  auto load = worker.on_offer(boss, leases(1, 3), now, todo);
  CHECK(load.tokens.size() == 3);
  CHECK(load.slots == 2);
  REQUIRE(all_of<prepare_step>(todo).size() == 2);
  auto run = all_of<run_step>(worker.on_prepared(1, std::string{"a"}, now));
  REQUIRE(run.size() == 1);
  CHECK(run[0].argv == std::vector<std::string>{"wc", "a", "-o", "a.out"});
  CHECK(all_of<stage_step>(worker.on_exited(1, 0, now)).size() == 1);
  auto after = worker.on_staged(1, std::pair<byte_string, std::uint64_t>{{7}, 1}, now);
  REQUIRE(all_of<report_result>(after).size() == 1);
  CHECK(all_of<report_result>(after)[0].ended.exit_status == 0);
  CHECK(all_of<prepare_step>(after).size() == 1);
  CHECK(all_of<clean_up>(worker.on_reported(1, true, now)).size() == 1);
  CHECK(worker.size() == 2);
}

TEST_CASE("a result nobody takes is told again until it is taken") {
  worker_machine worker{1};
  steady_time now{};
  worker_effects todo;
  worker.on_offer(boss, leases(1, 1), now, todo);
  worker.on_prepared(1, {error_code::unreachable, "nobody has it"}, now);
  worker.on_reported(1, {error_code::unreachable, "no route"}, now);
  CHECK(all_of<report_result>(worker.on_tick(now)).empty());
  now += limits::result_retry;
  auto again = all_of<report_result>(worker.on_tick(now));
  REQUIRE(again.size() == 1);
  CHECK(!again[0].ended.started);
  worker.on_reported(1, true, now);
  CHECK(worker.size() == 0);
}

TEST_CASE("a cancelled step is killed, and forgotten when it has ended") {
  worker_machine worker{1};
  steady_time now{};
  worker_effects todo;
  worker.on_offer(boss, leases(1, 2), now, todo);
  worker.on_prepared(1, std::string{"a"}, now);
  CHECK(all_of<kill_step>(worker.on_cancel(stranger, {1, 2}, now)).empty());
  CHECK(all_of<kill_step>(worker.on_cancel(boss, {1, 2}, now)).size() == 1);
  auto after = worker.on_exited(1, 137, now);
  CHECK(all_of<clean_up>(after).size() == 1);
  CHECK(all_of<report_result>(after).empty());
  CHECK(worker.size() == 0);
}

TEST_CASE("a step runs no longer than its time") {
  worker_machine worker{1};
  steady_time now{};
  worker_effects todo;
  worker.on_offer(boss, leases(1, 1), now, todo);
  worker.on_prepared(1, std::string{"a"}, now);
  now += 11s;
  CHECK(all_of<kill_step>(worker.on_tick(now)).size() == 1);
  CHECK(all_of<kill_step>(worker.on_tick(now)).empty());
  worker.on_exited(1, 137, now);
  auto told = all_of<report_result>(worker.on_staged(1, std::pair<byte_string, std::uint64_t>{}, now));
  REQUIRE(told.size() == 1);
  CHECK(told[0].ended.why.find("time was over") != std::string::npos);
}

TEST_CASE("steps of a coordinator that is silent for long are given up") {
  worker_machine worker{1};
  steady_time now{};
  worker_effects todo;
  auto long_one = leases(1, 1);
  long_one[0].timeout = 24h;
  worker.on_offer(boss, long_one, now, todo);
  worker.on_prepared(1, std::string{"a"}, now);
  now += limits::lease_orphan_life / 2;
  worker.on_beat(boss, {1}, now, todo);
  now += limits::lease_orphan_life / 2 + 1s;
  CHECK(all_of<kill_step>(worker.on_tick(now)).empty());
  now += limits::lease_orphan_life;
  CHECK(all_of<kill_step>(worker.on_tick(now)).size() == 1);
}

TEST_CASE("a beat tells which leases live and drops those its coordinator forgot") {
  worker_machine worker{2};
  steady_time now{};
  worker_effects todo;
  worker.on_offer(boss, leases(1, 3), now, todo);
  worker.on_prepared(1, std::string{"a"}, now);
  todo.clear();
  auto load = worker.on_beat(boss, {2, 3}, now, todo);
  CHECK(load.tokens == std::vector<lease_token>{2, 3});
  CHECK(all_of<kill_step>(todo).size() == 1);
  CHECK(worker.on_beat(stranger, {}, now, todo).tokens.empty());
}

TEST_CASE("a worker takes no more than its bound") {
  worker_machine worker{2};
  worker_effects todo;
  CHECK(worker.on_offer(boss, leases(1, 500), {}, todo).tokens.size() == 2 + limits::worker_queue_max);
}

TEST_CASE("every accepted step is reported exactly once or given up, in any order of events") {
  REQUIRE(rc::check("worker ends what it begins", [](const std::vector<std::uint8_t>& events) {
    worker_machine worker{2};
    steady_time now{};
    worker_effects queue;
    lease_token next = 1;
    std::set<lease_token> accepted, reported, cleaned, cancelled;
    auto take = [&](worker_effects todo) { queue.insert(queue.end(), todo.begin(), todo.end()); };
    auto step = [&] {
      if (queue.empty()) return;
      auto first = queue.front();
      queue.erase(queue.begin());
      if (auto* p = std::get_if<prepare_step>(&first)) take(worker.on_prepared(p->of.token, std::string{"a"}, now));
      if (auto* r = std::get_if<run_step>(&first)) take(worker.on_exited(r->of.token, 0, now));
      if (auto* s = std::get_if<stage_step>(&first))
        take(worker.on_staged(s->token, std::pair<byte_string, std::uint64_t>{}, now));
      if (auto* t = std::get_if<report_result>(&first)) {
        RC_ASSERT(reported.insert(t->ended.token).second);
        take(worker.on_reported(t->ended.token, true, now));
      }
      if (auto* c = std::get_if<clean_up>(&first)) RC_ASSERT(cleaned.insert(c->token).second);
    };
    for (auto event : events) {
      if (event % 4 == 0) {
        worker_effects todo;
        for (auto token : worker.on_offer(boss, leases(next, 3), now, todo).tokens) accepted.insert(token);
        next += 3;
        take(std::move(todo));
      } else if (event % 4 == 1) {
        auto token = next > 1 ? event % next : 0;
        cancelled.insert(token);
        take(worker.on_cancel(boss, {token}, now));
      } else {
        step();
      }
    }
    while (!queue.empty()) step();
    RC_ASSERT(worker.size() == 0u);
    for (auto each : accepted) RC_ASSERT(reported.contains(each) || cancelled.contains(each));
  }));
}
