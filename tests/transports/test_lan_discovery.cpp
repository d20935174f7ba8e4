// Two loops in two network namespaces with a veth pair between them; needs root and iproute2, else it says so and skips.
#include "runtime/host/event_loop.hpp"
#include "transports/lan_discovery.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace glow;
using namespace glow::transports;

namespace {

struct sightings {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<member_seen> seen;
  std::size_t interface_changes = 0;
  template <class Condition>
  bool wait(Condition met, std::chrono::milliseconds bound) {
    std::unique_lock guard{mutex};
    return changed.wait_for(guard, bound, [&] { return met(*this); });
  }
};

caf::behavior links_in_its_place(caf::event_based_actor*, std::shared_ptr<sightings> notes) {
  return {
    [=](const member_seen& m) {
      std::lock_guard guard{notes->mutex};
      notes->seen.push_back(m);
      notes->changed.notify_all();
    },
    [=](const interfaces_changed&) {
      std::lock_guard guard{notes->mutex};
      ++notes->interface_changes;
      notes->changed.notify_all();
    },
  };
}

node_id id_of(std::uint8_t number) {
  node_id out;
  out.value.fill(number);
  return out;
}
identity::roster_ptr roster_with_secret(std::uint8_t number) {
  auto out = std::make_shared<identity::roster>();
  out->secret.value.fill(number);
  return out;
}

/// Runs `work` on the loop's thread and waits for its result.
template <class Work>
auto on_loop(host::event_loop& loop, Work work) {
  std::promise<decltype(work())> done;
  loop.post([&] { done.set_value(work()); });
  return done.get_future().get();
}
bool run(host::event_loop& loop, const std::string& command) {
  return on_loop(loop, [&] { return std::system((command + " >/dev/null 2>&1").c_str()); }) == 0;
}

/// Two agents' loops on one segment.
struct segment {
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> left, right;
  std::vector<caf::actor> spawned;
  bool works = false;

  explicit segment(bool addressed) {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 1);
    system = std::make_unique<caf::actor_system>(config);
    left = std::make_unique<host::event_loop>(*system);
    right = std::make_unique<host::event_loop>(*system);
    auto away = [] { return ::unshare(CLONE_NEWNET); };
    if (on_loop(*left, away) != 0 || on_loop(*right, away) != 0) return;
    auto thread = on_loop(*right, [] { return static_cast<long>(::syscall(SYS_gettid)); });
    works = run(*left, "ip link add gl0 type veth peer name gl1 && ip link set gl1 netns " + std::to_string(thread));
    if (works && addressed) works = bring_up();
  }
  bool bring_up() {
    return run(*left, "ip addr add 10.77.0.1/24 dev gl0 && ip link set gl0 up")
           && run(*right, "ip addr add 10.77.0.2/24 dev gl1 && ip link set gl1 up");
  }
  ~segment() {
    for (auto& each : spawned) caf::anon_send_exit(each, caf::exit_reason::kill);
    spawned.clear();
    system->await_all_actors_done();
    left.reset();
    right.reset();
  }
  std::shared_ptr<sightings> start(host::event_loop& loop, std::uint8_t node, std::uint8_t secret, const std::string& listening) {
    auto notes = std::make_shared<sightings>();
    spawned.push_back(system->spawn(links_in_its_place, notes));
    auto links = caf::actor_cast<discovery_listener>(spawned.back());
    auto made = spawn_on_loop(*system, loop, lan_discovery_behavior,
                              lan_discovery_arguments{host::system_surroundings(loop), id_of(node), links, false, nullptr});
    spawned.push_back(caf::actor_cast<caf::actor>(made));
    caf::anon_send(made, own_addresses{{*parse_channel_uri(listening)}});
    caf::anon_send(made, roster_changed{roster_with_secret(secret)});
    return notes;
  }
};

bool saw(const sightings& notes, std::uint8_t node, const std::string& place) {
  for (auto& each : notes.seen)
    if (each.node == id_of(node) && to_string(each.uri) == place) return true;
  return false;
}

#define SKIP_UNLESS(segment_works)                                                                                               \
  if (!(segment_works)) {                                                                                                        \
    WARN("skipped: making network namespaces needs root and iproute2");                                                          \
    return;                                                                                                                      \
  }

} // namespace

TEST_CASE("two members on one segment find each other within a second, strangers learn nothing") {
  segment lan{true};
  SKIP_UNLESS(lan.works);
  auto stranger = lan.start(*lan.right, 9, 200, "udp://0.0.0.0:7409");
  auto first = lan.start(*lan.left, 1, 100, "udp://0.0.0.0:7401");
  auto began = std::chrono::steady_clock::now();
  auto second = lan.start(*lan.right, 2, 100, "tcp://0.0.0.0:7402");
  CHECK(first->wait([](sightings& s) { return saw(s, 2, "tcp://10.77.0.2:7402"); }, 5s));
  CHECK(second->wait([](sightings& s) { return saw(s, 1, "udp://10.77.0.1:7401"); }, 5s));
  auto took = std::chrono::steady_clock::now() - began;
  INFO("took " << to_ms(took) << " ms");
  CHECK(took < 1s);
  std::lock_guard guard{stranger->mutex};
  CHECK(stranger->seen.empty());
}

TEST_CASE("a network that comes later is noticed, told, and used") {
  segment lan{false};
  SKIP_UNLESS(lan.works);
  auto first = lan.start(*lan.left, 1, 100, "udp://0.0.0.0:7401");
  auto second = lan.start(*lan.right, 2, 100, "udp://0.0.0.0:7402");
  REQUIRE(lan.bring_up());
  CHECK(first->wait([](sightings& s) { return s.interface_changes > 0 && saw(s, 2, "udp://10.77.0.2:7402"); }, 5s));
  CHECK(second->wait([](sightings& s) { return s.interface_changes > 0 && saw(s, 1, "udp://10.77.0.1:7401"); }, 5s));
}

TEST_CASE("over IPv6 the place carries the link-local address and its interface") {
  segment lan{true};
  SKIP_UNLESS(lan.works);
  auto first = lan.start(*lan.left, 1, 100, "udp://[::]:7401");
  auto second = lan.start(*lan.right, 2, 100, "udp://[::]:7402");
  auto link_local = [](sightings& s) {
    return std::any_of(s.seen.begin(), s.seen.end(),
                       [](auto& each) { return each.uri.host.starts_with("fe80:") && each.uri.host.ends_with("%gl0"); });
  };
  // the kernel probes for duplicate addresses for a second or two before it lets a link-local address speak
  CHECK(first->wait(link_local, 10s));
}

TEST_CASE("two agents on one machine share the port and find each other") {
  segment lan{true};
  SKIP_UNLESS(lan.works);
  auto first = lan.start(*lan.left, 1, 100, "udp://0.0.0.0:7401");
  auto second = lan.start(*lan.left, 2, 100, "udp://0.0.0.0:7402");
  CHECK(first->wait([](sightings& s) { return saw(s, 2, "udp://10.77.0.1:7402"); }, 5s));
  CHECK(second->wait([](sightings& s) { return saw(s, 1, "udp://10.77.0.1:7401"); }, 5s));
}
