#include "runtime/jobs/coordinator_machine.hpp"
#include "runtime/jobs/limits.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::jobs;

namespace {

node_id node(std::uint8_t n) {
  node_id out;
  out.value.fill(n);
  return out;
}

ledger_job many_steps(std::size_t count, std::uint32_t retries = 3) {
  ledger_job spec;
  spec.id = "job1";
  spec.command = {"wc", "{}"};
  spec.each = "/in";
  spec.out = "/jobs/job1";
  spec.retries = retries;
  spec.step_timeout = 1h;
  for (std::size_t i = 0; i < count; ++i) spec.inputs.push_back("/in/d/f" + std::to_string(i));
  return spec;
}

/// Does what the actor does, with a ledger that can refuse and workers that do as they are told.
struct office {
  coordinator_machine machine;
  steady_time now{};
  std::map<byte_string, byte_string> ledger;
  bool ledger_full = false;
  std::vector<std::string> accepted, refused;
  std::map<node_id, std::vector<lease>> at_work; // accepted leases by worker
  std::set<node_id> dead;                        // do not answer
  std::uint32_t slots = 2;
  std::vector<collect_outputs> collected;
  std::vector<lease_token> cancelled;
  std::vector<send_beat> beats;

  office() { obey(machine.begin(1, now)); }

  void obey(effects todo) {
    for (auto& each : todo) {
      if (auto* w = std::get_if<write_records>(&each)) {
        if (ledger_full) {
          obey(machine.on_written(w->write, {error_code::exhausted, "disk full"}, now));
          continue;
        }
        for (auto& [key, value] : w->put) ledger[key] = value;
        for (auto& key : w->remove) ledger.erase(key);
        obey(machine.on_written(w->write, {}, now));
      } else if (auto* a = std::get_if<job_accepted>(&each)) {
        accepted.push_back(a->id);
      } else if (auto* r = std::get_if<job_refused>(&each)) {
        refused.push_back(r->why.message);
      } else if (auto* o = std::get_if<offer_leases>(&each)) {
        answer_offer(*o);
      } else if (auto* b = std::get_if<send_beat>(&each)) {
        beats.push_back(*b);
      } else if (auto* c = std::get_if<collect_outputs>(&each)) {
        if (ledger_full) {
          obey(machine.on_collected(c->job, c->index, c->token, {error_code::exhausted, "disk full"}, now));
          continue;
        }
        collected.push_back(*c);
        ledger[c->record.first] = c->record.second; // with the outputs, both or neither
        obey(machine.on_collected(c->job, c->index, c->token, {}, now));
      } else if (auto* x = std::get_if<cancel_leases>(&each)) {
        cancelled.insert(cancelled.end(), x->tokens.begin(), x->tokens.end());
      }
    }
  }
  void answer_offer(const offer_leases& offer) {
    std::vector<lease_token> tokens;
    for (auto& each : offer.leases) tokens.push_back(each.token);
    if (dead.contains(offer.worker)) {
      obey(machine.on_offer_answered(offer.worker, tokens, {error_code::unreachable, "no route"}, now));
      return;
    }
    auto& held = at_work[offer.worker];
    held.insert(held.end(), offer.leases.begin(), offer.leases.end());
    obey(
      machine.on_offer_answered(offer.worker, tokens, worker_load{slots, static_cast<std::uint32_t>(held.size()), tokens}, now));
  }
  void answer_beats() {
    for (auto& each : std::exchange(beats, {})) {
      if (dead.contains(each.worker)) {
        obey(machine.on_beat_answered(each.worker, {error_code::timed_out, "silent"}, now));
        continue;
      }
      worker_load load{slots, 0, {}};
      for (auto& lease : at_work[each.worker]) load.tokens.push_back(lease.token);
      load.running = static_cast<std::uint32_t>(load.tokens.size());
      obey(machine.on_beat_answered(each.worker, load, now));
    }
  }
  bool finish(const node_id& worker, const lease& of, int status = 0, bool started = true) {
    std::erase_if(at_work[worker], [&](auto& each) { return each.token == of.token; });
    effects todo;
    auto taken = machine.on_result(worker, {of.token, of.job, of.index, started, status, status ? "bad" : "", {1}, 1}, now, todo);
    obey(std::move(todo));
    return taken;
  }
  void pass(duration time) {
    for (auto end = now + time; now < end; now += 250ms) {
      obey(machine.on_tick(now));
      answer_beats();
    }
  }
  void work_until_idle() {
    for (int round = 0; round < 1000 && !machine.idle(); ++round) {
      auto copy = at_work;
      for (auto& [worker, leases] : copy)
        if (!dead.contains(worker))
          for (auto& each : leases) finish(worker, each);
      pass(500ms);
    }
  }
  const job& the_job() { return **machine.find("job1"); }
};

candidate at(std::uint8_t n, std::uint8_t hops = 1) { return {node(n), "node" + std::to_string(n), hops}; }

} // namespace

TEST_CASE("a job is accepted only once the ledger has it") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.ledger_full = true;
  o.obey(o.machine.submit(many_steps(3), o.now));
  CHECK(o.accepted.empty());
  CHECK(o.refused == std::vector<std::string>{"disk full"});
  o.ledger_full = false;
  o.obey(o.machine.submit(many_steps(3), o.now));
  CHECK(o.accepted == std::vector<std::string>{"job1"});
  CHECK(o.ledger.contains(job_key("job1")));
}

TEST_CASE("a job without inputs is refused") {
  office o;
  o.obey(o.machine.submit(many_steps(0), o.now));
  REQUIRE(o.refused.size() == 1);
}

TEST_CASE("steps are spread over the least loaded workers and all of them end once") {
  office o;
  o.obey(o.machine.set_candidates({at(1), at(2), at(3)}, o.now));
  o.obey(o.machine.submit(many_steps(9), o.now));
  CHECK(o.at_work.size() == 3);
  o.work_until_idle();
  CHECK(o.the_job().state() == "done");
  CHECK(o.the_job().done == 9);
  CHECK(o.collected.size() == 9);
  CHECK(o.collected[0].path == "/jobs/job1/d");
}

TEST_CASE("the step of a worker that falls silent runs elsewhere, and its late result is dropped") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(1), o.now));
  REQUIRE(o.at_work[node(1)].size() == 1);
  auto late = o.at_work[node(1)][0];
  o.dead.insert(node(1));
  o.obey(o.machine.set_candidates({at(1), at(2)}, o.now));
  o.pass(limits::lease_life + 3s);
  REQUIRE(o.at_work[node(2)].size() == 1);
  CHECK(o.at_work[node(2)][0].token != late.token);
  CHECK(!o.finish(node(1), late));
  CHECK(o.finish(node(2), o.at_work[node(2)][0]));
  CHECK(o.the_job().state() == "done");
  CHECK(o.collected.size() == 1);
}

TEST_CASE("a worker that was restarted and knows nothing of its lease gives it back at the next beat") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(1), o.now));
  o.at_work.clear();
  o.pass(4s);
  REQUIRE(o.at_work[node(1)].size() == 1);
  o.work_until_idle();
  CHECK(o.the_job().done == 1);
  CHECK(o.the_job().steps[0].attempts == 2);
}

TEST_CASE("a command that fails is final, one that never started is tried again up to its retries") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(1, 2), o.now));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(o.at_work[node(1)].size() == 1);
    o.finish(node(1), o.at_work[node(1)][0], -1, false);
    o.pass(3s);
  }
  CHECK(o.the_job().state() == "failed");
  CHECK(o.the_job().steps[0].attempts == 3);

  office p;
  p.obey(p.machine.set_candidates({at(1)}, p.now));
  p.obey(p.machine.submit(many_steps(1), p.now));
  p.finish(node(1), p.at_work[node(1)][0], 7);
  CHECK(p.the_job().state() == "failed");
  CHECK(p.the_job().steps[0].end.exit_status == 7);
  CHECK(p.collected.size() == 1); // what it wrote is kept: people look at it to see why
}

TEST_CASE("a result told twice is taken twice and counted once") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(2), o.now));
  auto first = o.at_work[node(1)][0];
  CHECK(o.finish(node(1), first));
  CHECK(!o.finish(node(1), first)); // its token is spent: drop it
  CHECK(o.the_job().done == 1);
}

TEST_CASE("a result from a node that does not hold the lease is dropped") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(1), o.now));
  CHECK(!o.finish(node(9), o.at_work[node(1)][0]));
  CHECK(o.the_job().done == 0);
}

TEST_CASE("cancelling stops running steps, survives a restart, and later results change nothing") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(10), o.now));
  auto running = o.at_work[node(1)];
  auto todo = o.machine.cancel("job", o.now);
  REQUIRE(todo);
  o.obey(std::move(*todo));
  CHECK(o.cancelled.size() == running.size());
  CHECK(o.the_job().state() == "cancelled");
  CHECK(o.the_job().ended());
  CHECK(!o.finish(node(1), running[0]));
  CHECK(decode_job(o.ledger.at(job_key("job1")))->cancelled);
}

TEST_CASE("after a crash of the coordinator only the steps without a recorded end run again") {
  office before;
  before.obey(before.machine.set_candidates({at(1)}, before.now));
  before.obey(before.machine.submit(many_steps(4), before.now));
  auto first = before.at_work[node(1)][0];
  before.finish(node(1), first);

  office after;
  after.machine = coordinator_machine{};
  after.obey(after.machine.begin(2, after.now));
  auto spec = decode_job(before.ledger.at(job_key("job1")));
  REQUIRE(spec);
  std::vector<std::pair<std::uint64_t, ledger_step>> ends;
  for (auto& [key, value] : before.ledger)
    if (auto index = step_index(key, "job1")) ends.emplace_back(*index, *decode_step(value));
  REQUIRE(ends.size() == 1);
  after.machine.restore(*spec, ends, after.now);
  after.obey(after.machine.set_candidates({at(1)}, after.now));
  for (auto& each : after.at_work[node(1)]) CHECK(each.index != first.index);
  after.work_until_idle();
  CHECK(after.the_job().done == 4);
}

TEST_CASE("no step is leased before this start has its number") {
  office o;
  o.machine = coordinator_machine{};
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(2), o.now));
  o.pass(2s);
  CHECK(o.accepted.size() == 1);
  CHECK(o.at_work[node(1)].empty());
  o.obey(o.machine.begin(3, o.now));
  CHECK(o.at_work[node(1)].at(0).token >> 32 == 3);
  o.work_until_idle();
  CHECK(o.the_job().state() == "done");
}

TEST_CASE("a step whose end the ledger cannot take is not told as ended") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(1), o.now));
  o.ledger_full = true;
  o.finish(node(1), o.at_work[node(1)][0]);
  CHECK(o.the_job().state() == "running");
  for (int i = 0; i < 20; ++i) { // however long that lasts: it is no attempt that failed
    o.pass(6s);
    for (auto& each : std::vector<lease>{o.at_work[node(1)]}) o.finish(node(1), each);
  }
  CHECK(o.the_job().state() == "running");
  o.ledger_full = false;
  o.pass(6s);
  o.work_until_idle();
  CHECK(o.the_job().state() == "done");
}

TEST_CASE("a worker that does not answer offers gets no more steps, and gets some again when it answers") {
  office o;
  o.dead.insert(node(1));
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(2), o.now));
  CHECK(o.at_work[node(1)].empty());
  o.pass(2s);
  o.dead.clear();
  o.pass(10s);
  o.work_until_idle();
  CHECK(o.the_job().state() == "done");
  CHECK(o.the_job().steps[0].attempts == 1);
}

TEST_CASE("an idle coordinator asks for no timer") {
  office o;
  o.obey(o.machine.set_candidates({at(1)}, o.now));
  o.obey(o.machine.submit(many_steps(2), o.now));
  o.work_until_idle();
  for (auto& each : o.machine.on_tick(o.now)) CHECK(!std::holds_alternative<wake_at>(each));
}

TEST_CASE("job ids may be shortened as long as they are clear") {
  office o;
  auto second = many_steps(1);
  second.id = "job2";
  o.obey(o.machine.submit(many_steps(1), o.now));
  o.obey(o.machine.submit(second, o.now));
  CHECK(o.machine.find("job2"));
  CHECK(o.machine.find("job").why().code == error_code::usage);
  CHECK(o.machine.find("x").why().code == error_code::not_found);
  CHECK(o.machine.find("").why().code == error_code::not_found);
}
