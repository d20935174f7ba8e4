#include "apps/client/connection.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/control/limits.hpp"

#include <poll.h>

#include <array>
#include <thread>

namespace glow::client {
namespace {

constexpr std::size_t input_slice_bytes = 64u << 10;
constexpr std::size_t waiting_bytes_max = 256u << 10; ///< input is read no faster than the agent takes it

error no_agent(const std::string& home) {
  return {error_code::no_agent, "no agent is running in " + home + ": start one with: glow up"};
}

error agent_gone() {
  return {error_code::stopped, "the agent went away before it answered: look at its log, or start it again: glow up"};
}

/// The connected socket, or errno in `failed`.
host::owned_fd try_connect(const std::string& home, int& failed) {
  auto address = host::control_address_of(home);
  if (!address) {
    failed = errno;
    return {};
  }
  host::owned_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto* to = reinterpret_cast<const sockaddr*>(&address->address);
  if (!socket.valid() || ::connect(socket.get(), to, sizeof address->address) != 0) {
    failed = errno;
    return {};
  }
  failed = 0;
  return socket;
}

} // namespace

result<connection> connection::open(const std::string& home, std::chrono::milliseconds patience) {
  auto give_up = clock::now() + patience;
  while (true) {
    int failed = 0;
    auto socket = try_connect(home, failed);
    if (failed == 0) return connection{std::move(socket)};
    if (failed != ENOENT && failed != ECONNREFUSED && failed != ENOTDIR && failed != EAGAIN)
      return error{error_code::io, "cannot speak to the agent in " + home + ": " + std::strerror(failed)};
    if (!host::home_lock::held(home)) return no_agent(home);
    if (clock::now() >= give_up)
      return error{error_code::timed_out,
                   "the agent in " + home + " runs but does not answer on its control socket: look at " + home + "/log"};
    std::this_thread::sleep_for(std::chrono::milliseconds{20}); // it starts: nothing tells when its socket is there
  }
}

pid_t connection::agent_pid() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : -1;
}

result<void> connection::send_waiting() {
  while (sent_ < waiting_.size()) {
    auto n = ::send(socket_.get(), waiting_.data() + sent_, waiting_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {};
    } else if (errno != EINTR) {
      return agent_gone();
    }
  }
  waiting_.clear();
  sent_ = 0;
  return {};
}

result<void> connection::read_input(control::command_id id, int& input_fd) {
  std::array<std::uint8_t, input_slice_bytes> slice;
  auto n = ::read(input_fd, slice.data(), slice.size());
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN) return {};
    return host::os_error("read the input");
  }
  control::request message = control::input_end{id};
  if (n > 0) message = control::input_data{id, {slice.begin(), slice.begin() + n}};
  if (n == 0) input_fd = -1;
  auto bytes = encode(message);
  if (!bytes) return bytes.why();
  append(waiting_, *bytes);
  return {};
}

result<void> connection::receive() {
  std::array<std::uint8_t, 65536> slice;
  auto n = ::recv(socket_.get(), slice.data(), slice.size(), MSG_DONTWAIT);
  if (n > 0) {
    frames_.feed({slice.data(), static_cast<std::size_t>(n)});
    return {};
  }
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {};
  return agent_gone();
}

result<bool> connection::take_answers(control::command_id id, const call_options& options, std::string& json) {
  while (true) {
    auto frame = frames_.next();
    if (!frame) return frame.why();
    if (!frame->has_value()) return false;
    auto message = control::decode_answer(**frame);
    if (!message) return message.why();
    auto of = std::visit([](const auto& m) { return m.id; }, *message);
    if (of != id && of != 0) continue; // of a command given up before; 0 is about the connection itself
    auto done = std::visit(overloaded{
                             [&](const control::progress_made& m) -> result<bool> {
                               if (options.on_progress) options.on_progress(m);
                               return false;
                             },
                             [&](const control::output_data& m) -> result<bool> {
                               if (!options.on_output) return false;
                               auto taken = options.on_output(m.bytes);
                               return taken ? result<bool>{false} : result<bool>{taken.why()};
                             },
                             [&](control::result_slice& m) -> result<bool> {
                               json += m.json;
                               if (json.size() > limits::control_result_bytes_max)
                                 return error{error_code::malformed, "the agent's answer is too long"};
                               return !m.more;
                             },
                             [&](const control::command_failed& m) -> result<bool> { return m.why; },
                           },
                           *message);
    if (!done || *done) return done;
  }
}

result<std::string> connection::call(const std::string& command, std::vector<control::argument> arguments,
                                     const call_options& options) {
  auto id = next_id_++;
  auto input_fd = options.input_fd;
  auto start = encode(control::request{control::start_command{id, command, std::move(arguments)}});
  if (!start) return start.why();
  append(waiting_, *start);
  std::string json;
  auto give_up = clock::now() + options.patience;
  while (true) {
    if (auto sent = send_waiting(); !sent) {
      // the agent may have said why before it closed
      if (auto last = receive(); last)
        if (auto done = take_answers(id, options, json); !done) return done.why();
      return sent.why();
    }
    auto wants_input = input_fd >= 0 && waiting_.size() - sent_ < waiting_bytes_max;
    std::array<pollfd, 2> wait{pollfd{socket_.get(), static_cast<short>(POLLIN | (waiting_.empty() ? 0 : POLLOUT)), 0},
                               pollfd{wants_input ? input_fd : -1, POLLIN, 0}};
    auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - clock::now()).count();
    if (left <= 0) return error{error_code::timed_out, "the agent did not answer '" + command + "' in time: look at its log"};
    auto ready = ::poll(wait.data(), wait.size(), static_cast<int>(std::min<long>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return host::os_error("wait for the agent");
    if (ready <= 0) continue;
    if (wait[1].revents != 0) {
      give_up = clock::now() + options.patience; // a slow producer is no slow agent
      if (auto got = read_input(id, input_fd); !got) return got.why();
    }
    if (wait[0].revents & (POLLIN | POLLHUP | POLLERR)) {
      auto received = receive();
      auto done = take_answers(id, options, json);
      if (!done) return done.why();
      if (*done) return json;
      if (!received) return received.why();
      give_up = clock::now() + options.patience; // it is alive
    }
  }
}

} // namespace glow::client
