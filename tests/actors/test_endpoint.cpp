#include "actors/endpoint/endpoint.hpp"
#include "actors/router/router.hpp"
#include "runtime/host/event_loop.hpp"
#include "tests/actors/bare_link.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

#include <atomic>

using namespace glow;

namespace {

/// Answers with the request's body, once for each.
struct echo_state : actor_lifecycle {
  static inline const char* name = "test.echo";
};
using echo_self = caf::stateful_actor<echo_state, pool_hosted<service_actor::base>>*;

service_actor::behavior_type echo_behavior(echo_self self, std::shared_ptr<std::atomic<int>> served) {
  install_lifecycle(self);
  return {[=](incoming_request& m) -> caf::result<response> {
    ++*served;
    if (m.body == to_bytes("fail")) return to_caf(error{error_code::not_found, "no such thing"});
    return response{std::move(m.body)};
  }};
}

/// Nodes on a line: each has a link to the next one only.
struct line_of_nodes {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> loop;
  std::shared_ptr<identity::roster> roster = std::make_shared<identity::roster>();
  std::vector<std::shared_ptr<const identity::node_keys>> keys;
  std::vector<router_actor> routers;
  std::vector<endpoint_actor> endpoints;
  std::vector<link_actor> links;
  std::vector<service_actor> services;

  explicit line_of_nodes(std::size_t count) {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 1);
    system = std::make_unique<caf::actor_system>(config);
    loop = std::make_unique<host::event_loop>(*system);
    auto world = host::system_surroundings(*loop);
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(std::make_shared<identity::node_keys>(identity::node_keys::generate(world.random())));
      identity::member m;
      m.id = keys.back()->id();
      roster->members.push_back(m);
    }
    std::sort(roster->members.begin(), roster->members.end(), [](auto& a, auto& b) { return a.id < b.id; });
    for (auto& each : keys) {
      routers.push_back(spawn_on_loop(*system, *loop, router_behavior, router_arguments{world, *each, roster, nullptr}));
      endpoints.push_back(
        spawn_on_loop(*system, *loop, endpoint_behavior, endpoint_arguments{world, routers.back(), each, roster, nullptr}));
    }
    for (std::size_t i = 1; i < count; ++i) connect(i - 1, i);
  }
  ~line_of_nodes() {
    auto stop = [](auto& all) {
      for (auto& each : all) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
      all.clear();
    };
    stop(links);
    stop(endpoints);
    stop(routers);
    stop(services);
    system->await_all_actors_done();
    loop.reset();
  }
  const node_id& id(std::size_t i) const { return keys[i]->id(); }
  void connect(std::size_t a, std::size_t b) {
    const auto first = static_cast<link_id>(links.size() + 1);
    links.push_back(spawn_on_loop(*system, *loop, bare_link_behavior, routers[b], link_id{first + 1}));
    links.push_back(spawn_on_loop(*system, *loop, bare_link_behavior, routers[a], link_id{first}));
    tell_up(a, b, first);
    tell_up(b, a, first + 1);
  }
  void tell_up(std::size_t near, std::size_t far, link_id link) {
    link_info info;
    info.id = link;
    info.peer = id(far);
    info.channel.scheme = "loopback";
    info.channel.path = "x";
    info.link_class = "local";
    info.packet_bytes_max = 1200;
    info.rtt = 1ms;
    caf::anon_send(routers[near], link_up{link, info, links[link - 1]});
  }
  std::shared_ptr<std::atomic<int>> serve(std::size_t at, request_method method) {
    auto served = std::make_shared<std::atomic<int>>(0);
    services.push_back(system->spawn(echo_behavior, served));
    caf::anon_send(endpoints[at], register_service{{method}, services.back()});
    return served;
  }
  result<byte_string> ask(std::size_t from, std::size_t to, byte_string body, duration timeout = 20s,
                          request_method method = request_method::store_fetch) {
    caf::scoped_actor self{*system};
    result<byte_string> out{error{}};
    self
      ->request(endpoints[from], caf::infinite,
                send_request{id(to), method, std::move(body), timeout, traffic_class::interactive})
      .receive([&](response& m) { out = std::move(m.body); }, [&](caf::error& e) { out = from_caf(e); });
    return out;
  }
};

byte_string pattern(std::size_t size) {
  byte_string out(size);
  seeded_random{size}.fill(out);
  return out;
}

} // namespace

TEST_CASE("an actor asks a service on a neighbour, on a far node and on its own") {
  line_of_nodes mesh{3};
  for (std::size_t to : {0u, 1u, 2u}) {
    auto served = mesh.serve(to, request_method::store_fetch);
    for (std::size_t size : {0u, 1000u, 300000u}) {
      auto answer = mesh.ask(0, to, pattern(size));
      REQUIRE(answer.ok());
      CHECK(*answer == pattern(size));
    }
    CHECK(*served == 3);
  }
}

TEST_CASE("a service's refusal, a missing service and a dead service are told apart from silence") {
  line_of_nodes mesh{2};
  mesh.serve(1, request_method::store_fetch);
  auto refused = mesh.ask(0, 1, to_bytes("fail"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.why() == error{error_code::not_found, "no such thing"});
  auto missing = mesh.ask(0, 1, {}, 20s, request_method::job_offer);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.why().code == error_code::not_found);
  caf::anon_send_exit(mesh.services[0], caf::exit_reason::kill);
  auto dead = mesh.ask(0, 1, {});
  REQUIRE_FALSE(dead.ok());
  CHECK((dead.why().code == error_code::not_found || dead.why().code == error_code::stopped));
}

TEST_CASE("a ping tells the round trip and the number of hops") {
  line_of_nodes mesh{3};
  caf::scoped_actor self{*mesh.system};
  self->request(mesh.endpoints[0], caf::infinite, ping_node{mesh.id(2), 20s})
    .receive(
      [&](ping_report& report) {
        CHECK(report.hops == 2);
        CHECK(report.rtt > duration::zero());
      },
      [&](caf::error& e) { FAIL(from_caf(e).message); });
}

TEST_CASE("a node without a route is unreachable once the deadline has passed, and not before") {
  line_of_nodes mesh{1};
  mesh.keys.push_back(std::make_shared<identity::node_keys>(identity::node_keys::generate(*host::system_random())));
  auto stranger = mesh.ask(0, 1, {}, 20s);
  REQUIRE_FALSE(stranger.ok());
  CHECK(stranger.why().code == error_code::not_a_member);
  auto wider = std::make_shared<identity::roster>(*mesh.roster);
  wider->members.push_back({mesh.id(1), "far", identity::role::member, {}});
  std::sort(wider->members.begin(), wider->members.end(), [](auto& a, auto& b) { return a.id < b.id; });
  caf::anon_send(mesh.endpoints[0], roster_changed{wider});
  auto before = std::chrono::steady_clock::now();
  auto lost = mesh.ask(0, 1, {}, 300ms);
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.why().code == error_code::unreachable);
  CHECK(std::chrono::steady_clock::now() - before >= 300ms);
}

TEST_CASE("the endpoint shows its peers and its work") {
  line_of_nodes mesh{2};
  mesh.serve(1, request_method::store_fetch);
  REQUIRE(mesh.ask(0, 1, pattern(10)).ok());
  caf::scoped_actor self{*mesh.system};
  self->request(caf::actor_cast<caf::actor>(mesh.endpoints[1]), caf::infinite, get_state{})
    .receive(
      [&](state_report& report) {
        CHECK(report.name == "glow.endpoint");
        CHECK(report.json.find("\"requests_served\":1") != std::string::npos);
        CHECK(report.json.find("\"direct\":true") != std::string::npos);
      },
      [&](caf::error& e) { FAIL(from_caf(e).message); });
}
