#include "transports/tcp.hpp"

#include "runtime/link/proxy_handshake.hpp"
#include "transports/byte_stream.hpp"
#include "transports/limits.hpp"
#include "transports/socket_address.hpp"

#include <cerrno>
#include <netinet/tcp.h>
#include <unistd.h>

namespace glow::transports {
namespace {

class tcp_medium final : public byte_stream_medium {
public:
  tcp_medium(const loop_place& place, std::optional<channel_uri> listen)
    : byte_stream_medium{"tcp", place}, listen_{std::move(listen)} {}

  result<void> start(medium_listener& listener) override;
  void connect(const channel_uri& remote, connected tell) override;
  std::vector<channel_uri> listening() const override;

protected:
  int init_handle(byte_stream& stream) override { return uv_tcp_init(place_.loop, &stream.handle.tcp); }
  int adopt(byte_stream& stream, int fd) override;
  void connected_to(byte_stream& stream) override { set_up(stream); }

private:
  /// A host's addresses, or its proxy's, tried in turn until one answers or the time is over.
  struct attempt {
    channel_uri uri; ///< as it is shown
    std::optional<link::proxy_handshake> proxy;
    std::vector<socket_address> addresses;
    std::size_t next = 0;
    std::uint64_t deadline_ms = 0;
    connected tell;
  };
  void try_next(const std::shared_ptr<attempt>& trying);
  void set_up(byte_stream& stream);

  std::optional<channel_uri> listen_;
  local_networks networks_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

result<void> tcp_medium::start(medium_listener& listener) {
  events_ = &listener;
  if (!listen_) return {};
  auto where = "cannot listen on " + to_string(*listen_);
  auto address = socket_address::from_literal(listen_->host == "localhost" ? "127.0.0.1" : listen_->host, listen_->port);
  if (!address) return error{error_code::usage, where + ": give an IP address, such as tcp://0.0.0.0:7400"};
  int fd = ::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return uv_failure(error_code::io, where, -errno);
  int on = 1;
  int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); // a restart must not wait for old connections
  if (address->family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, address->get(), address->size()) != 0 || ::listen(fd, limits::listen_backlog) != 0) {
    auto why = uv_failure(error_code::io, where, -errno);
    ::close(fd);
    return why;
  }
  return accept_on(fd);
}

std::vector<channel_uri> tcp_medium::listening() const {
  if (listening_fd() < 0) return {};
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(listening_fd(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) return {};
  auto uri = *listen_;
  uri.port = socket_address{reinterpret_cast<const sockaddr*>(&bound)}.port();
  return {uri};
}

int tcp_medium::adopt(byte_stream& stream, int fd) {
  if (auto status = uv_tcp_open(&stream.handle.tcp, fd); status != 0) return status;
  set_up(stream);
  return 0;
}

void tcp_medium::set_up(byte_stream& stream) {
  uv_tcp_nodelay(&stream.handle.tcp, 1);
  uv_tcp_keepalive(&stream.handle.tcp, 1, 30); // links notice a dead peer earlier; this catches strangers'
  sockaddr_storage peer{};
  int size = sizeof peer;
  stream.traits = {"tcp", limits::frame_bytes_max, true, false};
  if (stream.proxy) return; // the address is the proxy's, and says nothing of the peer
  if (uv_tcp_getpeername(&stream.handle.tcp, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return;
  socket_address address{reinterpret_cast<const sockaddr*>(&peer)};
  stream.remote = address.to_uri("tcp");
  stream.traits.on_link = networks_.on_link(address, uv_now(place_.loop));
}

void tcp_medium::connect(const channel_uri& remote, connected tell) {
  if (remote.host.empty() || remote.port == 0)
    return tell(error{error_code::usage, "cannot connect to " + link::to_shown_text(remote)
                                           + ": it needs host and port, such as tcp://192.168.1.5:7400"});
  auto proxy = link::proxy_of(remote);
  if (!proxy) return tell(proxy.why());
  auto trying = std::make_shared<attempt>();
  trying->uri = link::without_credentials(remote);
  auto place = remote;
  if (*proxy) {
    auto handshake = link::proxy_handshake::to(**proxy, remote.host, remote.port);
    if (!handshake) return tell(handshake.why());
    trying->proxy = std::move(*handshake);
    place = {"tcp", (*proxy)->host, (*proxy)->port, "", {}};
  }
  trying->tell = std::move(tell);
  trying->deadline_ms = uv_now(place_.loop) + static_cast<std::uint64_t>(link::connect_timeout_of(remote) / 1ms);
  resolve(place_.loop, place, alive_, [this, trying](result<std::vector<socket_address>> found) {
    if (!found) {
      if (!trying->proxy) return trying->tell(found.why());
      return trying->tell(error{found.why().code, "proxy unreachable: " + found.why().message});
    }
    trying->addresses = std::move(*found);
    try_next(trying);
  });
}

void tcp_medium::try_next(const std::shared_ptr<attempt>& trying) {
  auto address = trying->addresses[trying->next++];
  auto left = trying->addresses.size() - trying->next + 1;
  auto now = uv_now(place_.loop);
  // a share of what is left for each address, so that one that swallows packets does not cost the others their turn
  auto share = trying->deadline_ms > now ? (trying->deadline_ms - now) / left : 1;
  auto asked = trying->proxy ? std::make_shared<link::proxy_handshake>(*trying->proxy) : nullptr;
  dial(
    trying->proxy ? trying->uri : address.to_uri("tcp"), std::chrono::milliseconds{share},
    [&](byte_stream& stream) {
      stream.proxy = asked;
      return uv_tcp_connect(&stream.connecting, &stream.handle.tcp, address.get(), on_connected);
    },
    [this, trying, asked](channel_id channel, result<void> outcome) {
      if (outcome) return trying->tell(describe(channel));
      bool answered = asked && asked->has_begun(); // a proxy refuses the same at its other addresses
      if (!answered && trying->next < trying->addresses.size()) return try_next(trying);
      if (trying->proxy) return trying->tell(outcome.why());
      trying->tell(error{outcome.why().code, outcome.why().message + " (is an agent listening there?)"});
    });
}

} // namespace

std::unique_ptr<medium> make_tcp(const loop_place& place, std::optional<channel_uri> listen) {
  return std::make_unique<tcp_medium>(place, std::move(listen));
}

} // namespace glow::transports
