#include "actors/gateway/plain_socket.hpp"

#include <array>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

namespace glow {
namespace {

constexpr std::size_t read_bytes = 64u << 10;
constexpr int backlog = 128;
constexpr std::size_t unix_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

union any_stream {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

error io(const std::string& what, int status) { return {error_code::io, what + ": " + uv_strerror(status)}; }

struct write_task {
  uv_write_t request{};
  std::vector<byte_string> bytes;
  std::size_t size = 0;
};

/// The file of a socket that nobody listens on any more may be replaced; anything else is left alone.
void remove_stale(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return;
  const bool stale = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (stale) ::unlink(path.c_str());
}

} // namespace

/// Lives until libuv is done with it: the socket object may be gone before.
struct plain_socket::body {
  any_stream at{};
  uv_connect_t connecting{};
  uv_shutdown_t shutting{};
  uv_getaddrinfo_t resolving{};
  addrinfo* addresses = nullptr;
  addrinfo* next_address = nullptr;
  std::string name;
  events heard;
  uv_loop_t* loop = nullptr;
  bool owned = true;   ///< a plain_socket speaks for it
  bool opened = false; ///< the handle is initialised
  bool up = false;     ///< connected
  bool resolving_now = false;
  bool wants_read = false;
  bool wants_end = false;
  std::vector<byte_string> early; ///< written before the connection was there

  ~body() {
    if (addresses) uv_freeaddrinfo(addresses);
  }
  static body* of(uv_handle_t* handle) { return static_cast<body*>(handle->data); }
  void adopt() { at.handle.data = this, opened = true; }
  void let_go(bool reset) {
    owned = false;
    heard = {};
    if (resolving_now) return; // its callback deletes us
    if (!opened) return void(delete this);
    if (uv_is_closing(&at.handle)) return;
    auto closed = [](uv_handle_t* handle) { delete of(handle); };
    if (reset && up && at.handle.type == UV_TCP && uv_tcp_close_reset(&at.tcp, closed) == 0) return;
    uv_close(&at.handle, closed);
  }
  void fail(error why) {
    if (auto tell = std::move(heard.broken); owned && tell) {
      heard = {};
      tell(std::move(why));
    }
  }
  void resume_reading() {
    if (!up || uv_is_closing(&at.handle)) return;
    if (!wants_read) return void(uv_read_stop(&at.stream));
    uv_read_start(
      &at.stream,
      [](uv_handle_t*, std::size_t, uv_buf_t* into) {
        // libuv fills it and hands it back in the same call: one serves all connections of a loop
        thread_local std::array<char, read_bytes> buffer;
        *into = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* from) {
        auto* self = of(reinterpret_cast<uv_handle_t*>(stream));
        if (count == 0) return;
        if (count > 0) {
          auto tell = self->heard.received;
          if (tell) tell(to_bytes(byte_view{reinterpret_cast<const std::uint8_t*>(from->base), static_cast<std::size_t>(count)}));
        } else if (count == UV_EOF) {
          uv_read_stop(stream);
          self->wants_read = false;
          if (auto tell = self->heard.ended) tell();
        } else {
          self->fail(io("the connection to " + self->name + " broke", static_cast<int>(count)));
        }
      });
  }
  void write_now(std::vector<byte_string> bytes) {
    auto* task = new write_task;
    task->bytes = std::move(bytes);
    task->request.data = task;
    std::vector<uv_buf_t> buffers;
    buffers.reserve(task->bytes.size());
    for (auto& each : task->bytes) {
      task->size += each.size();
      buffers.push_back(uv_buf_init(reinterpret_cast<char*>(each.data()), static_cast<unsigned>(each.size())));
    }
    auto done = [](uv_write_t* request, int status) {
      std::unique_ptr<write_task> held{static_cast<write_task*>(request->data)};
      auto* self = of(reinterpret_cast<uv_handle_t*>(request->handle));
      if (status != 0) return self->fail(io("writing to " + self->name + " failed", status));
      if (auto tell = self->heard.written) tell(held->size);
    };
    if (auto status = uv_write(&task->request, &at.stream, buffers.data(), static_cast<unsigned>(buffers.size()), done);
        status != 0) {
      delete task;
      fail(io("writing to " + name + " failed", status));
    }
  }
  void end_now() {
    uv_shutdown(&shutting, &at.stream, [](uv_shutdown_t* request, int status) {
      auto* self = of(reinterpret_cast<uv_handle_t*>(request->handle));
      if (status != 0) return self->fail(io("ending " + self->name + " failed", status));
      if (auto tell = self->heard.finished) tell();
    });
  }
  void on_connected(int status) {
    if (!owned) return;
    if (status != 0) return try_next(status);
    up = true;
    if (at.handle.type == UV_TCP) uv_tcp_nodelay(&at.tcp, 1);
    if (auto tell = heard.connected) tell();
    if (!owned) return;
    if (!early.empty()) write_now(std::exchange(early, {}));
    if (wants_end) end_now();
    resume_reading();
  }
  /// The next address of the name, on a fresh handle.
  void try_next(int status) {
    if (!next_address) return fail(io("cannot connect to " + name, status));
    if (!opened) return dial_address();
    uv_close(&at.handle, [](uv_handle_t* handle) {
      auto* self = of(handle);
      self->opened = false;
      if (self->owned)
        self->dial_address();
      else
        delete self;
    });
  }
  void dial_address() {
    auto* address = std::exchange(next_address, next_address->ai_next);
    uv_tcp_init(loop, &at.tcp);
    adopt();
    connecting.data = this;
    if (auto status = uv_tcp_connect(&connecting, &at.tcp, address->ai_addr, connected_callback); status != 0) try_next(status);
  }
  static void connected_callback(uv_connect_t* request, int status) {
    auto* self = static_cast<body*>(request->data);
    if (status != UV_ECANCELED) self->on_connected(status);
  }
};

std::unique_ptr<plain_socket> plain_socket::dial(uv_loop_t* loop, const channel_uri& target, events heard) {
  auto* held = new body;
  held->loop = loop;
  held->name = to_string(target);
  held->heard = std::move(heard);
  std::unique_ptr<plain_socket> out{new plain_socket{held}};
  if (target.scheme == "unix") {
    uv_pipe_init(loop, &held->at.pipe, 0);
    held->adopt();
    held->connecting.data = held;
    uv_pipe_connect(&held->connecting, &held->at.pipe, target.path.c_str(), body::connected_callback);
    return out;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  held->resolving.data = held;
  held->resolving_now = true;
  const auto port = std::to_string(target.port);
  auto resolved = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    auto* self = static_cast<body*>(request->data);
    self->resolving_now = false;
    self->addresses = self->next_address = found;
    if (!self->owned) return void(delete self);
    if (status != 0) return self->fail(io("cannot resolve " + self->name, status));
    self->dial_address();
  };
  if (auto status = uv_getaddrinfo(loop, &held->resolving, resolved, target.host.c_str(), port.c_str(), &hints); status != 0)
    held->resolving_now = false; // out of memory: nobody connects, and the stream's patience ends it
  return out;
}

plain_socket::~plain_socket() { body_->let_go(true); }

void plain_socket::set_events(events heard) { body_->heard = std::move(heard); }

void plain_socket::read(bool on) {
  if (body_->wants_read == on) return;
  body_->wants_read = on;
  body_->resume_reading();
}

void plain_socket::write(std::vector<byte_string> bytes) {
  if (body_->up) return body_->write_now(std::move(bytes));
  for (auto& each : bytes) body_->early.push_back(std::move(each));
}

void plain_socket::end() {
  if (std::exchange(body_->wants_end, true)) return;
  if (body_->up) body_->end_now();
}

void plain_socket::close() {
  auto* held = body_;
  body_ = new body; // a dead one, so that later calls are harmless
  held->let_go(false);
}

// ---- listening ------------------------------------------------------------------------------------------------------

struct plain_listener::body {
  any_stream at{};
  acceptor accepted;
  std::string name;
};

result<std::unique_ptr<plain_listener>> plain_listener::open(uv_loop_t* loop, const channel_uri& at, acceptor accepted) {
  const auto where = "cannot listen on " + to_string(at);
  auto* held = new body;
  held->accepted = std::move(accepted);
  held->name = to_string(at);
  auto taken = at;
  int status = 0;
  if (at.scheme == "unix") {
    uv_pipe_init(loop, &held->at.pipe, 0);
    if (at.path.size() > unix_path_bytes_max) {
      status = UV_ENAMETOOLONG;
    } else {
      remove_stale(at.path);
      status = uv_pipe_bind(&held->at.pipe, at.path.c_str());
    }
  } else {
    uv_tcp_init(loop, &held->at.tcp);
    sockaddr_storage address{};
    const auto host = at.host == "localhost" ? std::string{"127.0.0.1"} : at.host;
    status = uv_ip4_addr(host.c_str(), at.port, reinterpret_cast<sockaddr_in*>(&address));
    if (status != 0) status = uv_ip6_addr(host.c_str(), at.port, reinterpret_cast<sockaddr_in6*>(&address));
    if (status == 0) status = uv_tcp_bind(&held->at.tcp, reinterpret_cast<const sockaddr*>(&address), 0);
  }
  held->at.handle.data = held;
  std::unique_ptr<plain_listener> out{new plain_listener{held, taken}};
  if (status == 0)
    status = uv_listen(&held->at.stream, backlog, [](uv_stream_t* server, int failed) {
      auto* self = static_cast<body*>(server->data);
      if (failed != 0) return;
      auto* made = new plain_socket::body;
      made->loop = server->loop;
      made->name = self->name;
      if (server->type == UV_TCP)
        uv_tcp_init(server->loop, &made->at.tcp);
      else
        uv_pipe_init(server->loop, &made->at.pipe, 0);
      made->adopt();
      std::unique_ptr<plain_socket> socket{new plain_socket{made}};
      if (uv_accept(server, &made->at.stream) != 0) return;
      made->up = true;
      if (server->type == UV_TCP) uv_tcp_nodelay(&made->at.tcp, 1);
      auto tell = self->accepted;
      if (tell) tell(std::move(socket));
    });
  if (status != 0) return error{error_code::io, where + ": " + uv_strerror(status)};
  if (at.scheme != "unix") {
    sockaddr_storage address{};
    int size = sizeof address;
    uv_tcp_getsockname(&held->at.tcp, reinterpret_cast<sockaddr*>(&address), &size);
    out->listening_.port = ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                                               : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  }
  return out;
}

plain_listener::~plain_listener() {
  body_->accepted = nullptr;
  uv_close(&body_->at.handle, [](uv_handle_t* handle) { delete static_cast<body*>(handle->data); });
}

} // namespace glow
