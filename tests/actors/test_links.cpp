/// Nodes of one process, each with its real namespace, links and transports, that join, link, lose and find each other.
#include "actors/link/links.hpp"
#include "actors/namespace/namespace.hpp"
#include "runtime/host/files.hpp"
#include "tests/transports/transport_probe.hpp"

#include <thread>

using namespace glow;
using namespace glow::test;

namespace {

/// What stands where the router would, and where discovery would.
class observed_links {
public:
  template <class Change>
  void add(Change change) {
    std::lock_guard guard{mutex_};
    change(*this);
    changed_.notify_all();
  }
  template <class Condition>
  bool wait(Condition met, std::chrono::milliseconds bound = 15s) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, bound, [&] { return met(*this); });
  }
  std::vector<link_up> ups;
  std::vector<link_down> downs;
  std::vector<channel_uri> own;

private:
  std::mutex mutex_;
  std::condition_variable changed_;
};
using observed_ptr = std::shared_ptr<observed_links>;
using observer_actor = link_router::extend<caf::reacts_to<own_addresses>>;

observer_actor::behavior_type observer_behavior(observer_actor::pointer, observed_ptr notes) {
  return {
    [=](const link_up& m) { notes->add([&](auto& n) { n.ups.push_back(m); }); },     [](const link_changed&) {},
    [=](const link_down& m) { notes->add([&](auto& n) { n.downs.push_back(m); }); }, [](const packets_from_link&) {},
    [=](const own_addresses& m) { notes->add([&](auto& n) { n.own = m.uris; }); },
  };
}

identity::node_keys keys_of(std::uint64_t number) {
  seeded_random random{number};
  return identity::node_keys::generate(random);
}

struct test_node {
  std::shared_ptr<const identity::node_keys> keys;
  std::string name;
  scratch_directory directory;
  namespace_actor name_space;
  links_actor links;
  observer_actor observer;
  observed_ptr notes = std::make_shared<observed_links>();
  std::vector<transport_actor> transports;
};
using node_ptr = std::unique_ptr<test_node>;

class mesh_world {
public:
  ~mesh_world() {
    for (auto& each : actors_) caf::anon_send_exit(each, caf::exit_reason::kill);
  }

  node_ptr make(std::uint64_t number, const std::string& name) {
    auto out = std::make_unique<test_node>();
    out->keys = std::make_shared<const identity::node_keys>(keys_of(number));
    out->name = name;
    return out;
  }
  /// Starts a node as a member of the namespace in its file, or of a new one.
  void start(test_node& node, const std::vector<std::string>& listen, const std::vector<std::string>& dial_only = {}) {
    auto& system = world.system();
    node.name_space =
      keep(system.spawn(namespace_behavior, namespace_arguments{world.world(), *node.keys, node.directory.path + "/namespace",
                                                                "ours", node.name, nullptr}));
    auto roster = world.ask<roster_changed>(node.name_space, get_roster{});
    REQUIRE(roster.ok());
    start_links(node, roster->roster);
    open_transports(node, listen, dial_only);
  }
  void start_links(test_node& node, identity::roster_ptr roster) {
    auto& system = world.system();
    node.observer = keep(system.spawn(observer_behavior, node.notes));
    links_arguments arguments{
      world.world(), node.keys, node.name, std::move(roster), node.name_space, node.observer, {"tcp", "udp", "unix", "loopback"},
      nullptr};
    node.links = keep(spawn_on_loop(system, world.world().loop(), links_behavior, std::move(arguments)));
    world.tell(node.links, subscribe_addresses{caf::actor_cast<caf::strong_actor_ptr>(node.observer)});
  }
  void open_transports(test_node& node, const std::vector<std::string>& listen, const std::vector<std::string>& dial_only = {}) {
    for (auto& each : listen) open_transport(node, uri(each).scheme, uri(each));
    for (auto& each : dial_only) open_transport(node, each, std::nullopt);
    REQUIRE(node.notes->wait([&](auto& n) { return n.own.size() >= listen.size(); }));
  }
  void open_transport(test_node& node, const std::string& scheme, std::optional<channel_uri> listen) {
    node.transports.push_back(keep(catalog.at(scheme)(world.system(), std::move(listen), node.links, world.world())));
  }
  std::string ticket_of(test_node& node) {
    auto made = world.ask<ticket_created>(node.name_space, create_ticket{});
    REQUIRE(made.ok());
    return made->ticket;
  }
  /// Redeems the ticket on a node without namespace; what it was given is written where start() finds it.
  result<admission> join(test_node& node, const std::string& ticket) {
    start_links(node, nullptr);
    open_transports(node, {}, {"tcp", "udp", "loopback"});
    auto admitted = world.ask<admission>(node.links, join_namespace{ticket, node.name}, 40s);
    if (admitted) REQUIRE(host::write_file_atomically(node.directory.path + "/namespace", admitted->namespace_file, 0600).ok());
    caf::anon_send_exit(node.links, caf::exit_reason::user_shutdown);
    world.await_death(node.links);
    node.transports.clear();
    return admitted;
  }
  link_list links_of(test_node& node) {
    auto list = world.ask<link_list>(node.links, get_links{});
    REQUIRE(list.ok());
    return *list;
  }

  transport_world world;
  transport_catalog catalog = transports::production_catalog();

private:
  template <class Handle>
  Handle keep(Handle actor) {
    actors_.push_back(caf::actor_cast<caf::actor>(actor));
    return actor;
  }
  std::vector<caf::actor> actors_;
};

bool is_linked(observed_links& notes) { return notes.ups.size() > notes.downs.size(); }

/// laptop founded the namespace, nas has joined by ticket; both run and are linked.
struct linked_pair {
  explicit linked_pair(const std::string& listen) {
    mesh.start(*laptop, {listen});
    auto admitted = mesh.join(*nas, mesh.ticket_of(*laptop));
    INFO((admitted ? "admitted" : admitted.why().message));
    REQUIRE(admitted.ok());
    CHECK(admitted->admitted_by == laptop->keys->id());
    mesh.start(*nas, {}, {"tcp", "udp", "unix", "loopback"});
    REQUIRE(nas->notes->wait(is_linked));
    REQUIRE(laptop->notes->wait(is_linked));
  }
  mesh_world mesh;
  node_ptr laptop = mesh.make(1, "laptop");
  node_ptr nas = mesh.make(2, "nas");
};

} // namespace

TEST_CASE("a node joins by ticket, and links by itself to where its admission says") {
  linked_pair pair{GENERATE("tcp://127.0.0.1:0", "loopback:laptop")};
  auto list = pair.mesh.links_of(*pair.nas);
  REQUIRE(list.links.size() == 1);
  CHECK(list.links[0].peer == pair.laptop->keys->id());
  CHECK(list.links[0].peer_name == "laptop");
  CHECK(list.links[0].state == "up");
  auto tree = pair.mesh.world.ask<children_list>(caf::actor_cast<caf::actor>(pair.nas->links), get_children{});
  REQUIRE(tree.ok());
  REQUIRE(tree->entries.size() == 1);
  CHECK(tree->entries[0].name == "link-" + std::to_string(list.links[0].id));
}

TEST_CASE("a used ticket, an altered one and one to nowhere are refused, each with its own reason") {
  mesh_world mesh;
  auto laptop = mesh.make(1, "laptop");
  auto first = mesh.make(2, "first");
  auto second = mesh.make(3, "second");
  mesh.start(*laptop, {"tcp://127.0.0.1:0"});
  auto ticket = mesh.ticket_of(*laptop);
  auto unused = mesh.ticket_of(*laptop);
  auto joined = mesh.join(*first, ticket);
  INFO((joined ? "admitted" : joined.why().message));
  REQUIRE(joined.ok());
  auto again = mesh.join(*second, ticket);
  REQUIRE(!again.ok());
  CHECK(again.why().code == error_code::already_used);
  auto third = mesh.make(4, "third");
  auto altered = unused;
  auto& letter = altered[altered.size() / 2];
  letter = letter == 'a' ? 'b' : 'a';
  CHECK(mesh.join(*third, altered).why().code == error_code::tampered);
  mesh.world.kill(laptop->links); // its transports follow
  mesh.world.await_death(laptop->transports.front());
  auto fourth = mesh.make(5, "fourth");
  CHECK(mesh.join(*fourth, unused).why().code == error_code::unreachable);
}

TEST_CASE("two nodes that dial each other at once end with one link of a kind") {
  std::string listen = GENERATE("tcp://127.0.0.1:0", "udp://127.0.0.1:0");
  mesh_world mesh;
  auto laptop = mesh.make(1, "laptop");
  auto nas = mesh.make(2, "nas");
  mesh.start(*laptop, {listen});
  auto admitted = mesh.join(*nas, mesh.ticket_of(*laptop));
  INFO((admitted ? "admitted" : admitted.why().message));
  REQUIRE(admitted.ok());
  nas->notes->add([](auto& n) { n.own.clear(); });
  mesh.start(*nas, {listen});
  auto of_nas = nas->notes->own.front();
  REQUIRE(mesh.world.ask<peer_added>(laptop->links, add_peer{of_nas, nas->keys->id(), true}).ok());
  REQUIRE(nas->notes->wait(is_linked));
  REQUIRE(laptop->notes->wait(is_linked));
  auto settled = [&] { return mesh.links_of(*laptop).links.size() == 1 && mesh.links_of(*nas).links.size() == 1; };
  bool one = false;
  for (int tries = 0; tries < 250 && !one; ++tries) {
    one = settled();
    std::this_thread::sleep_for(20ms); // only spares the processor: the outcome is polled
  }
  CHECK(one);
  CHECK(mesh.links_of(*laptop).links.at(0).state == "up");
}

TEST_CASE("a link whose transport dies comes back when the transport does") {
  linked_pair pair{"tcp://127.0.0.1:0"};
  auto place = pair.laptop->notes->own.front();
  pair.mesh.world.kill(pair.laptop->transports.front());
  REQUIRE(pair.nas->notes->wait([](auto& n) { return n.downs.size() == 1; }));
  REQUIRE(pair.laptop->notes->wait([](auto& n) { return n.downs.size() == 1; }));
  pair.mesh.world.await_death(pair.laptop->transports.front());
  pair.laptop->transports.clear();
  pair.mesh.open_transport(*pair.laptop, "tcp", place);
  CHECK(pair.nas->notes->wait([](auto& n) { return n.ups.size() == 2; }, 5s));
}

TEST_CASE("a killed link is redialled at once") {
  linked_pair pair{"tcp://127.0.0.1:0"};
  link_actor victim;
  pair.nas->notes->add([&](auto& n) { victim = n.ups.front().actor; });
  pair.mesh.world.kill(victim);
  CHECK(pair.nas->notes->wait([](auto& n) { return n.ups.size() == 2; }, 5s));
  CHECK(pair.mesh.links_of(*pair.nas).links.size() == 1);
}

TEST_CASE("a node of another namespace gets no link, and its owner reads why") {
  mesh_world mesh;
  auto laptop = mesh.make(1, "laptop");
  auto stranger = mesh.make(9, "stranger");
  mesh.start(*laptop, {"tcp://127.0.0.1:0"});
  mesh.start(*stranger, {}, {"tcp"});
  auto place = laptop->notes->own.front();
  REQUIRE(mesh.world.ask<peer_added>(stranger->links, add_peer{place, std::nullopt, true}).ok());
  std::string why;
  for (int tries = 0; tries < 200 && why.find("namespace") == std::string::npos; ++tries) {
    auto list = mesh.links_of(*stranger);
    if (!list.waiting.empty()) why = list.waiting[0].last_error;
    std::this_thread::sleep_for(20ms); // only spares the processor: the outcome is polled
  }
  INFO(why);
  CHECK(why.find("namespace") != std::string::npos);
  CHECK(laptop->notes->wait([](auto& n) { return n.ups.empty(); }, 1ms));
}

TEST_CASE("the link of an expelled member is closed") {
  linked_pair pair{"tcp://127.0.0.1:0"};
  REQUIRE(pair.mesh.world.ask<member_expelled>(pair.laptop->name_space, expel_member{pair.nas->keys->id()}).ok());
  CHECK(pair.laptop->notes->wait([](auto& n) { return n.downs.size() == 1; }));
  CHECK(pair.nas->notes->wait([](auto& n) { return n.downs.size() == 1; }));
}

TEST_CASE("peers are added and removed by hand") {
  linked_pair pair{"tcp://127.0.0.1:0"};
  auto& mesh = pair.mesh;
  auto wrong = mesh.world.ask<peer_added>(pair.nas->links, add_peer{uri("smoke://hill:1"), std::nullopt, true});
  REQUIRE(!wrong.ok());
  CHECK(wrong.why().code == error_code::usage);
  auto added = mesh.world.ask<peer_added>(pair.nas->links, add_peer{uri("tcp://127.0.0.1:1"), std::nullopt, true});
  REQUIRE(added.ok());
  CHECK(mesh.world.ask<link_removed>(pair.nas->links, remove_link{added->dial}).ok());
  auto gone = mesh.world.ask<link_removed>(pair.nas->links, remove_link{added->dial});
  REQUIRE(!gone.ok());
  CHECK(gone.why().code == error_code::not_found);
  auto id = mesh.links_of(*pair.nas).links.at(0).id;
  REQUIRE(mesh.world.ask<link_removed>(pair.nas->links, remove_link{id}).ok());
  CHECK(pair.nas->notes->wait([](auto& n) { return n.downs.size() == 1; }));
}
