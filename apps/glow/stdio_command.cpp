// stdio: stdin and stdout as one more channel of the running agent. What another agent dials as exec:ssh%20HOST%20glow%20stdio.
#include "apps/glow/command_line.hpp"
#include "runtime/host/home_files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace glow::cli {
namespace {

constexpr auto patience = std::chrono::seconds{2}; ///< with an agent that has been started just now

result<host::owned_fd> connect_to_agent(const std::string& home) {
  auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto address = host::control_address_of(home, host::link_socket_name);
    host::owned_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket.valid()) return host::os_error("open a socket");
    if (address && ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address->address), sizeof address->address) == 0)
      return socket;
    auto failed = errno;
    if (!host::home_lock::held(home))
      return error{error_code::no_agent, "no agent is running in " + home + ": start one with: glow up"};
    if (std::chrono::steady_clock::now() >= give_up)
      return error{error_code::failed, "the agent in " + home + " does not take channels on stdio (" + std::strerror(failed)
                                         + "): if it was started with --media, add --media stdio"};
    std::this_thread::sleep_for(std::chrono::milliseconds{20}); // it starts: nothing tells when its socket is there
  }
}

/// Until `from` ends or `to` takes no more.
void copy(int from, int to) {
  std::array<char, 64 << 10> bytes;
  while (true) {
    auto count = ::read(from, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    for (ssize_t done = 0; done < count;) {
      auto written = ::write(to, bytes.data() + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno != EINTR) return;
      if (written > 0) done += written;
    }
  }
}

result<int> join_stdio(const context& with) {
  if (::isatty(STDIN_FILENO) != 0)
    return error{error_code::usage, "stdin is a terminal: this command is for another agent, which dials it as "
                                    "exec:ssh%20HOST%20glow%20stdio"};
  auto socket = connect_to_agent(with.home);
  if (!socket) return socket.why();
  // the end of stdin is passed on; the agent answers it by closing, and its close ends us, whatever stdin does
  std::thread{[to = socket->get()] {
    copy(STDIN_FILENO, to);
    ::shutdown(to, SHUT_WR);
  }}.detach();
  copy(socket->get(), STDOUT_FILENO);
  std::_Exit(0); // the other thread may be in the middle of a read that never ends
}

} // namespace

void add_stdio_command(CLI::App& app, context& with) {
  auto* command =
    add_command(app, "stdio", "Make stdin and stdout a channel to this device's agent",
                "For another agent, which runs it over ssh or any other way into this machine: the two then have a\n"
                "link without any open port. Ends when either side does.",
                "  glow link add exec:ssh%20nas%20glow%20stdio     (on the other device)");
  command->callback([&with] { with.action = [&with] { return join_stdio(with); }; });
}

} // namespace glow::cli
