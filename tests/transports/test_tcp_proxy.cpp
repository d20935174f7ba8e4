// tcp through proxies: real sockets, a proxy that answers what the test says.
#include "runtime/link/framing.hpp"
#include "tests/transports/transport_probe.hpp"
#include "transports/socket_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <thread>

using namespace glow;
using namespace glow::test;

namespace {

/// Takes one connection, and plays a script on it: reads as many bytes as are expected, answers, and so on.
class scripted_proxy {
public:
  struct step {
    std::size_t read_bytes;
    byte_string answer;
  };
  explicit scripted_proxy(std::vector<step> steps, bool then_closes = false) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_, 4) == 0);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    port = transports::socket_address{reinterpret_cast<const sockaddr*>(&bound)}.port();
    timeval patience{5, 0}; // nobody may hang a test
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    thread_ = std::thread{[this, steps = std::move(steps), then_closes] { play(steps, then_closes); }};
  }
  ~scripted_proxy() {
    thread_.join();
    if (connection_ >= 0) ::close(connection_);
    ::close(fd_);
  }
  std::string at() const { return "127.0.0.1:" + std::to_string(port); }
  /// All it has heard; waits until the script is over.
  byte_string heard() {
    while (!over_.load()) std::this_thread::yield();
    return heard_;
  }
  std::uint16_t port = 0;

private:
  void play(const std::vector<step>& steps, bool then_closes) {
    connection_ = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    timeval patience{5, 0};
    ::setsockopt(connection_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (auto& each : steps) {
      byte_string bytes(each.read_bytes);
      auto count = bytes.empty() ? 0 : ::recv(connection_, bytes.data(), bytes.size(), MSG_WAITALL);
      if (count < 0) break;
      append(heard_, byte_view{bytes}.first(static_cast<std::size_t>(count)));
      (void)!::send(connection_, each.answer.data(), each.answer.size(), MSG_NOSIGNAL);
    }
    if (then_closes) ::shutdown(connection_, SHUT_RDWR);
    over_ = true;
  }
  int fd_ = -1;
  int connection_ = -1;
  byte_string heard_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

byte_string framed(const byte_string& datagram) {
  byte_string out;
  REQUIRE(link::append_frame(out, datagram).ok());
  return out;
}
byte_string both(byte_string a, const byte_string& b) {
  append(a, b);
  return a;
}
const byte_string socks_goes{5, 0, 0, 1, 0, 0, 0, 0, 0, 0};
const std::size_t socks_request_bytes = 7 + std::string_view{"nas.onion"}.size();

} // namespace

TEST_CASE("tcp asks a socks5 proxy, and datagrams behind its answer are the peer's") {
  transport_world world;
  auto client = world.open("tcp");
  byte_string early{1, 2, 3}, late(2000, 9);
  scripted_proxy proxy{
    {{4, {5, 2}}, {3 + 2 + 6, {1, 0}}, {socks_request_bytes, both(socks_goes, framed(early))}, {2, framed(late)}}};
  auto opened = world.dial(client, uri("tcp://nas.onion:7400?class=control&via=socks5://me:s3cret@" + proxy.at()));
  REQUIRE(opened.ok());
  CHECK(to_string(opened->remote) == "tcp://nas.onion:7400?class=control&via=socks5://" + proxy.at()); // no password
  CHECK_FALSE(opened->traits.on_link); // the proxy is, the peer need not be
  CHECK(opened->traits.scheme == "tcp");
  world.tell_all(client.transport, opened->channel, {byte_string{7}});
  REQUIRE(client.listener.notes->wait([](auto& h) { return h.datagrams.size() == 2; }));
  CHECK(client.listener.notes->look([](auto& h) { return h.datagrams[0].second; }) == early);
  CHECK(client.listener.notes->look([](auto& h) { return h.datagrams[1].second; }) == late);
  auto heard = proxy.heard();
  CHECK(as_text(heard).find("nas.onion") != std::string_view::npos);
  CHECK(byte_string(heard.end() - 2, heard.end()) == byte_string{0, 1}); // our datagram's frame begins right behind
}

TEST_CASE("tcp asks an http proxy, whose answer may come in pieces") {
  transport_world world;
  auto client = world.open("tcp");
  std::string request = "CONNECT nas.example.org:7400 HTTP/1.1\r\nHost: nas.example.org:7400\r\n\r\n";
  scripted_proxy proxy{
    {{request.size(), to_bytes("HTTP/1.1 2")}, {0, to_bytes("00 OK\r\nServer: x\r\n")}, {0, to_bytes("\r\n")}}};
  auto opened = world.dial(client, uri("tcp://nas.example.org:7400?via=http://" + proxy.at()));
  REQUIRE(opened.ok());
  CHECK(as_text(proxy.heard()) == request);
}

TEST_CASE("a dial by proxy fails with the name of what failed, and without the password") {
  transport_world world;
  auto client = world.open("tcp");
  auto fails = [&](const std::string& via, const std::string& name, error_code code) {
    auto outcome = world.dial(client, uri("tcp://nas.onion:7400?via=" + via), 30s);
    REQUIRE(!outcome.ok());
    INFO(outcome.why().message);
    CHECK(outcome.why().message.starts_with(name));
    CHECK(outcome.why().code == code);
    CHECK(outcome.why().message.find("s3cret") == std::string::npos);
  };
  SECTION("nobody listens where the proxy should be") {
    fails("socks5://me:s3cret@127.0.0.1:1", "proxy unreachable: cannot connect to socks5://127.0.0.1:1", error_code::unreachable);
  }
  SECTION("the proxy's name is not known") {
    fails("http://me:s3cret@no-such-host.invalid:3128", "proxy unreachable: ", error_code::unreachable);
  }
  SECTION("the proxy cannot get there") {
    scripted_proxy proxy{{{3, {5, 0}}, {socks_request_bytes, {5, 4, 0, 1, 0, 0, 0, 0, 0, 0}}}};
    fails("socks5://" + proxy.at(), "proxy refused: socks5://" + proxy.at() + " answers 'host unreachable (4)'",
          error_code::unreachable);
  }
  SECTION("the proxy does not know us") {
    scripted_proxy proxy{{{4, {5, 2}}, {3 + 2 + 6, {1, 1}}}};
    fails("socks5://me:s3cret@" + proxy.at(), "proxy authentication failed: ", error_code::failed);
  }
  SECTION("the proxy hangs up") {
    scripted_proxy proxy{{{3, {}}}, true};
    fails("socks5://" + proxy.at(), "proxy refused: socks5://" + proxy.at() + " closed the connection", error_code::unreachable);
  }
  SECTION("it is no proxy") {
    scripted_proxy proxy{{{3, to_bytes("SSH-2.0-OpenSSH_9\r\n")}}};
    fails("socks5://" + proxy.at(), "proxy misunderstood: ", error_code::malformed);
  }
  CHECK(client.listener.notes->look([](auto& h) { return h.opened.size() + h.closed.size(); }) == 0);
}

TEST_CASE("a place by proxy that makes no sense is refused before anybody is dialled") {
  transport_world world;
  auto tcp = world.open("tcp");
  auto udp = world.open("udp");
  CHECK(world.dial(tcp, uri("tcp://nas:7400?via=ftp://127.0.0.1:21")).why().code == error_code::usage);
  CHECK(world.dial(tcp, uri("tcp://[fe80::1%25lo]:7400?via=socks5://127.0.0.1:1")).why().code == error_code::usage);
  CHECK(world.dial(udp, uri("udp://127.0.0.1:7400?via=socks5://127.0.0.1:1")).why().code == error_code::usage);
  auto onion = world.dial(tcp, uri("tcp://nas.Onion:7400"));
  CHECK(onion.why().code == error_code::usage);
  CHECK(onion.why().message.find("?via=socks5://") != std::string::npos);
}
