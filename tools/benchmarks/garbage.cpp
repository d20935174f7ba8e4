#include "tools/benchmarks/garbage.hpp"

#include "runtime/base/bytes.hpp"
#include "runtime/base/random.hpp"
#include "tools/benchmarks/network_namespace.hpp"

#include <cerrno>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::benchmarks {
namespace {

constexpr std::size_t datagram_bytes = 1400;
constexpr std::size_t datagrams_per_call = 20; ///< 28 KB: 4500 calls a second make 1 Gbit/s
constexpr std::size_t random_bytes = 4u << 20;

result<int> open_towards(const garbage_run& run) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = ::htons(run.port);
  int fd = ::inet_pton(AF_INET, run.address.c_str(), &to.sin_addr) == 1 ? ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
  int segment = datagram_bytes;
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0
      || ::setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0)
    return {error_code::io, "cannot send garbage to " + run.address};
  return fd;
}

} // namespace

result<double> send_garbage(const garbage_run& run) {
  if (auto entered = enter_network_namespace(run.netns_here); !entered) return entered.why();
  std::vector<int> sockets;
  for (std::size_t i = 0; i < run.source_ports; ++i) {
    auto fd = open_towards(run);
    if (!fd) return fd.why();
    sockets.push_back(*fd);
  }
  byte_string noise(random_bytes);
  seeded_random random{1};
  random.fill(noise);
  constexpr auto call_bytes = datagram_bytes * datagrams_per_call;
  auto bytes_per_s = run.mbit_per_s * 1e6 / 8;
  double sent = 0;
  auto began = std::chrono::steady_clock::now();
  auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  for (std::size_t turn = 0; passed() < std::chrono::duration<double>(run.seconds).count(); ++turn) {
    if (sent > passed() * bytes_per_s) {
      std::this_thread::sleep_for(200us);
      continue;
    }
    auto* from = noise.data() + random.next_below(random_bytes - call_bytes);
    if (run.first_byte >= 0)
      for (std::size_t i = 0; i < datagrams_per_call; ++i) from[i * datagram_bytes] = static_cast<std::uint8_t>(run.first_byte);
    // what the other side refuses or drops was sent all the same
    if (::send(sockets[turn % sockets.size()], from, call_bytes, 0) > 0 || errno == ECONNREFUSED) sent += call_bytes;
  }
  auto rate = sent * 8 / 1e6 / passed();
  for (int fd : sockets) ::close(fd);
  return rate;
}

} // namespace glow::benchmarks
