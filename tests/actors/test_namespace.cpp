#include "actors/namespace/namespace.hpp"

#include "runtime/host/event_loop.hpp"
#include "runtime/host/files.hpp"
#include "tests/runtime/host/a_directory.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>

#include <sys/stat.h>
#include <unistd.h>

using namespace glow;
using identity::role;

namespace {

identity::node_keys keys_of(std::uint64_t number) {
  seeded_random random{number + 77};
  return identity::node_keys::generate(random);
}

/// What a subscriber heard, to be waited for.
class heard {
public:
  template <class Change>
  void add(Change change) {
    std::lock_guard guard{mutex_};
    change(*this);
    changed_.notify_all();
  }
  template <class Condition>
  bool wait(Condition met) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, 10s, [&] { return met(*this); });
  }
  identity::roster_ptr roster;
  std::vector<member_seen> seen;

private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

caf::behavior listener_behavior(caf::event_based_actor*, std::shared_ptr<heard> notes) {
  return {
    [=](const roster_changed& m) { notes->add([&](heard& h) { h.roster = m.roster; }); },
    [=](const member_seen& m) { notes->add([&](heard& h) { h.seen.push_back(m); }); },
  };
}

/// Stands for the endpoints of all nodes and what is between them: brings a request to the service of its node.
struct mesh {
  std::mutex mutex;
  std::map<node_id, service_actor> services;
  std::uint64_t requests = 0;
};
caf::behavior endpoint_of_mesh(caf::event_based_actor* self, std::shared_ptr<mesh> all, node_id own) {
  return {
    [=](const register_service& m) {
      std::lock_guard guard{all->mutex};
      all->services[own] = m.service;
    },
    [=](const send_request& m) -> caf::result<response> {
      std::unique_lock guard{all->mutex};
      ++all->requests;
      auto at = all->services.find(m.to);
      if (at == all->services.end()) return to_caf(error{error_code::unreachable, "no route"});
      auto promise = self->make_response_promise<response>();
      self->request(at->second, 5s, incoming_request{own, m.method, m.body})
        .then([=](const response& r) mutable { promise.deliver(r); },
              [=](caf::error& e) mutable { promise.deliver(std::move(e)); });
      return promise;
    },
  };
}

struct world {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> loop;
  std::vector<caf::actor> spawned;
  host::testing::a_directory here;
  std::shared_ptr<mesh> all = std::make_shared<mesh>();
  world() {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 2);
    system = std::make_unique<caf::actor_system>(config);
    loop = std::make_unique<host::event_loop>(*system);
  }
  ~world() {
    for (auto& each : spawned) caf::anon_send_exit(each, caf::exit_reason::kill);
    spawned.clear();
    {
      std::lock_guard guard{all->mutex};
      all->services.clear();
    }
    system->await_all_actors_done();
    loop.reset();
  }
  namespace_actor start(std::uint64_t number, const std::string& file) {
    auto made =
      system->spawn(namespace_behavior, namespace_arguments{host::system_surroundings(*loop), keys_of(number), here.file(file),
                                                            "home", "node" + std::to_string(number), nullptr});
    spawned.push_back(caf::actor_cast<caf::actor>(made));
    return made;
  }
  caf::actor listener(const std::shared_ptr<heard>& notes) {
    spawned.push_back(system->spawn(listener_behavior, notes));
    return spawned.back();
  }
  void attach(const namespace_actor& whom, std::uint64_t number, const caf::actor& links = {}) {
    spawned.push_back(system->spawn(endpoint_of_mesh, all, keys_of(number).id()));
    caf::anon_send(whom,
                   attach_endpoint{caf::actor_cast<endpoint_actor>(spawned.back()), {}, caf::actor_cast<links_actor>(links)});
  }
};

template <class Answer, class Handle, class Message>
result<Answer> ask(world& w, const Handle& whom, Message message) {
  caf::scoped_actor self{*w.system};
  result<Answer> out{error{error_code::failed, "no answer"}};
  self->request(whom, 10s, std::move(message))
    .receive([&](Answer& a) { out = std::move(a); }, [&](caf::error& e) { out = from_caf(e); });
  return out;
}

result<admission> join(world& w, const namespace_actor& inviter, std::uint64_t number, role as = role::member) {
  auto made = ask<ticket_created>(w, inviter, create_ticket{15min, as});
  if (!made) return made.why();
  auto ticket = identity::parse_ticket(made->ticket);
  if (!ticket) return ticket.why();
  auto secret = ask<ticket_secret>(w, inviter, get_ticket_secret{ticket->id(), keys_of(number).id()});
  if (!secret) return secret.why();
  return ask<admission>(w, inviter, redeem_ticket{ticket->id(), keys_of(number).id(), "node" + std::to_string(number)});
}

routes_changed routes_to(std::initializer_list<std::uint64_t> numbers) {
  auto routes = std::make_shared<std::vector<route_info>>();
  for (auto each : numbers) {
    route_info route;
    route.destination = keys_of(each).id();
    route.hops = 1;
    routes->push_back(route);
  }
  return {routes};
}

} // namespace

TEST_CASE("a namespace is founded at the first start and found again at the second") {
  world w;
  auto first = ask<roster_changed>(w, w.start(1, "ns"), get_roster{});
  REQUIRE(first);
  CHECK(first->roster->name == "home");
  struct stat status {};
  REQUIRE(::stat(w.here.file("ns").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  auto second = ask<roster_changed>(w, w.start(1, "ns"), get_roster{});
  REQUIRE(second);
  CHECK(second->roster->id == first->roster->id);
  CHECK(second->roster->members.size() == 1);
}

TEST_CASE("a ticket admits a node durably, once, and subscribers hear of it") {
  world w;
  auto founder = w.start(1, "ns");
  auto notes = std::make_shared<heard>();
  caf::anon_send(founder, subscribe_roster{caf::actor_cast<caf::strong_actor_ptr>(w.listener(notes))});
  REQUIRE(notes->wait([](heard& h) { return h.roster != nullptr; }));
  auto admitted = join(w, founder, 2);
  REQUIRE(admitted);
  CHECK(admitted->admitted_by == keys_of(1).id());
  CHECK(notes->wait([](heard& h) { return h.roster->members.size() == 2; }));
  // what was answered stands on disk already
  auto file = identity::namespace_state::decode(*host::read_file(w.here.file("ns"), 1u << 20), keys_of(1));
  REQUIRE(file);
  CHECK(file->current_roster()->find(keys_of(2).id()));

  REQUIRE(host::write_file_atomically(w.here.file("ns2"), admitted->namespace_file, 0600));
  auto joined = ask<roster_changed>(w, w.start(2, "ns2"), get_roster{});
  REQUIRE(joined);
  CHECK(joined->roster->members.size() == 2);
  CHECK(joined->roster->self == keys_of(2).id());
}

TEST_CASE("a used ticket is refused to another node") {
  world w;
  auto founder = w.start(1, "ns");
  auto made = ask<ticket_created>(w, founder, create_ticket{15min, role::member});
  REQUIRE(made);
  auto id = identity::parse_ticket(made->ticket)->id();
  REQUIRE(ask<admission>(w, founder, redeem_ticket{id, keys_of(2).id(), "a"}));
  CHECK(ask<admission>(w, founder, redeem_ticket{id, keys_of(2).id(), "a"}));
  auto refused = ask<admission>(w, founder, redeem_ticket{id, keys_of(3).id(), "b"});
  REQUIRE_FALSE(refused);
  CHECK(refused.why().code == error_code::already_used);
}

TEST_CASE("a damaged namespace file stops the actor and is left as it is") {
  world w;
  REQUIRE(host::write_file_atomically(w.here.file("ns"), as_bytes("not a namespace!"), 0600));
  auto broken = w.start(1, "ns");
  CHECK_FALSE(ask<roster_changed>(w, broken, get_roster{}));
  CHECK(to_text(*host::read_file(w.here.file("ns"), 100)) == "not a namespace!");
}

TEST_CASE("a change that cannot be written is answered as failed and undone") {
  world w;
  std::filesystem::create_directory(w.here.file("dir"));
  auto founder = w.start(1, "dir/ns");
  REQUIRE(ask<roster_changed>(w, founder, get_roster{}));
  std::filesystem::remove_all(w.here.file("dir"));
  CHECK_FALSE(join(w, founder, 2));
  CHECK(ask<roster_changed>(w, founder, get_roster{})->roster->members.size() == 1);
  std::filesystem::create_directory(w.here.file("dir"));
  CHECK(join(w, founder, 2));
}

TEST_CASE("reachable members exchange what they lack, and places go to links") {
  world w;
  auto founder = w.start(1, "ns1");
  auto admitted = join(w, founder, 2, role::admin);
  REQUIRE(admitted);
  REQUIRE(host::write_file_atomically(w.here.file("ns2"), admitted->namespace_file, 0600));
  auto admin = w.start(2, "ns2");
  REQUIRE(join(w, admin, 3));   // unknown to the founder
  REQUIRE(join(w, founder, 4)); // unknown to the admin

  auto founder_notes = std::make_shared<heard>(), admin_notes = std::make_shared<heard>(),
       links_notes = std::make_shared<heard>();
  caf::anon_send(founder, subscribe_roster{caf::actor_cast<caf::strong_actor_ptr>(w.listener(founder_notes))});
  caf::anon_send(admin, subscribe_roster{caf::actor_cast<caf::strong_actor_ptr>(w.listener(admin_notes))});
  caf::anon_send(admin, own_addresses{{*parse_channel_uri("udp://10.1.2.3:4")}});
  w.attach(founder, 1, w.listener(links_notes));
  w.attach(admin, 2);
  caf::anon_send(admin, routes_changed{routes_to({1})});
  CHECK(founder_notes->wait([](heard& h) { return h.roster && h.roster->members.size() == 4; }));
  CHECK(admin_notes->wait([](heard& h) { return h.roster && h.roster->members.size() == 4; }));
  CHECK(
    links_notes->wait([](heard& h) { return !h.seen.empty() && h.seen[0].node == keys_of(2).id() && h.seen[0].uri.port == 4; }));
  auto places = ask<known_addresses>(w, founder, get_known_addresses{});
  REQUIRE(places);
  CHECK(places->places.size() == 1);

  // an expulsion reaches the others by itself
  caf::anon_send(founder, routes_changed{routes_to({2})});
  REQUIRE(ask<member_expelled>(w, founder, expel_member{keys_of(4).id()}));
  CHECK(admin_notes->wait([](heard& h) { return h.roster->members.size() == 3; }));
}

TEST_CASE("a stranger's sync request is refused") {
  world w;
  auto founder = w.start(1, "ns");
  seeded_random random{1};
  auto stranger = identity::namespace_state::found("other", keys_of(9), "x", from_unix_ms(0), random);
  auto refused =
    ask<response>(w, founder,
                  incoming_request{keys_of(9).id(), request_method::membership_sync,
                                   identity::make_sync_request(stranger, keys_of(1).id(), identity::sync_extent::everything)});
  REQUIRE_FALSE(refused);
  CHECK(refused.why().code == error_code::not_a_member);
}

TEST_CASE("the certificate of a member is made for handshakes") {
  world w;
  auto founder = w.start(1, "ns");
  auto made = ask<certificate_bytes>(w, founder, get_certificate{});
  REQUIRE(made);
  auto roster = ask<roster_changed>(w, founder, get_roster{})->roster;
  CHECK(identity::check_peer(*roster, keys_of(1).id(), made->certificate));
}

TEST_CASE("the places that a neighbour tells of itself outlive a crash that follows at once") {
  world w;
  auto founder = w.start(1, "ns");
  REQUIRE(join(w, founder, 2));
  caf::anon_send(founder, remember_addresses{keys_of(2).id(), {*parse_channel_uri("tcp://10.1.2.3:4")}});
  REQUIRE(ask<known_addresses>(w, founder, get_known_addresses{}));
  auto kept = host::read_file(w.here.file("ns"), limits::namespace_file_bytes_max);
  REQUIRE(kept);
  auto read = identity::namespace_state::decode(*kept, keys_of(1));
  REQUIRE(read);
  CHECK(read->known_addresses(false).size() == 1);
}
