#include "actors/mail/mail.hpp"
#include "runtime/host/event_loop.hpp"

#include <catch2/catch.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

using namespace glow;

namespace {

/// Mail actors of two nodes on CAF's test coordinator, with ledgers in memory and endpoints that hand requests over.
class mail_world {
public:
  struct node {
    std::shared_ptr<identity::node_keys> keys;
    std::map<byte_string, byte_string> ledger;
    bool disk_hangs = false;
    std::vector<caf::typed_response_promise<ledger_written>> hanging;
    caf::actor store, endpoint;
    service_actor service;
    mail_actor mail;
    bool on = true; ///< reachable
  };

  mail_world() {
    seeded_random random{3};
    for (std::size_t i = 0; i < 2; ++i) {
      nodes_.emplace_back();
      nodes_[i].keys = std::make_shared<identity::node_keys>(identity::node_keys::generate(random));
      roster_->members.push_back({nodes_[i].keys->id(), "n" + std::to_string(i), identity::role::member, {}});
    }
    std::sort(roster_->members.begin(), roster_->members.end(), [](auto& a, auto& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < 2; ++i) {
      nodes_[i].store = system_.spawn([this, i](caf::event_based_actor* self) { return fake_store(self, nodes_[i]); });
      nodes_[i].endpoint = system_.spawn([this, i](caf::event_based_actor* self) { return fake_endpoint(self, i); });
      start(i);
    }
    settle();
  }
  ~mail_world() {
    for (auto& each : nodes_) {
      caf::anon_send_exit(each.mail, caf::exit_reason::kill);
      caf::anon_send_exit(each.store, caf::exit_reason::kill);
      caf::anon_send_exit(each.endpoint, caf::exit_reason::kill);
      each.hanging.clear();
      each.service = nullptr;
      each.mail = nullptr;
    }
    settle();
    scheduler_.clock().cancel_all();
  }

  node& at(std::size_t i) { return nodes_[i]; }
  node_id id(std::size_t i) const { return nodes_[i].keys->id(); }
  void start(std::size_t i) {
    auto mine = std::make_shared<identity::roster>(*roster_);
    mine->self = id(i);
    nodes_[i].mail = spawn_mail(
      system_,
      {nodes_[i].keys, mine, caf::actor_cast<store_actor>(nodes_[i].store), caf::actor_cast<endpoint_actor>(nodes_[i].endpoint),
       host::system_surroundings(loop_, std::make_shared<seeded_random>(i + 10), [] { return from_unix_ms(1'760'000'000'000); }),
       nullptr});
    settle();
    tell_routes();
  }
  void stop(std::size_t i) {
    caf::anon_send_exit(nodes_[i].mail, caf::exit_reason::kill);
    nodes_[i].mail = nullptr;
    nodes_[i].service = nullptr;
    settle();
  }
  void reach(std::size_t i, bool on) {
    nodes_[i].on = on;
    tell_routes();
  }
  void settle() {
    while (scheduler_.try_run_once()) {}
  }
  void pass(duration time) {
    settle();
    for (auto end = scheduler_.clock().now() + time; scheduler_.clock().now() < end;) {
      scheduler_.advance_time(100ms);
      settle();
    }
  }
  /// Asks a mail actor, and lets time pass until it answers.
  template <class Answer, class Question>
  result<Answer> ask(std::size_t i, Question question, duration patience = 60s) {
    caf::scoped_actor self{system_};
    return ask_as<Answer>(self, i, std::move(question), patience);
  }
  template <class Answer, class Question>
  result<Answer> ask_as(caf::scoped_actor& self, std::size_t i, Question question, duration patience = 60s) {
    result<Answer> out{error_code::timed_out, "the test's patience is over"};
    auto pending = self->request(nodes_[i].mail, caf::infinite, std::move(question));
    settle();
    for (duration waited{}; !self->has_next_message() && waited < patience; waited += 100ms) pass(100ms);
    if (!self->has_next_message()) return out;
    pending.receive([&](Answer& answer) { out = result<Answer>{std::move(answer)}; },
                    [&](caf::error& why) { out = result<Answer>{from_caf(why)}; });
    return out;
  }
  result<letter_sent> send(std::size_t from, std::size_t to, const std::string& text) {
    return ask<letter_sent>(from, send_letter{id(to), "box", to_bytes(text), 24h}, 1s);
  }
  std::string take(std::size_t i, std::uint64_t lease, duration timeout = 0s) {
    auto taken = ask_as<message_taken>(taker_, i, take_message{"box", lease, timeout});
    return taken ? to_text(taken->body) : std::string{to_string(taken.why().code)};
  }
  result<take_ended> remove(std::size_t i, std::uint64_t lease) { return ask_as<take_ended>(taker_, i, end_take{lease, true}); }
  caf::actor_system& system() { return system_; }

private:
  static caf::actor_system_config& configured() {
    static caf::actor_system_config config;
    config.set("scheduler.policy", caf::atom("testing"));
    return config;
  }
  caf::behavior fake_store(caf::event_based_actor* self, node& of) {
    return {
      [self, &of](const write_ledger& m) -> caf::result<ledger_written> {
        for (auto& [key, value] : m.put) of.ledger[key] = value;
        for (auto& key : m.remove) of.ledger.erase(key);
        if (!of.disk_hangs) return ledger_written{};
        of.hanging.push_back(self->make_response_promise<ledger_written>());
        return of.hanging.back();
      },
      [&of](const read_ledger& m) {
        ledger_records out;
        for (auto& [key, value] : of.ledger)
          if (as_text(key).starts_with(as_text(m.prefix))) out.records.emplace_back(key, value);
        return out;
      },
    };
  }
  caf::behavior fake_endpoint(caf::event_based_actor* self, std::size_t i) {
    return {
      [this, i](const register_service& m) { nodes_[i].service = m.service; },
      [=, this](const send_request& m) -> caf::result<response> {
        for (auto& each : nodes_) {
          if (each.keys->id() != m.to) continue;
          if (!each.on || !nodes_[i].on || !each.service) break;
          auto promise = self->make_response_promise<response>();
          self->request(each.service, m.timeout, incoming_request{id(i), m.method, m.body})
            .then([=](response& answer) mutable { promise.deliver(std::move(answer)); },
                  [=](caf::error& why) mutable { promise.deliver(why); });
          return promise;
        }
        return to_caf({error_code::unreachable, "no route"});
      },
    };
  }
  void tell_routes() {
    for (std::size_t i = 0; i < 2; ++i) {
      auto routes = std::make_shared<std::vector<route_info>>();
      for (auto traffic : {traffic_class::interactive, traffic_class::bulk})
        if (nodes_[0].on && nodes_[1].on) {
          route_info way;
          way.destination = way.next = id(1 - i);
          way.traffic = traffic;
          routes->push_back(way);
        }
      if (nodes_[i].mail) caf::anon_send(nodes_[i].mail, routes_changed{routes});
    }
    settle();
  }

  caf::actor_system system_{configured()};
  caf::scheduler::test_coordinator& scheduler_ = dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  host::event_loop loop_{system_};
  std::shared_ptr<identity::roster> roster_ = std::make_shared<identity::roster>();
  std::deque<node> nodes_;
  caf::scoped_actor taker_{system_}; ///< lives as long as the test: what it takes stays taken
};

} // namespace

TEST_CASE("mail acknowledges a message once it is on the disk, not before") {
  mail_world world;
  world.reach(1, false);
  world.at(0).disk_hangs = true;
  auto early = world.send(0, 1, "x");
  CHECK(early.why().message == "the test's patience is over");
  world.at(0).disk_hangs = false;
  CHECK(world.send(0, 1, "y").ok());
}

TEST_CASE("mail delivers, and tells those who wait for a letter or for a message") {
  mail_world world;
  auto sent = world.send(0, 1, "hello");
  REQUIRE(sent.ok());
  auto told = world.ask<letter_report>(0, await_letter{sent->id, 10s, false});
  REQUIRE(told.ok());
  CHECK(told->status.state == mail::letter_state::delivered);
  CHECK(world.ask<mailbox_list>(1, get_mailboxes{})->boxes.at(0).letters == 1);
  CHECK(world.take(1, 7) == "hello");
  CHECK(world.take(1, 8) == "not_found"); // somebody holds it
  CHECK(world.remove(1, 7).ok());
  CHECK(world.take(1, 9, 2s) == "timed_out");
  CHECK(world.ask<mailbox_list>(1, get_mailboxes{})->boxes.empty());
  CHECK_FALSE(world.remove(1, 7).ok()); // it is gone
}

TEST_CASE("mail says what it knows of a letter when the wait is over, or nothing more can be done") {
  mail_world world;
  world.reach(1, false);
  auto sent = world.send(0, 1, "x");
  REQUIRE(sent.ok());
  auto told = world.ask<letter_report>(0, await_letter{sent->id, 3s, false});
  REQUIRE(told.ok());
  CHECK(told->status.state == mail::letter_state::waiting);
  told = world.ask<letter_report>(0, await_letter{sent->id, 24h, true}, 1s);
  REQUIRE(told.ok());
  CHECK_FALSE(told->status.reachable);
  world.reach(1, true);
  told = world.ask<letter_report>(0, await_letter{sent->id, 24h, false}, 10s);
  REQUIRE(told.ok());
  CHECK(told->status.state == mail::letter_state::delivered);
}

TEST_CASE("what mail acknowledged and what it took in survives its restart") {
  mail_world world;
  REQUIRE(world.send(0, 1, "first").ok());
  world.pass(1s);
  world.reach(1, false);
  auto sent = world.send(0, 1, "second");
  REQUIRE(sent.ok());
  for (std::size_t i = 0; i < 2; ++i) {
    world.stop(i);
    world.start(i);
  }
  world.reach(1, true);
  world.pass(2s);
  CHECK(world.ask<letter_report>(0, await_letter{sent->id, 0s, false})->status.state == mail::letter_state::delivered);
  CHECK(world.take(1, 1) == "first");
  CHECK(world.take(1, 2) == "second");
}

TEST_CASE("a message whose taker dies is there for the next one") {
  mail_world world;
  REQUIRE(world.send(0, 1, "x").ok());
  world.pass(1s);
  {
    caf::scoped_actor taker{world.system()};
    REQUIRE(world.ask_as<message_taken>(taker, 1, take_message{"box", 5, 0s}).ok());
  }
  world.settle();
  CHECK(world.take(1, 6) == "x");
}

TEST_CASE("mail refuses what is no box, no member, or too long") {
  mail_world world;
  CHECK(world.ask<letter_sent>(0, send_letter{world.id(1), "No Box", {}, 1h}).why().code == error_code::usage);
  CHECK(world.ask<letter_sent>(0, send_letter{node_id{{9}}, "box", {}, 1h}).why().code == error_code::not_found);
  CHECK(world.ask<letter_sent>(0, send_letter{world.id(1), "box", byte_string(1025 * 1024), 1h}).why().code == error_code::usage);
  CHECK(world.ask<message_taken>(0, take_message{"../box", 1, 0s}).why().code == error_code::usage);
}
