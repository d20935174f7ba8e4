#include "runtime/link/limits.hpp"
#include "runtime/link/places.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::link;

namespace {

channel_uri place(const std::string& text) { return *parse_channel_uri(text); }
std::vector<std::string> texts(const std::vector<channel_uri>& uris) {
  std::vector<std::string> out;
  for (auto& each : uris) out.push_back(to_string(each));
  return out;
}

} // namespace

TEST_CASE("a peer's wildcard host is the host we see it at") {
  auto remote = place("tcp://10.0.0.7:40000");
  CHECK(texts(places_of_peer({place("udp://0.0.0.0:7"), place("tcp://[::]:8"), place("tcp://10.9.9.9:9")}, remote))
        == std::vector<std::string>{"udp://10.0.0.7:7", "tcp://10.0.0.7:8", "tcp://10.9.9.9:9"});
  CHECK(places_of_peer({place("udp://0.0.0.0:7")}, place("tcp://[fd00::1]:1")).empty());
}

TEST_CASE("places of the peer's own machine are left out unless it is ours, too") {
  std::vector<channel_uri> listening{place("unix:/run/x"), place("tcp://127.0.0.1:8")};
  CHECK(places_of_peer(listening, place("tcp://10.0.0.7:40000")).empty());
  CHECK(places_of_peer(listening, place("tcp://127.0.0.1:40000")).size() == 2);
  CHECK(places_of_peer(listening, place("unix:/run/y")).size() == 2);
}

TEST_CASE("a command, a device or a way through a proxy is never taken from a peer, nor told to one") {
  std::vector<channel_uri> private_places{place("exec:reboot"), place("exec://reboot"), place("tty:/dev/ttyS0?baud=9600"),
                                          place("stdio:/home/me/link.sock"),
                                          place("tcp://nas.onion:7400?via=socks5://127.0.0.1:9050")};
  for (auto& each : private_places) {
    CAPTURE(to_string(each));
    CHECK_FALSE(is_shareable(each));
    CHECK(places_of_peer({each}, place("unix:/run/y")).empty());
    CHECK(places_of_peer({each}, place("tcp://127.0.0.1:1")).empty());
    CHECK(own_places({each}, {"10.0.0.1"}).empty());
  }
  CHECK(is_shareable(place("udp://10.0.0.1:1")));
  CHECK(is_shareable(place("unix:/run/y")));
}

TEST_CASE("who is at the other end of a serial line, a command or a proxy is another machine") {
  std::vector<channel_uri> listening{place("unix:/run/x"), place("tcp://127.0.0.1:8"), place("udp://10.1.2.3:4")};
  for (auto* remote : {"tcp://127.0.0.1:8?via=http://10.0.0.9:3128", "tty:/dev/ttyS0", "exec:ssh%20nas%20glow%20stdio",
                       "stdio:/home/me/link.sock"})
    CHECK(texts(places_of_peer(listening, place(remote))) == std::vector<std::string>{"udp://10.1.2.3:4"});
}

TEST_CASE("a peer behind a proxy has not been seen anywhere: its wildcard hosts stay unknown") {
  auto remote = place("tcp://nas.onion:7400?via=socks5://127.0.0.1:9050");
  CHECK(places_of_peer({place("udp://0.0.0.0:7"), place("tcp://[::]:8")}, remote).empty());
}

TEST_CASE("our own wildcard hosts become our addresses of that family, or the loopback") {
  std::vector<std::string> hosts{"10.0.0.1", "fd00::1"};
  CHECK(texts(own_places({place("udp://0.0.0.0:7")}, hosts)) == std::vector<std::string>{"udp://10.0.0.1:7"});
  CHECK(texts(own_places({place("udp://[::]:7")}, hosts)) == std::vector<std::string>{"udp://10.0.0.1:7", "udp://[fd00::1]:7"});
  CHECK(texts(own_places({place("udp://0.0.0.0:7"), place("unix:/x")}, {}))
        == std::vector<std::string>{"udp://127.0.0.1:7", "unix:/x"});
}

TEST_CASE("our own places are bounded") {
  std::vector<std::string> hosts;
  for (int i = 0; i < 100; ++i) hosts.push_back("10.0.0." + std::to_string(i));
  CHECK(own_places({place("udp://0.0.0.0:7")}, hosts).size() == limits::own_places_max);
}
