/// IP socket addresses as values: from and to text, from host names (asynchronously), and whether one is on-link.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/base/uri.hpp"
#include "transports/limits.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>

namespace glow::transports {

/// An IPv4 or IPv6 address with port. IPv4-mapped IPv6 addresses are kept as IPv4, so that one remote has one form.
class socket_address {
public:
  socket_address() = default;
  explicit socket_address(const sockaddr* from);

  /// Nothing when `host` is no literal address. `fe80::1%eth0` carries its interface.
  static std::optional<socket_address> from_literal(const std::string& host, std::uint16_t port);

  int family() const { return storage_.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
  std::string host() const;
  std::uint16_t port() const;
  bool is_loopback() const;
  bool is_wildcard() const;
  bool operator==(const socket_address& other) const { return key() == other.key(); }
  channel_uri to_uri(std::string scheme) const;
  /// Family, address, port and scope in one comparable array.
  std::array<std::uint8_t, 24> key() const;

private:
  sockaddr_storage storage_{};
};

struct socket_address_hash {
  std::size_t operator()(const socket_address& address) const {
    auto key = address.key();
    return std::hash<std::string_view>{}(as_text(byte_view{key}));
  }
};

/// The machine's interface addresses, read at most once a second: a flood of strangers must not make us ask each time.
class local_networks {
public:
  /// Loopback, or in a subnet of a local interface, or IPv6 link-local. `now`: the loop's clock in milliseconds.
  bool on_link(const socket_address& address, std::uint64_t now_ms);
  /// Loopback or one of this machine's own addresses: packets to it never leave the machine.
  bool on_machine(const socket_address& address, std::uint64_t now_ms);

private:
  struct network {
    socket_address address;
    socket_address mask;
  };
  void refresh(std::uint64_t now_ms);
  std::vector<network> networks_;
  std::uint64_t read_at_ms_ = 0;
};

using resolved = std::function<void(result<std::vector<socket_address>>)>;
/// Looks `host` up without blocking the loop (literal addresses are answered before it returns). At most
/// limits::resolved_addresses_max addresses. `tell` is not called when it reports itself dead by `alive`.
/// Errors: unreachable (no such host, resolver down).
void resolve(uv_loop_t* loop, const channel_uri& uri, std::weak_ptr<void> alive, resolved tell);

/// Socket options that tests and both IP media share.
void set_socket_buffers(int fd, int bytes);

} // namespace glow::transports
