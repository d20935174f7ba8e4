#include "tests/transports/raw_peer.hpp"
#include "tests/transports/transport_probe.hpp"

#include <fcntl.h>
#include <sys/resource.h>

using namespace glow;
using namespace glow::test;

TEST_CASE("tcp dials host names, and says which name it cannot find") {
  transport_world world;
  auto server = world.open("tcp", uri("tcp://127.0.0.1:0"));
  auto client = world.open("tcp");
  auto port = std::to_string(world.place_of(server).port);
  CHECK(world.dial(client, uri("tcp://localhost:" + port)).ok());
  auto nowhere = world.dial(client, uri("tcp://no-such-host.invalid:" + port), 30s);
  REQUIRE(!nowhere.ok());
  CHECK(nowhere.why().message.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("tcp works over IPv6, and [::] serves both families") {
  transport_world world;
  auto server = world.open("tcp", uri("tcp://[::]:0"));
  auto client = world.open("tcp");
  auto port = std::to_string(world.place_of(server).port);
  CHECK(world.dial(client, uri("tcp://[::1]:" + port)).ok());
  CHECK(world.dial(client, uri("tcp://127.0.0.1:" + port)).ok());
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.opened.size() == 2; }));
  CHECK(server.listener.notes->look([](auto& h) { return h.opened[1].remote.host; }) == "127.0.0.1");
}

TEST_CASE("a tcp listener that runs out of descriptors pauses and recovers") {
  transport_world world;
  auto server = world.open("tcp", uri("tcp://127.0.0.1:0"));
  auto place = world.place_of(server);
  raw_peer early{place};
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.opened.size() == 1; }));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  {
    raw_peer late{uri("tcp://127.0.0.1:" + std::to_string(place.port)), raw_peer::not_yet};
    int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest_free);
    rlimit tight{static_cast<rlim_t>(lowest_free), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    bool reached = late.connect_now(); // the kernel's backlog takes it
    bool accepted = server.listener.notes->wait([](auto& h) { return h.opened.size() == 2; }, 300ms);
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(reached);
    CHECK_FALSE(accepted);
    CHECK(server.listener.notes->wait([](auto& h) { return h.opened.size() == 2; }));
  }
}

TEST_CASE("tcp refuses to listen on a host name") {
  transport_world world;
  auto server = world.open("tcp", uri("tcp://example.invalid:0"));
  auto why = world.await_death(server.transport);
  CHECK(why.code == error_code::usage);
  CHECK(why.message.find("tcp://0.0.0.0:7400") != std::string::npos);
}
