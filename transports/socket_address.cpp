#include "transports/socket_address.hpp"

#include "transports/limits.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <cctype>
#include <memory>

namespace glow::transports {
namespace {

const sockaddr_in& as_v4(const sockaddr_storage& storage) { return reinterpret_cast<const sockaddr_in&>(storage); }
const sockaddr_in6& as_v6(const sockaddr_storage& storage) { return reinterpret_cast<const sockaddr_in6&>(storage); }

/// The bytes of the address proper: 4 or 16.
byte_view address_bytes(const socket_address& address) {
  if (address.family() == AF_INET6) {
    auto& in = *reinterpret_cast<const sockaddr_in6*>(address.get());
    return {in.sin6_addr.s6_addr, 16};
  }
  auto& in = *reinterpret_cast<const sockaddr_in*>(address.get());
  return {reinterpret_cast<const std::uint8_t*>(&in.sin_addr), 4};
}

} // namespace

socket_address::socket_address(const sockaddr* from) {
  if (from->sa_family == AF_INET) {
    std::memcpy(&storage_, from, sizeof(sockaddr_in));
  } else if (from->sa_family == AF_INET6) {
    std::memcpy(&storage_, from, sizeof(sockaddr_in6));
    auto& in = as_v6(storage_);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = in.sin6_port;
      std::memcpy(&v4.sin_addr, in.sin6_addr.s6_addr + 12, 4);
      storage_ = {};
      std::memcpy(&storage_, &v4, sizeof v4);
    }
  }
}

std::optional<socket_address> socket_address::from_literal(const std::string& host, std::uint16_t port) {
  sockaddr_in v4{};
  if (uv_ip4_addr(host.c_str(), port, &v4) == 0) return socket_address{reinterpret_cast<const sockaddr*>(&v4)};
  sockaddr_in6 v6{};
  if (uv_ip6_addr(host.c_str(), port, &v6) == 0) return socket_address{reinterpret_cast<const sockaddr*>(&v6)};
  return std::nullopt;
}

std::string socket_address::host() const {
  char text[INET6_ADDRSTRLEN + 1] = {};
  if (inet_ntop(family(), address_bytes(*this).data(), text, sizeof text) == nullptr) return "?";
  std::string out = text;
  if (family() == AF_INET6 && as_v6(storage_).sin6_scope_id != 0) {
    char name[IF_NAMESIZE] = {};
    auto scope = as_v6(storage_).sin6_scope_id;
    out += "%" + (if_indextoname(scope, name) != nullptr ? std::string{name} : std::to_string(scope));
  }
  return out;
}

std::uint16_t socket_address::port() const {
  return ntohs(family() == AF_INET6 ? as_v6(storage_).sin6_port : as_v4(storage_).sin_port);
}

bool socket_address::is_loopback() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&as_v6(storage_).sin6_addr);
  return address_bytes(*this)[0] == 127;
}

bool socket_address::is_wildcard() const {
  auto bytes = address_bytes(*this);
  return std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

channel_uri socket_address::to_uri(std::string scheme) const {
  channel_uri out;
  out.scheme = std::move(scheme);
  out.host = host();
  out.port = port();
  return out;
}

std::array<std::uint8_t, 24> socket_address::key() const {
  std::array<std::uint8_t, 24> out{};
  auto bytes = address_bytes(*this);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  out[16] = static_cast<std::uint8_t>(family());
  out[17] = static_cast<std::uint8_t>(port() >> 8);
  out[18] = static_cast<std::uint8_t>(port());
  if (family() == AF_INET6) {
    auto scope = as_v6(storage_).sin6_scope_id;
    std::memcpy(out.data() + 20, &scope, 4);
  }
  return out;
}

void local_networks::refresh(std::uint64_t now_ms) {
  if (!networks_.empty() && now_ms - read_at_ms_ < 1000) return;
  read_at_ms_ = now_ms;
  uv_interface_address_t* found = nullptr;
  int count = 0;
  if (uv_interface_addresses(&found, &count) != 0) return; // keeps what was known
  networks_.clear();
  for (int i = 0; i < count; ++i)
    networks_.push_back({socket_address{reinterpret_cast<const sockaddr*>(&found[i].address)},
                         socket_address{reinterpret_cast<const sockaddr*>(&found[i].netmask)}});
  uv_free_interface_addresses(found, count);
}

bool local_networks::on_link(const socket_address& address, std::uint64_t now_ms) {
  if (address.is_loopback()) return true;
  auto bytes = address_bytes(address);
  if (address.family() == AF_INET6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return true;
  refresh(now_ms);
  for (auto& each : networks_) {
    if (each.address.family() != address.family() || each.address.is_loopback()) continue;
    auto own = address_bytes(each.address);
    auto mask = address_bytes(each.mask);
    if (mask.size() != own.size() || each.mask.is_wildcard()) continue;
    bool same = true;
    for (std::size_t i = 0; i < bytes.size(); ++i) same = same && ((bytes[i] ^ own[i]) & mask[i]) == 0;
    if (same) return true;
  }
  return false;
}

bool local_networks::on_machine(const socket_address& address, std::uint64_t now_ms) {
  if (address.is_loopback()) return true;
  refresh(now_ms);
  auto bytes = address_bytes(address);
  return std::any_of(networks_.begin(), networks_.end(), [&](const network& each) {
    return each.address.family() == address.family() && std::ranges::equal(address_bytes(each.address), bytes);
  });
}

namespace {

struct lookup {
  uv_getaddrinfo_t request{};
  std::weak_ptr<void> alive;
  resolved tell;
  channel_uri uri;
};

bool is_onion(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  constexpr std::string_view domain = ".onion";
  if (host.size() < domain.size()) return false;
  return std::ranges::equal(host.substr(host.size() - domain.size()), domain,
                            [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

void on_resolved(uv_getaddrinfo_t* request, int status, addrinfo* found) {
  std::unique_ptr<lookup> task{static_cast<lookup*>(request->data)};
  std::vector<socket_address> addresses;
  for (auto* each = found; status == 0 && each != nullptr && addresses.size() < limits::resolved_addresses_max;
       each = each->ai_next)
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6) {
      socket_address address{each->ai_addr};
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
    }
  uv_freeaddrinfo(found);
  if (task->alive.expired()) return;
  if (addresses.empty())
    task->tell(error{error_code::unreachable, "cannot find the address of '" + task->uri.host + "'"
                                                + (status != 0 ? ": " + std::string{uv_strerror(status)} : std::string{})
                                                + " (tried for " + to_string(task->uri)
                                                + "; check the name or use an IP address)"});
  else
    task->tell(std::move(addresses));
}

} // namespace

void resolve(uv_loop_t* loop, const channel_uri& uri, std::weak_ptr<void> alive, resolved tell) {
  if (auto literal = socket_address::from_literal(uri.host, uri.port)) return tell(std::vector{*literal});
  if (is_onion(uri.host)) // RFC 7686: such names are not asked of resolvers, who would learn them
    return tell(
      error{error_code::usage, "'" + uri.host + "' is found by Tor only: write ?via=socks5://127.0.0.1:9050 behind the place"});
  auto task = std::make_unique<lookup>();
  task->alive = std::move(alive);
  task->tell = std::move(tell);
  task->uri = uri;
  task->request.data = task.get();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  auto port = std::to_string(uri.port);
  if (auto status = uv_getaddrinfo(loop, &task->request, on_resolved, uri.host.c_str(), port.c_str(), &hints); status != 0) {
    task->tell(error{error_code::unreachable, "cannot look up '" + uri.host + "': " + uv_strerror(status)});
    return;
  }
  (void)task.release(); // on_resolved takes it back
}

void set_socket_buffers(int fd, int bytes) {
  for (auto [forced, asked] : {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}})
    if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) // needs CAP_NET_ADMIN; else up to the system's maximum
      setsockopt(fd, SOL_SOCKET, asked, &bytes, sizeof bytes);
}

} // namespace glow::transports
