#include "actors/control/socket.hpp"

#include "runtime/host/log.hpp"

#include <sys/stat.h>

namespace glow {

// Handles of libuv outlive the objects that use them until their close callback: hence plain `new` and `delete` here.
struct control_socket::connection {
  uv_pipe_t pipe{};
  control_socket* owner = nullptr; ///< null once closed
  control_client_id id = 0;
  std::array<char, 64u << 10> buffer{};
};

struct control_socket::listener {
  uv_pipe_t pipe{};
};

namespace {

struct pending_write {
  uv_write_t request{};
  byte_string bytes;
};

/// libuv truncates long paths and cannot set the mode before others may connect: hence the socket calls themselves.
result<host::owned_fd> bound_socket(const std::string& home) {
  auto address = host::control_address_of(home);
  if (!address) return address.why();
  host::owned_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.valid()) return host::os_error("create the control socket");
  // before bind: the file appears with this mode
  if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return host::os_error("protect the control socket");
  ::unlinkat(address->directory.get(), host::control_socket_name, 0);
  auto* at = reinterpret_cast<const sockaddr*>(&address->address);
  if (::bind(fd.get(), at, sizeof address->address) != 0) return host::os_error("bind " + home + "/" + host::control_socket_name);
  return fd;
}

bool is_same_user(uv_pipe_t& pipe) {
  uv_os_fd_t fd = -1;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&pipe), &fd) != 0) return false;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

template <class Handle>
void close_and_delete(Handle* held) {
  held->pipe.data = held;
  uv_close(reinterpret_cast<uv_handle_t*>(&held->pipe), [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

} // namespace

result<std::unique_ptr<control_socket>> control_socket::listen(uv_loop_t* loop, const std::string& home, events heard) {
  auto fd = bound_socket(home);
  if (!fd) return fd.why();
  std::unique_ptr<control_socket> out{new control_socket{std::move(heard)}};
  out->listener_ = new listener;
  uv_pipe_init(loop, &out->listener_->pipe, 0);
  out->listener_->pipe.data = out.get();
  auto failed = uv_pipe_open(&out->listener_->pipe, fd->get());
  if (failed == 0) {
    fd->release();
    failed = uv_listen(reinterpret_cast<uv_stream_t*>(&out->listener_->pipe), 64, [](uv_stream_t* stream, int status) {
      if (status == 0) static_cast<control_socket*>(stream->data)->accept_one();
    });
  }
  if (failed != 0) return {error_code::io, "listen on the control socket in " + home + ": " + uv_strerror(failed)};
  return out;
}

control_socket::~control_socket() {
  for (auto& [id, each] : connections_) {
    each->owner = nullptr;
    close_and_delete(each);
  }
  if (listener_) close_and_delete(listener_);
}

void control_socket::accept_one() {
  auto* accepted = new connection;
  uv_pipe_init(listener_->pipe.loop, &accepted->pipe, 0);
  accepted->pipe.data = accepted;
  auto taken = uv_accept(reinterpret_cast<uv_stream_t*>(&listener_->pipe), reinterpret_cast<uv_stream_t*>(&accepted->pipe)) == 0;
  if (!taken || !is_same_user(accepted->pipe)) {
    if (taken) host::log(host::level::warning, "control", "refused a program of another user");
    return close_and_delete(accepted);
  }
  accepted->owner = this;
  accepted->id = ++last_;
  connections_[accepted->id] = accepted;
  heard_.opened(accepted->id);
  pause(accepted->id, false);
}

control_socket::connection* control_socket::find(control_client_id client) const {
  auto found = connections_.find(client);
  return found == connections_.end() ? nullptr : found->second;
}

void control_socket::send(control_client_id client, byte_string bytes) {
  auto* to = find(client);
  if (!to || bytes.empty()) return;
  auto* write = new pending_write{{}, std::move(bytes)};
  write->request.data = write;
  auto buffer = uv_buf_init(reinterpret_cast<char*>(write->bytes.data()), static_cast<unsigned>(write->bytes.size()));
  auto failed =
    uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&to->pipe), &buffer, 1, [](uv_write_t* done, int status) {
      auto* from = static_cast<connection*>(done->handle->data);
      delete static_cast<pending_write*>(done->data);
      if (!from->owner || status == UV_ECANCELED) return;
      if (status != 0)
        from->owner->drop(from->id);
      else if (uv_stream_get_write_queue_size(reinterpret_cast<uv_stream_t*>(&from->pipe)) == 0)
        from->owner->heard_.drained(from->id);
    });
  if (failed == 0) return;
  delete write;
  drop(client);
}

std::size_t control_socket::queued_bytes(control_client_id client) const {
  auto* of = find(client);
  return of ? uv_stream_get_write_queue_size(reinterpret_cast<uv_stream_t*>(&of->pipe)) : 0;
}

void control_socket::pause(control_client_id client, bool paused) {
  auto* of = find(client);
  if (!of) return;
  auto* stream = reinterpret_cast<uv_stream_t*>(&of->pipe);
  if (paused) {
    uv_read_stop(stream);
    return;
  }
  uv_read_start(
    stream,
    [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
      auto& buffer = static_cast<connection*>(handle->data)->buffer;
      *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
    },
    [](uv_stream_t* handle, ssize_t size, const uv_buf_t* in) {
      auto* from = static_cast<connection*>(handle->data);
      if (!from->owner || size == 0) return;
      if (size < 0) return from->owner->drop(from->id);
      from->owner->heard_.received(from->id, to_bytes(std::string_view{in->base, static_cast<std::size_t>(size)}));
    });
}

void control_socket::close(control_client_id client) {
  auto* of = find(client);
  if (!of) return;
  connections_.erase(client);
  of->owner = nullptr;
  close_and_delete(of);
}

void control_socket::drop(control_client_id client) {
  if (!find(client)) return;
  close(client);
  heard_.closed(client);
}

} // namespace glow
