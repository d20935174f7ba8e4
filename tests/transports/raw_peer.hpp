/// A plain blocking socket to a transport's place: what strangers use.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/uri.hpp"
#include "transports/socket_address.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

namespace glow::test {

class raw_peer {
public:
  enum when { now, not_yet };
  explicit raw_peer(const channel_uri& place, when connect = now) : place_{place} {
    int family = AF_UNIX;
    if (place.scheme != "unix") family = transports::socket_address::from_literal(place.host, place.port)->family();
    fd_ = ::socket(family, (place.scheme == "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (connect == now) connect_now();
    timeval patience{2, 0}; // nobody may hang a test
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  ~raw_peer() {
    if (fd_ >= 0) ::close(fd_);
  }
  raw_peer(raw_peer&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  bool connect_now() {
    if (place_.scheme == "unix") {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      place_.path.copy(address.sun_path, sizeof address.sun_path - 1);
      return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    auto address = *transports::socket_address::from_literal(place_.host, place_.port);
    return ::connect(fd_, address.get(), address.size()) == 0;
  }
  /// False when the other end does not take it any more.
  bool send(const byte_string& bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  /// Waits for the end of the stream, for two seconds at most; what came before is thrown away.
  bool sees_close() {
    std::uint8_t bytes[4096];
    ssize_t count = 0;
    while ((count = ::recv(fd_, bytes, sizeof bytes, 0)) > 0) {}
    return count == 0 || errno == ECONNRESET;
  }

private:
  channel_uri place_;
  int fd_ = -1;
};

} // namespace glow::test
