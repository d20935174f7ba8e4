#include "actors/link/link.hpp"

#include "runtime/host/event_loop.hpp"
#include "runtime/host/surroundings.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>

using namespace glow;

namespace {

/// What the actors around two links heard, written on the loop, read by the test.
struct heard {
  std::mutex guard;
  std::condition_variable news;
  std::vector<std::string> packets[2];
  std::vector<link_up> ups[2];
  std::vector<error> downs[2];
  std::vector<link_joined> joined;
  std::vector<digest> redeemed;
  bool cut = false;

  template <class Change>
  void note(Change change) {
    std::lock_guard lock{guard};
    change();
    news.notify_all();
  }
  template <class Done>
  bool wait(Done done) {
    std::unique_lock lock{guard};
    return news.wait_for(lock, 20s, done);
  }
};
using heard_ptr = std::shared_ptr<heard>;

/// Two toy transports joined by a wire: what one sends, the owner of the other's channel receives.
struct toy_wire {
  caf::strong_actor_ptr owners[2];
  std::vector<packet_batch> unclaimed[2];
};
struct toy_transport_state : actor_lifecycle {
  static inline const char* name = "test.transport";
};
using toy_transport_self = caf::stateful_actor<toy_transport_state, loop_hosted<transport_actor::base>>*;

transport_actor::behavior_type toy_transport(toy_transport_self self, std::shared_ptr<toy_wire> wire, std::size_t side,
                                             heard_ptr ears) {
  install_lifecycle(self);
  auto deliver = [=](std::size_t to, packet_batch datagrams) {
    if (!wire->owners[to]) return wire->unclaimed[to].push_back(std::move(datagrams));
    self->send(caf::actor_cast<channel_owner_actor>(wire->owners[to]), channel_received{1, std::move(datagrams)});
  };
  return {
    [](const connect_channel&) -> caf::result<channel_opened> {
      return to_caf({error_code::usage, "a toy"});
    },
    [=](const claim_channel& m) {
      wire->owners[side] = m.owner;
      for (auto& each : std::exchange(wire->unclaimed[side], {})) deliver(side, std::move(each));
    },
    [=](send_on_channel& m) {
      std::lock_guard lock{ears->guard};
      if (!ears->cut) deliver(1 - side, std::move(m.datagrams));
    },
    [=](const close_channel&) { wire->owners[side] = nullptr; },
    [](const get_listening&) { return listening_on{}; },
  };
}

struct toy_router_state : actor_lifecycle {
  static inline const char* name = "test.router";
};
using toy_router_self = caf::stateful_actor<toy_router_state, loop_hosted<link_router::base>>*;

link_router::behavior_type toy_router(toy_router_self self, std::size_t side, heard_ptr ears) {
  install_lifecycle(self);
  return {
    [=](const link_up& m) { ears->note([&] { ears->ups[side].push_back(m); }); },
    [](const link_changed&) {},
    [=](const link_down& m) { ears->note([&] { ears->downs[side].push_back(m.why); }); },
    [=](const packets_from_link& m) {
      ears->note([&] {
        for (auto& each : m.packets.contents()) ears->packets[side].push_back(to_text(each));
      });
    },
  };
}

struct toy_owner_state : actor_lifecycle {
  static inline const char* name = "test.links";
};
using toy_owner_self = caf::stateful_actor<toy_owner_state, loop_hosted<link_owner::base>>*;

link_owner::behavior_type toy_owner(toy_owner_self self, std::size_t side, heard_ptr ears) {
  install_lifecycle(self);
  return {
    [](const link_up&) {},
    [](const link_changed&) {},
    [=](const link_down& m) { ears->note([&] { ears->downs[side].push_back(m.why); }); },
    [=](const link_joined& m) { ears->note([&] { ears->joined.push_back(m); }); },
  };
}

struct toy_desk_state : actor_lifecycle {
  static inline const char* name = "test.tickets";
};
using toy_desk_self = caf::stateful_actor<toy_desk_state, loop_hosted<ticket_desk::base>>*;

ticket_desk::behavior_type toy_desk(toy_desk_self self, bool is_good, heard_ptr ears) {
  install_lifecycle(self);
  return {
    [=](const get_ticket_secret&) -> caf::result<ticket_secret> {
      if (!is_good) return to_caf({error_code::expired, "that ticket is too old"});
      return ticket_secret{byte_string(32, 7)};
    },
    [=](const redeem_ticket& m) {
      ears->note([&] { ears->redeemed.push_back(m.ticket_id); });
      return admission{to_bytes("namespace file"), {*parse_channel_uri("udp://10.0.0.1:7400")}, {}};
    },
  };
}

/// An actor system with one loop, two toy surroundings and two links, torn down in the order an agent does it.
struct linked_world {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> loop;
  heard_ptr ears = std::make_shared<heard>();
  std::shared_ptr<const identity::node_keys> keys[2];
  transport_actor transports[2];
  link_router routers[2];
  link_owner owners[2];
  ticket_desk desk;
  link_actor links[2];

  explicit linked_world(bool tickets_are_good = true) {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 1);
    system = std::make_unique<caf::actor_system>(config);
    loop = std::make_unique<host::event_loop>(*system);
    auto wire = std::make_shared<toy_wire>();
    desk = spawn_on_loop(*system, *loop, toy_desk, tickets_are_good, ears);
    for (std::size_t side : {0u, 1u}) {
      keys[side] = std::make_shared<identity::node_keys>(identity::node_keys::generate(world().random()));
      transports[side] = spawn_on_loop(*system, *loop, toy_transport, wire, side, ears);
      routers[side] = spawn_on_loop(*system, *loop, toy_router, side, ears);
      owners[side] = spawn_on_loop(*system, *loop, toy_owner, side, ears);
    }
  }
  ~linked_world() {
    auto stop = [&](auto& handle) {
      if (handle) caf::anon_send_exit(handle, caf::exit_reason::kill);
      handle = nullptr;
    };
    for (std::size_t side : {0u, 1u}) stop(links[side]), stop(owners[side]), stop(routers[side]), stop(transports[side]);
    stop(desk);
    system->await_all_actors_done();
    {
      std::lock_guard lock{ears->guard};
      for (auto& ups : ears->ups) ups.clear(); // they hold handles
    }
    loop.reset();
  }

  surroundings world() { return host::system_surroundings(*loop); }
  link_arguments arguments(std::size_t side) {
    return link_arguments{world(),
                          static_cast<link_id>(side + 1),
                          transports[side],
                          {1, *parse_channel_uri("loopback:toy"), {"loopback", 1232, false, true}},
                          side == 0 ? link::role::initiator : link::role::responder,
                          std::nullopt,
                          std::nullopt,
                          {},
                          keys[side],
                          to_bytes("certificate"),
                          side == 0 ? "laptop" : "nas",
                          {},
                          {},
                          [](const node_id& peer, byte_view certificate) -> result<identity::member> {
                            if (to_text(certificate) != "certificate") return {error_code::not_a_member, "no certificate"};
                            return identity::member{peer, "friend", identity::role::member, {}};
                          },
                          routers[side],
                          owners[side],
                          side == 1 ? desk : ticket_desk{}};
  }
  void spawn(std::size_t side, link_arguments with) {
    links[side] = spawn_on_loop(*system, *loop, link_behavior, std::move(with));
  }
  void spawn_both() {
    for (std::size_t side : {0u, 1u}) spawn(side, arguments(side));
  }
  bool both_up() {
    return ears->wait([&] { return !ears->ups[0].empty() && !ears->ups[1].empty(); });
  }
};

} // namespace

TEST_CASE("two link actors shake hands and carry packets both ways") {
  linked_world world;
  world.spawn_both();
  REQUIRE(world.both_up());
  CHECK(world.ears->ups[0][0].info.peer == world.keys[1]->id());
  CHECK(world.ears->ups[0][0].info.state == "up");
  CHECK(world.ears->ups[0][0].info.link_class == "local");
  anon_send(world.links[0], packets_to_send{packet_batch{{to_bytes("one"), to_bytes("two")}}});
  anon_send(world.links[1], packets_to_send{packet_batch::of(to_bytes("three"))});
  REQUIRE(world.ears->wait([&] { return world.ears->packets[1].size() == 2 && world.ears->packets[0].size() == 1; }));
  CHECK(world.ears->packets[1] == std::vector<std::string>{"one", "two"});
  caf::scoped_actor self{*world.system};
  link_info info;
  self->request(world.links[0], 5s, get_link_info{}).receive([&](const link_info& m) { info = m; }, [](const caf::error&) {});
  CHECK(info.bytes_out > 6);
  CHECK(info.packet_bytes_max == 1232 - 25);
}

TEST_CASE("closing one link actor ends both, and router and links are told") {
  linked_world world;
  world.spawn_both();
  REQUIRE(world.both_up());
  anon_send(world.links[0], close_link{"bedtime"});
  REQUIRE(world.ears->wait([&] { return world.ears->downs[0].size() == 2 && world.ears->downs[1].size() == 2; }));
  CHECK(world.ears->downs[1][0].code == error_code::stopped);
  CHECK(world.ears->downs[1][0].message == "the peer closed the link: bedtime");
}

TEST_CASE("a link whose transport dies goes down") {
  linked_world world;
  world.spawn_both();
  REQUIRE(world.both_up());
  anon_send_exit(world.transports[0], caf::exit_reason::kill);
  REQUIRE(world.ears->wait([&] { return world.ears->downs[0].size() == 2; }));
  CHECK(world.ears->downs[0][0].code == error_code::unreachable);
}

TEST_CASE("a link whose peer falls silent goes down by itself") {
  linked_world world;
  world.spawn_both();
  REQUIRE(world.both_up());
  world.ears->note([&] { world.ears->cut = true; });
  anon_send(world.links[0], packets_to_send{packet_batch::of(to_bytes("anybody?"))});
  REQUIRE(world.ears->wait([&] { return world.ears->downs[0].size() == 2; }));
  CHECK(world.ears->downs[0][0].code == error_code::unreachable);
}

TEST_CASE("a link actor joins with a ticket and hands over the admission") {
  linked_world world;
  auto joining = world.arguments(0);
  joining.certificate.clear();
  joining.router = link_router{};
  joining.ticket = link::join_ticket{digest{}, link::secret_key{byte_string(32, 7)}};
  world.spawn(0, std::move(joining));
  world.spawn(1, world.arguments(1));
  REQUIRE(world.ears->wait([&] { return world.ears->joined.size() == 1 && !world.ears->downs[0].empty(); }));
  CHECK(to_text(world.ears->joined[0].admitted.namespace_file) == "namespace file");
  CHECK(world.ears->joined[0].admitted.addresses.size() == 1);
  CHECK(world.ears->joined[0].admitted.admitted_by == world.keys[1]->id());
  CHECK(world.ears->redeemed.size() == 1);
  CHECK(world.ears->downs[0][0].code == error_code::none);
}

TEST_CASE("a link actor that joins with a bad ticket reports the other side's reason") {
  linked_world world{false};
  auto joining = world.arguments(0);
  joining.certificate.clear();
  joining.ticket = link::join_ticket{digest{}, link::secret_key{byte_string(32, 7)}};
  world.spawn(0, std::move(joining));
  world.spawn(1, world.arguments(1));
  REQUIRE(world.ears->wait([&] { return !world.ears->downs[0].empty(); }));
  CHECK(world.ears->downs[0][0].code == error_code::expired);
  CHECK(world.ears->downs[0][0].message == "the other side refused: that ticket is too old");
  CHECK(world.ears->ups[0].empty());
}
