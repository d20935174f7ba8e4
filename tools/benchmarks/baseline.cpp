#include "tools/benchmarks/baseline.hpp"

#include "runtime/base/bytes.hpp"
#include "runtime/link/packet_cipher.hpp"
#include "runtime/link/session.hpp"
#include "tools/benchmarks/network_namespace.hpp"

#include <csignal>
#include <tuple>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace glow::benchmarks {
namespace {

constexpr std::size_t write_bytes = 64u << 10;
constexpr std::size_t ping_bytes = 32;

steady_time now() { return std::chrono::steady_clock::now(); }

bool read_all(int fd, std::uint8_t* into, std::size_t bytes) {
  return ::recv(fd, into, bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
}

/// The child: echoes pings until the first byte says that a flood begins, counts that, and answers with its CPU time.
void serve(int listening) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int fd = ::accept(listening, nullptr, nullptr);
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  byte_string buffer(write_bytes);
  while (read_all(fd, buffer.data(), ping_bytes) && buffer[0] == 0)
    if (::send(fd, buffer.data(), ping_bytes, MSG_NOSIGNAL) < 0) ::_exit(1);
  auto before = cpu_time();
  while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) continue;
  auto used = (cpu_time() - before).count();
  if (::send(fd, &used, sizeof used, MSG_NOSIGNAL) < 0) ::_exit(1);
  ::_exit(0);
}

result<tcp_figures> measure(int fd, duration seconds) {
  error broke{error_code::io, "the plain TCP connection broke"};
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  byte_string buffer(write_bytes);
  tcp_figures out;
  std::vector<duration> samples;
  for (auto began = now(); now() - began < seconds / 2;) {
    auto sent = now();
    if (::send(fd, buffer.data(), ping_bytes, MSG_NOSIGNAL) < 0 || !read_all(fd, buffer.data(), ping_bytes)) return broke;
    samples.push_back(now() - sent);
  }
  out.rtt = summarise(std::move(samples));

  buffer[0] = 1;
  if (::send(fd, buffer.data(), ping_bytes, MSG_NOSIGNAL) < 0) return broke;
  auto began = now();
  auto before = cpu_time();
  double bytes = 0;
  while (now() - began < seconds) {
    auto wrote = ::send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL);
    if (wrote < 0) return broke;
    bytes += static_cast<double>(wrote);
  }
  ::shutdown(fd, SHUT_WR);
  duration::rep there = 0;
  if (::recv(fd, &there, sizeof there, MSG_WAITALL) != sizeof there) return broke;
  out.mb_per_s = mb_per_s(bytes, now() - began);
  out.cpu_s_per_gb = cpu_s_per_gb(cpu_time() - before + duration{there}, bytes);
  return out;
}

} // namespace

result<tcp_figures> measure_plain_tcp(const tcp_run& run) {
  error refused{error_code::io, "no plain TCP connection to " + run.address};
  if (auto entered = enter_network_namespace(run.netns_there); !entered) return entered.why();
  sockaddr_in place{};
  place.sin_family = AF_INET;
  if (::inet_pton(AF_INET, run.address.c_str(), &place.sin_addr) != 1) return refused;
  socklen_t size = sizeof place;
  auto* address = reinterpret_cast<sockaddr*>(&place);
  int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listening < 0 || ::bind(listening, address, size) != 0 || ::listen(listening, 1) != 0
      || ::getsockname(listening, address, &size) != 0)
    return refused;
  auto child = ::fork();
  if (child < 0) return refused;
  if (child == 0) serve(listening);
  auto entered = enter_network_namespace(run.netns_here);
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto figures = !entered                            ? result<tcp_figures>{entered.why()}
                 : ::connect(fd, address, size) == 0 ? measure(fd, run.seconds)
                                                     : result<tcp_figures>{refused};
  ::close(fd);
  ::close(listening);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return figures;
}

cipher_figures measure_cipher(std::size_t packet_bytes, duration seconds) {
  if (::sodium_init() < 0) return {}; // it chooses the code for this processor
  byte_string packet(packet_bytes + link::sealed_tag_bytes);
  const link::secret_key key{byte_string(32)};
  link::packet_cipher cipher;
  const link::cipher_text text{packet.data(), packet_bytes, packet.data() + packet_bytes};
  auto rate_of = [&](auto&& once) {
    double bytes = 0;
    auto cpu_before = cpu_time();
    for (auto began = now(); now() - began < seconds / 2;)
      for (int i = 0; i < 16; ++i, bytes += static_cast<double>(packet_bytes)) once();
    return mb_per_s(bytes, cpu_time() - cpu_before);
  };
  cipher_figures out;
  out.seal_mb_per_s = rate_of([&] { cipher.seal(text, {}, {}, 0, key); });
  cipher.seal(text, {}, {}, 0, key);
  const auto sealed = packet;
  out.open_mb_per_s = rate_of([&] { // the copy, a few parts in a hundred, counts as well: only what is authentic is opened
    packet = sealed;
    std::ignore = cipher.open(text, {}, {}, 0, key);
  });
  return out;
}

} // namespace glow::benchmarks
