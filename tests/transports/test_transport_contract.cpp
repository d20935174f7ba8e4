/// The contract that every medium keeps (actors/contracts/transport.hpp), written once and run for each of them.
#include "tests/transports/raw_peer.hpp"
#include "tests/transports/serial_cable.hpp"
#include "tests/transports/transport_probe.hpp"
#include "transports/limits.hpp"

#include <set>

using namespace glow;
using namespace glow::test;

namespace {

/// What differs between media as far as the contract is concerned.
struct kind {
  std::string scheme;
  bool connected = true; ///< a refused dial fails, and a close is seen at the other end
  bool reliable = true;
};

const std::vector<kind> all_kinds = {{"loopback", true, true}, {"udp", false, false}, {"tcp", true, true}, {"unix", true, true}};
/// Where one dialler is enough: a cable has two ends.
const std::vector<kind> kinds_and_lines = [] {
  auto out = all_kinds;
  out.push_back({"tty", false, false});
  return out;
}();

struct stage {
  explicit stage(const kind& each) : medium{each} {
    if (medium.scheme == "tty") cable.emplace();
  }
  kind medium;
  scratch_directory directory;
  std::optional<serial_cable> cable;
  transport_world world;

  channel_uri fresh_place(const std::string& name) const {
    if (medium.scheme == "loopback") return uri("loopback:" + name);
    if (medium.scheme == "unix") return uri("unix:" + directory.path + "/" + name);
    if (cable) return cable->place(0);
    return uri(medium.scheme + "://127.0.0.1:0");
  }
  transport_end listening(const std::string& name = "server") { return world.open(medium.scheme, fresh_place(name)); }
  transport_end dialling() { return world.open(medium.scheme); }
  /// Where a server is dialled: over a cable that is the cable's other end.
  channel_uri place_to_dial(const transport_end& server) { return cable ? cable->place(1) : world.place_of(server); }
};

bool is_opened(record::heard& h) { return !h.opened.empty(); }

/// A dialled channel with both ends known: on udp the first datagram opens the far end.
struct pair_of_ends {
  transport_end server;
  transport_end client;
  channel_id at_server = 0;
  channel_id at_client = 0;
};

pair_of_ends connect_pair(stage& on) {
  pair_of_ends out{on.listening(), on.dialling()};
  auto opened = on.world.dial(out.client, on.place_to_dial(out.server));
  REQUIRE(opened.ok());
  out.at_client = opened->channel;
  on.world.tell_all(out.client.transport, out.at_client, {numbered(7, 4)});
  auto& notes = *out.server.listener.notes;
  REQUIRE(notes.wait(is_opened));
  REQUIRE(notes.wait([](auto& h) { return h.datagrams.size() == 1; }));
  notes.look([&](auto& h) {
    out.at_server = h.opened.front().channel;
    h.datagrams.clear();
  });
  return out;
}

} // namespace

TEST_CASE("a dialled channel carries datagrams both ways") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  CHECK(ends.server.listener.notes->look([](auto& h) { return h.started.size(); }) == 1);
  on.world.tell_all(ends.client.transport, ends.at_client, {numbered(1, 10), numbered(2, 1000), numbered(3, 1000)});
  REQUIRE(ends.server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 3; }));
  ends.server.listener.notes->look([&](auto& h) {
    CHECK(h.datagrams[0] == std::pair{ends.at_server, numbered(1, 10)});
    CHECK(h.datagrams[1] == std::pair{ends.at_server, numbered(2, 1000)});
    CHECK(h.datagrams[2] == std::pair{ends.at_server, numbered(3, 1000)});
    CHECK(h.opened.front().traits.scheme == on.medium.scheme);
    CHECK(h.opened.front().traits.reliable == on.medium.reliable);
    CHECK(h.opened.front().traits.on_link);
    CHECK(h.opened.front().remote.scheme == on.medium.scheme);
  });
  on.world.tell_all(ends.server.transport, ends.at_server, {numbered(9, 500)});
  REQUIRE(ends.client.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  CHECK(ends.client.listener.notes->look([](auto& h) { return h.datagrams[0].second; }) == numbered(9, 500));
}

TEST_CASE("dialling where nobody listens is told") {
  stage on{GENERATE(from_range(all_kinds))};
  CAPTURE(on.medium.scheme);
  auto place = [&] {
    auto gone = on.listening("gone");
    auto was = on.world.place_of(gone);
    on.world.kill(gone.transport);
    on.world.await_death(gone.transport);
    return was;
  }();
  auto client = on.dialling();
  // the dead transport's socket closes one turn of the loop later, hence the few tries
  for (int tries = 0; tries < 50; ++tries) {
    auto opened = on.world.dial(client, place);
    if (on.medium.connected && opened.ok()) continue;
    if (on.medium.connected) {
      CHECK(opened.why().code == error_code::unreachable);
      CHECK(opened.why().message.find("cannot connect to " + to_string(place)) != std::string::npos);
      return;
    }
    REQUIRE(opened.ok());
    on.world.tell_all(client.transport, opened->channel, {numbered(1, 20)});
    bool closed = client.listener.notes->wait([&](auto& h) { return !h.closed.empty(); }, 500ms);
    if (!closed) continue;
    CHECK(client.listener.notes->look([](auto& h) { return h.closed[0].second.code; }) == error_code::unreachable);
    return;
  }
  FAIL("the refusal was never told");
}

TEST_CASE("a URI that does not fit the medium is refused with an example") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  if (on.medium.scheme == "loopback") return; // any name fits
  CAPTURE(on.medium.scheme);
  auto client = on.dialling();
  auto wrong = on.medium.scheme == "unix" ? uri("unix:/" + std::string(200, 'x')) : uri(on.medium.scheme + "://127.0.0.1");
  auto opened = on.world.dial(client, wrong);
  REQUIRE(!opened.ok());
  CHECK(opened.why().code == error_code::usage);
  CHECK(opened.why().message.find("such as " + on.medium.scheme + ":") != std::string::npos);
}

TEST_CASE("an oversize or empty datagram is dropped, and the next one passes") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  auto max = ends.server.listener.notes->look([](auto& h) { return h.opened.front().traits.datagram_bytes_max; });
  on.world.tell_all(ends.client.transport, ends.at_client, {numbered(1, max + 1), {}, numbered(2, max), numbered(3, 5)});
  REQUIRE(ends.server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 2; }));
  ends.server.listener.notes->look([&](auto& h) {
    CHECK(h.datagrams[0].second == numbered(2, max));
    CHECK(h.datagrams[1].second == numbered(3, 5));
  });
}

TEST_CASE("a claimed channel tells its owner, not the listener") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  auto owner = on.world.make_probe();
  on.world.claim(ends.server, ends.at_server, owner);
  REQUIRE(on.world.ask<listening_on>(ends.server.transport, get_listening{}).ok()); // the claim has been handled
  on.world.tell_all(ends.client.transport, ends.at_client, {numbered(5, 50)});
  REQUIRE(owner.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  auto second = on.world.make_probe();
  on.world.claim(ends.server, ends.at_server, second);
  REQUIRE(on.world.ask<listening_on>(ends.server.transport, get_listening{}).ok());
  on.world.tell_all(ends.client.transport, ends.at_client, {numbered(6, 50)});
  REQUIRE(second.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  CHECK(owner.notes->look([](auto& h) { return h.datagrams.size(); }) == 1);
  CHECK(ends.server.listener.notes->look([](auto& h) { return h.datagrams.size(); }) == 0);
}

TEST_CASE("a claim of a channel that is gone is answered by channel_closed") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto server = on.listening();
  auto owner = on.world.make_probe();
  on.world.claim(server, 4711, owner);
  CHECK(owner.notes->wait([](auto& h) { return h.closed.size() == 1 && h.closed[0].first == 4711; }));
}

TEST_CASE("a close is told exactly once, to the far owner only") {
  stage on{GENERATE(from_range(all_kinds))};
  if (!on.medium.connected) return; // nothing on the wire says that a udp peer has closed
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  auto owner = on.world.make_probe();
  on.world.claim(ends.server, ends.at_server, owner);
  on.world.tell(ends.client.transport, close_channel{ends.at_client});
  on.world.tell(ends.client.transport, close_channel{ends.at_client});
  REQUIRE(owner.notes->wait([](auto& h) { return !h.closed.empty(); }));
  on.world.tell(ends.server.transport, close_channel{ends.at_server}); // gone already: no effect
  // whatever else was on its way has come when a fresh channel works end to end
  auto again = on.world.dial(ends.client, on.world.place_of(ends.server));
  REQUIRE(again.ok());
  on.world.tell_all(ends.client.transport, again->channel, {numbered(1, 4)});
  REQUIRE(ends.server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  CHECK(owner.notes->closed_count(ends.at_server) == 1);
  CHECK(ends.server.listener.notes->closed_count(ends.at_server) == 0);
  CHECK(ends.client.listener.notes->closed_count(ends.at_client) == 0);
}

TEST_CASE("the channels of an owner that dies are closed") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  auto owner = on.world.make_probe();
  on.world.claim(ends.server, ends.at_server, owner);
  REQUIRE(on.world.ask<listening_on>(ends.server.transport, get_listening{}).ok());
  on.world.kill(owner.actor);
  if (on.medium.connected) {
    CHECK(ends.client.listener.notes->wait([&](auto& h) { return !h.closed.empty() && h.closed[0].first == ends.at_client; }));
    return;
  }
  // udp: the next datagram of the same remote is a stranger's again
  bool reopened = false;
  for (int tries = 0; tries < 100 && !reopened; ++tries) {
    on.world.tell_all(ends.client.transport, ends.at_client, {numbered(1, 4)});
    reopened = ends.server.listener.notes->wait([](auto& h) { return h.opened.size() == 2; }, 100ms);
  }
  CHECK(reopened);
}

TEST_CASE("a transport that dies takes its channels with it, and one whose listener dies follows") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  on.world.kill(ends.server.listener.actor);
  CHECK(on.world.await_death(ends.server.transport).code == error_code::stopped);
  if (on.medium.connected) CHECK(ends.client.listener.notes->wait([](auto& h) { return h.closed.size() == 1; }));
}

TEST_CASE("everything sent before a close arrives on a reliable medium") {
  stage on{GENERATE(from_range(all_kinds))};
  if (!on.medium.reliable) return;
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  constexpr std::uint32_t count = 2000;
  std::vector<byte_string> datagrams;
  for (std::uint32_t i = 0; i < count; ++i) datagrams.push_back(numbered(i, 1500));
  on.world.tell_all(ends.client.transport, ends.at_client, std::move(datagrams));
  // unread bytes at the closing end must not turn the close into a reset
  on.world.tell_all(ends.server.transport, ends.at_server, {numbered(1, 5000)});
  on.world.tell(ends.client.transport, close_channel{ends.at_client});
  REQUIRE(ends.server.listener.notes->wait([](auto& h) { return !h.closed.empty(); }));
  ends.server.listener.notes->look([&](auto& h) {
    REQUIRE(h.datagrams.size() == count);
    bool in_order = true;
    for (std::uint32_t i = 0; i < count; ++i) in_order = in_order && h.datagrams[i].second == numbered(i, 1500);
    CHECK(in_order);
  });
}

TEST_CASE("closing under load ends the load, and the transport serves on") {
  stage on{GENERATE(from_range(all_kinds))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  for (int round = 0; round < 100; ++round) {
    if (round == 50) on.world.tell(ends.server.transport, close_channel{ends.at_server});
    std::vector<byte_string> datagrams;
    for (std::uint32_t i = 0; i < 100; ++i) datagrams.push_back(numbered(i, 1200));
    on.world.tell_all(ends.client.transport, ends.at_client, std::move(datagrams));
  }
  if (on.medium.connected) REQUIRE(ends.client.listener.notes->wait([](auto& h) { return h.closed.size() == 1; }));
  auto other = on.dialling();
  auto again = on.world.dial(other, on.world.place_of(ends.server));
  REQUIRE(again.ok());
  bool arrived = false;
  for (int tries = 0; tries < 100 && !arrived; ++tries) { // udp may drop while the flood drains
    on.world.tell_all(other.transport, again->channel, {numbered(99, 99)});
    arrived = ends.server.listener.notes->wait(
      [](auto& h) { return !h.datagrams.empty() && h.datagrams.back().second == numbered(99, 99); }, 200ms);
  }
  CHECK(arrived);
  CHECK(ends.client.listener.notes->closed_count(ends.at_client) == (on.medium.connected ? 1 : 0));
}

TEST_CASE("a listener that falls behind does not make the transport hoard") {
  stage on{GENERATE(from_range(all_kinds))};
  CAPTURE(on.medium.scheme);
  auto ends = connect_pair(on);
  auto& notes = *ends.server.listener.notes;
  notes.hold(true);
  auto in_flight = [&](const transport_end& end) {
    auto report = on.world.ask<state_report>(caf::actor_cast<caf::actor>(end.transport), get_state{});
    REQUIRE(report.ok());
    auto at = report->json.find("\"bytes_in_flight\":");
    REQUIRE(at != std::string::npos);
    return std::stoull(report->json.substr(at + 18));
  };
  std::size_t most = 0;
  for (int round = 0; round < 64; ++round) { // 64 MiB
    std::vector<byte_string> datagrams;
    for (std::uint32_t i = 0; i < 1024; ++i) datagrams.push_back(numbered(i, 1024));
    on.world.tell_all(ends.client.transport, ends.at_client, std::move(datagrams));
    most = std::max<std::size_t>(most, in_flight(ends.server));
  }
  CHECK(most > 100'000); // it did wait behind the listener
  CHECK(most <= limits::transport_bytes_in_flight_max + (8u << 20));
  notes.hold(false);
  bool arrived = false;
  for (int tries = 0; tries < 100 && !arrived; ++tries) { // what waits in queues and kernel comes first; overflow is dropped
    on.world.tell_all(ends.client.transport, ends.at_client, {numbered(77, 77)});
    arrived = notes.wait([](auto& h) { return !h.datagrams.empty() && h.datagrams.back().second == numbered(77, 77); }, 200ms);
  }
  CHECK(arrived);
}

TEST_CASE("strangers' channels are bounded, the oldest go first, and each close is told once") {
  stage on{GENERATE(from_range(all_kinds))};
  CAPTURE(on.medium.scheme);
  auto server = on.listening();
  auto place = on.world.place_of(server);
  std::vector<transport_end> clients; // one each: on udp a remote address is a channel
  constexpr std::size_t surplus = 20;
  for (std::size_t i = 0; i < limits::unclaimed_channels_max + surplus; ++i) {
    clients.push_back(on.dialling());
    auto opened = on.world.dial(clients.back(), place);
    REQUIRE(opened.ok());
    on.world.tell_all(clients.back().transport, opened->channel, {numbered(1, 4)});
    REQUIRE(server.listener.notes->wait([&](auto& h) { return h.opened.size() == i + 1; }));
  }
  REQUIRE(server.listener.notes->wait([&](auto& h) { return h.closed.size() >= surplus; }));
  server.listener.notes->look([&](auto& h) {
    for (std::size_t i = 0; i < surplus; ++i) {
      CHECK(h.closed[i].first == h.opened[i].channel);
      CHECK(h.closed[i].second.code == error_code::exhausted);
    }
  });
  // strangers that stay strangers go when their time is over, all of them
  REQUIRE(
    server.listener.notes->wait([&](auto& h) { return h.closed.size() == h.opened.size(); },
                                std::chrono::duration_cast<std::chrono::milliseconds>(limits::unclaimed_channel_life + 5s)));
  server.listener.notes->look([&](auto& h) {
    std::set<channel_id> distinct;
    for (auto& each : h.closed) distinct.insert(each.first);
    CHECK(distinct.size() == h.closed.size());
  });
}

TEST_CASE("a transport survives garbage and half-open peers") {
  stage on{GENERATE(from_range(all_kinds))};
  if (on.medium.scheme == "loopback") return; // no bytes from outside reach it
  CAPTURE(on.medium.scheme);
  auto server = on.listening();
  auto place = on.world.place_of(server);
  std::vector<raw_peer> silent; // they connect, and say nothing or half a word
  for (int i = 0; i < 400; ++i) {
    silent.emplace_back(place);
    if (i % 2 == 0) silent.back().send({0x10});
  }
  seeded_random random{42};
  for (int peer = 0; peer < 8; ++peer) {
    raw_peer noisy{place};
    for (int i = 0; i < 256; ++i) {
      byte_string bytes(4096);
      random.fill(bytes);
      if (!noisy.send(bytes)) break; // it may be cut off
    }
  }
  auto client = on.dialling();
  bool arrived = false;
  for (int tries = 0; tries < 100 && !arrived; ++tries) {
    auto opened = on.world.dial(client, place);
    if (!opened) continue;
    on.world.tell_all(client.transport, opened->channel, {numbered(88, 88)});
    arrived = server.listener.notes->wait(
      [](auto& h) {
        return std::any_of(h.datagrams.rbegin(), h.datagrams.rend(), [](auto& d) { return d.second == numbered(88, 88); });
      },
      200ms);
  }
  CHECK(arrived);
}

TEST_CASE("a frame of length zero closes its channel") {
  stage on{GENERATE(from_range(all_kinds))};
  if (on.medium.scheme != "tcp" && on.medium.scheme != "unix") return;
  CAPTURE(on.medium.scheme);
  auto server = on.listening();
  raw_peer peer{on.world.place_of(server)};
  REQUIRE(peer.send({0, 3, 'a', 'b', 'c', 0, 0, 9, 9}));
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.closed.size() == 1; }));
  server.listener.notes->look([](auto& h) {
    REQUIRE(h.datagrams.size() == 1); // what came before is good
    CHECK(h.datagrams[0].second == byte_string{'a', 'b', 'c'});
    CHECK(h.closed[0].second.code == error_code::malformed);
  });
}

TEST_CASE("a place that is taken is refused with the system's words") {
  stage on{GENERATE(from_range(kinds_and_lines))};
  CAPTURE(on.medium.scheme);
  auto first = on.listening();
  auto second = on.world.open(on.medium.scheme, on.world.place_of(first));
  auto why = on.world.await_death(second.transport);
  CHECK(why.code == error_code::io);
  CHECK(why.message.find("cannot listen on") != std::string::npos);
  CHECK(second.listener.notes->look([](auto& h) { return h.started.size(); }) == 0);
}
