#include "apps/glowd/service_notifier.hpp"

#include "runtime/host/home_files.hpp"

#include <cstddef>
#include <cstdlib>

namespace glow::daemon {

void notify_service(std::string_view state) {
  auto* path = std::getenv("NOTIFY_SOCKET");
  if (!path || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string_view name = path;
  if (name.size() >= sizeof address.sun_path) return;
  name.copy(address.sun_path, name.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0'; // an abstract socket
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  host::owned_fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket.valid()) return;
  // a manager that does not listen is no reason to fail: it will see the process live or die
  [[maybe_unused]] auto sent =
    ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
}

} // namespace glow::daemon
