#include "runtime/link/datagram.hpp"
#include "tests/transports/raw_peer.hpp"
#include "tests/transports/transport_probe.hpp"

#include <cstdlib>
#include <functional>
#include <future>

#include <sched.h>

using namespace glow;
using namespace glow::test;

namespace {

/// Sends `sizes` from a dialled channel and expects them whole and in order.
void expect_passage(const std::string& place, const std::vector<std::size_t>& sizes) {
  transport_world world;
  auto server = world.open("udp", uri(place));
  auto client = world.open("udp");
  auto opened = world.dial(client, world.place_of(server));
  REQUIRE(opened.ok());
  std::vector<byte_string> datagrams;
  for (std::size_t i = 0; i < sizes.size(); ++i) datagrams.push_back(numbered(static_cast<std::uint32_t>(i), sizes[i]));
  world.tell_all(client.transport, opened->channel, datagrams);
  REQUIRE(server.listener.notes->wait([&](auto& h) { return h.datagrams.size() == sizes.size(); }));
  server.listener.notes->look([&](auto& h) {
    CHECK(h.opened.size() == 1);
    for (std::size_t i = 0; i < sizes.size(); ++i) CHECK(h.datagrams[i].second == datagrams[i]);
  });
}

/// Moves the world's loop to a network namespace with loopback and one more segment, 10.77.0.0/24 on gl0, where nobody answers.
struct lonely_segment {
  explicit lonely_segment(transport_world& world) : loop{const_cast<surroundings&>(world.world()).loop()} {
    works = on_loop([] { return ::unshare(CLONE_NEWNET) == 0; })
            && runs("(ip link set lo up && ip link add gl0 type veth peer name gl1 && ip link set gl1 up && ip link set gl0 up"
                    " && ip addr add 10.77.0.1/24 dev gl0) >&2");
    if (!works) WARN("skipped: making network namespaces needs root and iproute2");
  }
  bool on_loop(std::function<bool()> work) {
    std::promise<bool> done;
    loop.post([&] { done.set_value(work()); });
    return done.get_future().get();
  }
  bool runs(const char* command) {
    return on_loop([&] { return std::system(command) == 0; });
  }
  host::actor_loop& loop;
  bool works = false;
};

} // namespace

TEST_CASE("runs of equal datagrams arrive as they were, whatever the kernel joins and cuts") {
  std::vector<std::size_t> equal(150, 1232);
  expect_passage("udp://127.0.0.1:0", equal);
  std::vector<std::size_t> mixed;
  for (std::size_t i = 0; i < 120; ++i) mixed.push_back(i % 7 == 0 ? 400 : i % 11 == 0 ? 1232 : 1000);
  expect_passage("udp://127.0.0.1:0", mixed);
  expect_passage("udp://127.0.0.1:0", {16000, 16000, 16000, 16000, 16000, 5, 5, 5});
}

TEST_CASE("runs of datagrams cross a claimed udp channel as the same datagrams, among single ones") {
  transport_world world;
  auto server = world.open("udp", uri("udp://127.0.0.1:0"));
  auto client = world.open("udp");
  auto opened = world.dial(client, world.place_of(server));
  REQUIRE(opened.ok());
  world.tell_all(client.transport, opened->channel, {{1}});
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  const auto channel = server.listener.notes->look([](auto& h) { return h.datagrams[0].first; });
  for (bool claimed : {false, true}) {
    INFO("claimed " << claimed);
    auto reader = claimed ? world.make_probe() : server.listener;
    if (claimed) world.claim(server, channel, reader);
    const auto before = reader.notes->look([](auto& h) { return h.datagrams.size(); });
    std::vector<byte_string> runs;
    std::vector<byte_string> expected;
    for (std::uint32_t i = 0; i < 12; ++i) {
      const std::size_t sizes[] = {13 * 1000, 40, 1000, 5 * 1000 + 333, 2 * 1000};
      runs.push_back(numbered(i, sizes[i % 5]));
      for (auto& each : link::datagrams_of(runs.back(), 1000)) expected.push_back(to_bytes(each));
    }
    world.tell(client.transport, send_on_channel{opened->channel, packet_batch{runs}, 1000});
    REQUIRE(reader.notes->wait([&](auto& h) { return h.datagrams.size() == before + expected.size(); }));
    reader.notes->look([&](auto& h) {
      for (std::size_t i = 0; i < expected.size(); ++i) CHECK(h.datagrams[before + i].second == expected[i]);
    });
  }
}

TEST_CASE("udp works over IPv6") { expect_passage("udp://[::1]:0", {100, 1232, 1232, 7}); }

TEST_CASE("a udp socket on [::] serves both families") {
  transport_world world;
  auto server = world.open("udp", uri("udp://[::]:0"));
  auto port = world.place_of(server).port;
  raw_peer four{uri("udp://127.0.0.1:" + std::to_string(port))};
  raw_peer six{uri("udp://[::1]:" + std::to_string(port))};
  REQUIRE(four.send({1}));
  REQUIRE(six.send({2}));
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 2; }));
}

TEST_CASE("a claimed udp channel closes at once when the peer's port is closed") {
  transport_world world;
  auto server = world.open("udp", uri("udp://127.0.0.1:0"));
  auto client = world.open("udp");
  auto opened = world.dial(client, world.place_of(server));
  REQUIRE(opened.ok());
  auto owner = world.make_probe();
  world.claim(client, opened->channel, owner);
  world.tell_all(client.transport, opened->channel, {{1}});
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  world.kill(server.transport);
  world.await_death(server.transport);
  bool closed = false;
  for (int tries = 0; tries < 100 && !closed; ++tries) { // its socket closes a loop turn after the actor's death
    world.tell_all(client.transport, opened->channel, {{2}});
    closed = owner.notes->wait([](auto& h) { return h.closed.size() == 1; }, 50ms);
  }
  REQUIRE(closed);
  CHECK(owner.notes->look([](auto& h) { return h.closed[0].second.code; }) == error_code::unreachable);
}

TEST_CASE("that one remote cannot be reached closes its channel and no other") {
  transport_world world;
  lonely_segment segment{world};
  if (!segment.works) return;
  // after three tries of 20 ms the kernel reports to the socket that nobody answers ARP
  REQUIRE(segment.runs("ip ntable change name arp_cache dev gl0 retrans 20 >&2"));
  auto server = world.open("udp", uri("udp://127.0.0.1:0"));
  auto client = world.open("udp");
  auto near = world.dial(client, world.place_of(server));
  auto away = world.dial(client, uri("udp://10.77.0.9:7400"));
  REQUIRE(near.ok());
  REQUIRE(away.ok());
  auto owner = world.make_probe();
  world.claim(client, near->channel, owner);
  world.claim(client, away->channel, owner);
  // the kernel's report meets whatever is sent next: nearly always something to the near one, as the loop does little else
  world.tell_all(client.transport, away->channel, {{1}});
  const std::vector<byte_string> many(60, numbered(1, 1000));
  for (int i = 0; i < 500 && owner.notes->look([](auto& h) { return h.closed.empty(); }); ++i) {
    for (int k = 0; k < 40; ++k) world.tell_all(client.transport, near->channel, many);
    (void)owner.notes->wait([](auto& h) { return !h.closed.empty(); }, 1ms);
  }
  REQUIRE(owner.notes->wait([](auto& h) { return !h.closed.empty(); }));
  CHECK(owner.notes->closed_count(away->channel) == 1);
  CHECK(owner.notes->closed_count(near->channel) == 0);
}

TEST_CASE("what is too long for the interface is lost alone, and its channel hears what fits") {
  transport_world world;
  lonely_segment segment{world};
  if (!segment.works) return;
  REQUIRE(segment.runs("ip neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev gl0"));
  auto client = world.open("udp");
  auto away = world.dial(client, uri("udp://10.77.0.9:7400"));
  REQUIRE(away.ok());
  CHECK(away->traits.datagram_bytes_max == limits::udp_datagram_bytes_max);
  CHECK(away->traits.datagram_bytes_ceiling == 1472);
  auto owner = world.make_probe();
  world.claim(client, away->channel, owner);
  auto narrowed = [](auto& h) { return !h.narrowed.empty(); };
  world.tell_all(client.transport, away->channel, {numbered(1, 1472), numbered(2, 1472), numbered(3, 1232)});
  CHECK_FALSE(owner.notes->wait(narrowed, 100ms));
  REQUIRE(segment.runs("ip link set gl0 mtu 1400"));
  for (bool as_run : {false, true}) {
    INFO("as a run " << as_run);
    owner.notes->look([](auto& h) { h.narrowed.clear(); });
    auto bytes = numbered(1, as_run ? 5 * 1472u : 1472u);
    world.tell(client.transport, send_on_channel{away->channel, packet_batch::of(bytes), as_run ? 1472u : 0u});
    REQUIRE(owner.notes->wait(narrowed));
    owner.notes->look([&](auto& h) {
      CHECK(h.narrowed[0].channel == away->channel);
      CHECK(h.narrowed[0].datagram_bytes_that_fit == 1372);
      CHECK(h.narrowed[0].certain == !as_run); // of a segmented send the kernel does not say who refused it
    });
  }
  owner.notes->look([](auto& h) { h.narrowed.clear(); });
  world.tell_all(client.transport, away->channel, {numbered(2, 1372), numbered(3, 1372), numbered(4, 1232)});
  CHECK_FALSE(owner.notes->wait(narrowed, 100ms));
  CHECK(owner.notes->closed_count(away->channel) == 0);
  REQUIRE(segment.runs("ip link set gl0 mtu 1000")); // less than the base needs: that goes in fragments
  world.tell_all(client.transport, away->channel, {numbered(5, 1232)});
  CHECK_FALSE(owner.notes->wait(narrowed, 100ms));
}

TEST_CASE("the interface of a path bounds what may be tried on it") {
  transport_world world;
  lonely_segment segment{world};
  if (!segment.works) return;
  REQUIRE(segment.runs("ip link set gl0 mtu 9000 && ip -6 addr add fd77::1/64 dev gl0 nodad"));
  auto client = world.open("udp");
  auto ceiling = [&](const char* place) { return world.dial(client, uri(place))->traits.datagram_bytes_ceiling; };
  CHECK(ceiling("udp://10.77.0.9:7400") == 8972);
  CHECK(ceiling("udp://[fd77::9]:7400") == 8952);
  CHECK(ceiling("udp://10.77.0.1:7400") == 0); // this machine's own: nothing to find out
}

TEST_CASE("a carrier that is lost closes the channels that went over it, and no other, though nothing is sent") {
  transport_world world;
  lonely_segment segment{world};
  if (!segment.works) return;
  auto server = world.open("udp", uri("udp://127.0.0.1:0"));
  auto client = world.open("udp");
  auto near = world.dial(client, world.place_of(server));
  auto away = world.dial(client, uri("udp://10.77.0.9:7400"));
  REQUIRE(near.ok());
  REQUIRE(away.ok());
  auto owner = world.make_probe();
  world.claim(client, near->channel, owner);
  world.claim(client, away->channel, owner);
  auto own = world.dial(client, uri("udp://10.77.0.1:7400"));
  REQUIRE(own.ok());
  world.claim(client, own->channel, owner);
  auto closed = [](auto& h) { return !h.closed.empty(); };
  REQUIRE(segment.runs("ip addr add 10.78.0.1/24 dev gl0")); // a change that cuts nobody off
  CHECK_FALSE(owner.notes->wait(closed, 100ms));
  REQUIRE(segment.runs("ip link set gl1 down")); // the far end: our interface is still up
  REQUIRE(owner.notes->wait(closed, 1s));
  CHECK(owner.notes->closed_count(away->channel) == 1);
  CHECK(owner.notes->closed_count(near->channel) == 0);
  CHECK(owner.notes->closed_count(own->channel) == 0);
}

TEST_CASE("dialling a remote that has dialled us gives the channel it made") {
  transport_world world;
  auto one = world.open("udp", uri("udp://127.0.0.1:0"));
  auto two = world.open("udp", uri("udp://127.0.0.1:0"));
  auto out = world.dial(one, world.place_of(two));
  REQUIRE(out.ok());
  world.tell_all(one.transport, out->channel, {{1}});
  REQUIRE(two.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  auto back = world.dial(two, world.place_of(one));
  REQUIRE(back.ok());
  CHECK(back->channel == two.listener.notes->look([](auto& h) { return h.opened[0].channel; }));
}
