#include "actors/router/router.hpp"
#include "runtime/host/event_loop.hpp"
#include "tests/actors/bare_link.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

using namespace glow;

namespace {

struct router_world {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> loop;
  identity::roster_ptr roster;
  std::vector<identity::node_keys> keys;
  std::vector<router_actor> routers;
  std::vector<link_actor> wires;

  explicit router_world(std::size_t count) {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 1);
    system = std::make_unique<caf::actor_system>(config);
    loop = std::make_unique<host::event_loop>(*system);
    auto world = host::system_surroundings(*loop);
    auto all = std::make_shared<identity::roster>();
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(identity::node_keys::generate(world.random()));
      identity::member m;
      m.id = keys.back().id();
      all->members.push_back(m);
    }
    roster = all;
    for (auto& each : keys)
      routers.push_back(spawn_on_loop(*system, *loop, router_behavior, router_arguments{world, each, roster, nullptr}));
  }
  ~router_world() {
    for (auto& each : wires) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    for (auto& each : routers) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    wires.clear();
    routers.clear();
    system->await_all_actors_done();
    loop.reset();
  }

  void connect(std::size_t a, std::size_t b) {
    const auto first = static_cast<link_id>(wires.size() + 1);
    wires.push_back(spawn_on_loop(*system, *loop, bare_link_behavior, routers[b], link_id{first + 1}));
    wires.push_back(spawn_on_loop(*system, *loop, bare_link_behavior, routers[a], first));
    tell_up(a, b, first);
    tell_up(b, a, first + 1);
  }
  void tell_up(std::size_t near, std::size_t far, link_id id) {
    link_info info;
    info.id = id;
    info.peer = keys[far].id();
    info.channel.scheme = "loopback";
    info.channel.path = "x";
    info.link_class = "local";
    info.packet_bytes_max = 1200;
    info.rtt = 1ms;
    caf::anon_send(routers[near], link_up{id, info, wires[id - 1]});
  }
};

/// Waits for a table that has, or has not, a way to `node`. False when none comes within five seconds.
bool hears_of(caf::scoped_actor& self, const node_id& node, bool wanted) {
  for (int k = 0; k < 100; ++k) {
    bool found = !wanted;
    bool heard = false;
    self->receive(
      [&](const routes_changed& m) {
        heard = true;
        found = std::any_of(m.routes->begin(), m.routes->end(), [&](auto& row) { return row.destination == node; });
      },
      caf::after(std::chrono::seconds{5}) >> [] {});
    if (!heard) return false;
    if (found == wanted) return true;
  }
  return false;
}

} // namespace

TEST_CASE("routers on a line find each other and relay payloads to the attached endpoint") {
  router_world w{3};
  caf::scoped_actor left{*w.system};
  caf::scoped_actor right{*w.system};
  left->send(w.routers[0], subscribe_routes{caf::actor_cast<caf::strong_actor_ptr>(left)});
  right->send(w.routers[2], attach_local{caf::actor_cast<caf::strong_actor_ptr>(right)});
  w.connect(0, 1);
  w.connect(1, 2);
  REQUIRE(hears_of(left, w.keys[2].id(), true));
  bool arrived = false;
  // a relay drops what comes before it has heard that its neighbour knows this life of it: whoever sends does so again
  for (int k = 0; k < 50 && !arrived; ++k) {
    left->send(w.routers[0],
               payloads_to_route{w.keys[2].id(), traffic_class::interactive, false, packet_batch::of(to_bytes("hi"))});
    right->receive(
      [&](const payloads_arrived& m) {
        arrived = m.from == w.keys[0].id() && !m.direct && to_text(m.payloads.contents().at(0)) == "hi";
      },
      caf::after(std::chrono::milliseconds{100}) >> [] {});
  }
  CHECK(arrived);

  SECTION("a trace is answered with both hops") {
    std::vector<trace_hop> hops;
    left->request(w.routers[0], std::chrono::seconds{5}, trace_route{w.keys[2].id(), 3s})
      .receive([&](trace_report& report) { hops = report.hops; }, [&](caf::error& e) { FAIL(from_caf(e).message); });
    REQUIRE(hops.size() == 2);
    CHECK(hops[0].node == w.keys[1].id());
    CHECK(hops[1].node == w.keys[2].id());
    CHECK(hops[0].link_class == "local");
  }
  SECTION("a link that dies without a word is a link that is down") {
    caf::anon_send_exit(w.wires[0], caf::exit_reason::kill);
    CHECK(hears_of(left, w.keys[2].id(), false));
    left->request(w.routers[0], std::chrono::seconds{5}, trace_route{w.keys[2].id(), 3s})
      .receive([&](trace_report&) { FAIL("there is no way"); },
               [&](caf::error& e) { CHECK(from_caf(e).code == error_code::unreachable); });
  }
  SECTION("the whole table is listed on request, and the state as JSON") {
    std::vector<route_info> routes;
    left->request(w.routers[1], std::chrono::seconds{5}, get_routes{})
      .receive([&](route_list& list) { routes = list.routes; }, [&](caf::error& e) { FAIL(from_caf(e).message); });
    CHECK(routes.size() >= 4); // two neighbours, two metrics
    std::string json;
    left->request(caf::actor_cast<caf::actor>(w.routers[1]), std::chrono::seconds{5}, get_state{})
      .receive([&](state_report& report) { json = report.json; }, [&](caf::error& e) { FAIL(from_caf(e).message); });
    CHECK(json.find("\"links\":2") != std::string::npos);
  }
}
