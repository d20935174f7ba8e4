#include "transports/exec.hpp"

#include "runtime/host/log.hpp"
#include "runtime/host/piped_process.hpp"
#include "transports/byte_stream.hpp"
#include "transports/command_errors.hpp"
#include "transports/limits.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::transports {
namespace {

std::uint64_t to_uv_ms(duration d) { return static_cast<std::uint64_t>(d / 1ms); }

class exec_medium;

/// The reading end of a command's stderr. Deleted by its close callback.
struct error_pipe {
  uv_pipe_t pipe{};
  exec_medium* home = nullptr;
  channel_id channel = 0;
  std::array<char, 4096> bytes;
};

/// A command that runs. Killed, with everything it started in its group, when this goes.
struct command {
  std::unique_ptr<host::process> process;
  error_pipe* errors = nullptr; ///< none once it has ended
  command_errors said;
  std::optional<int> status; ///< once it has exited
  bool output_ended = false;
};

class exec_medium final : public byte_stream_medium {
public:
  exec_medium(const loop_place& place, std::optional<channel_uri> listen)
    : byte_stream_medium{"exec", place}, listen_{std::move(listen)} {}
  ~exec_medium() override {
    while (!commands_.empty()) forget(commands_.begin()->first);
  }

  result<void> start(medium_listener& listener) override;
  void connect(const channel_uri& remote, connected tell) override;
  std::vector<channel_uri> listening() const override { return {}; }

protected:
  int init_handle(byte_stream& stream) override { return uv_pipe_init(place_.loop, &stream.handle.pipe, 0); }
  int adopt(byte_stream&, int) override { return UV_ENOTSUP; }
  void connected_to(byte_stream& stream) override { stream.traits = {"exec", limits::frame_bytes_max, true, false}; }
  void on_stream_ended(byte_stream& stream, error why) override;
  void on_stream_gone(channel_id channel) override { forget(channel); }

private:
  result<void> run(byte_stream& stream);
  void read_errors(channel_id channel, int fd);
  void on_errors(channel_id channel, ssize_t count, const char* bytes);
  void on_exit(channel_id channel, int status);
  /// Tells how the command ended when everything it said is in, or after `patience` at the latest.
  void conclude(channel_id channel, duration patience);
  void break_with_reason(channel_id channel);
  void forget(channel_id channel);

  std::optional<channel_uri> listen_;
  std::unordered_map<channel_id, command> commands_;
};

result<void> exec_medium::start(medium_listener& listener) {
  events_ = &listener;
  if (!listen_) return {};
  return error{error_code::usage,
               "cannot listen on " + to_string(*listen_) + ": a command can only be dialled; its other end is glow stdio"};
}

void exec_medium::connect(const channel_uri& remote, connected tell) {
  if (!remote.host.empty() || remote.path.empty())
    return tell(error{error_code::usage,
                      "cannot connect to " + to_string(remote) + ": it needs a command, such as exec:ssh%20nas%20glow%20stdio"});
  open_at_once(
    remote, [this](byte_stream& stream) { return run(stream); },
    [this, tell = std::move(tell)](channel_id channel, result<void> outcome) {
      if (!outcome) return tell(outcome.why());
      tell(describe(channel));
    });
}

result<void> exec_medium::run(byte_stream& stream) {
  auto where = "cannot run " + to_string(stream.remote);
  int sockets[2];
  int errors[2];
  // one socket for both directions: what the command closes last is the end of the channel
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return uv_failure(error_code::io, where, -errno);
  if (::pipe2(errors, O_CLOEXEC) != 0) {
    auto why = uv_failure(error_code::io, where, -errno);
    ::close(sockets[0]);
    ::close(sockets[1]);
    return why;
  }
  auto id = stream.id;
  auto started = host::start_piped_process(place_.loop, {"/bin/sh", "-c", stream.remote.path},
                                           {sockets[1], sockets[1], errors[1]}, [this, id](int status) { on_exit(id, status); });
  ::close(sockets[1]);
  ::close(errors[1]);
  if (!started) {
    ::close(sockets[0]);
    ::close(errors[0]);
    return error{started.why().code, where + ": " + started.why().message};
  }
  commands_[id].process = std::move(*started);
  read_errors(id, errors[0]);
  if (auto status = uv_pipe_open(&stream.handle.pipe, sockets[0]); status != 0) {
    ::close(sockets[0]);
    return uv_failure(error_code::io, where, status);
  }
  return {};
}

void exec_medium::read_errors(channel_id channel, int fd) {
  auto pipe = std::make_unique<error_pipe>();
  if (uv_pipe_init(place_.loop, &pipe->pipe, 0) != 0) {
    ::close(fd);
    return;
  }
  pipe->home = this;
  pipe->channel = channel;
  pipe->pipe.data = pipe.get();
  auto* held = commands_.at(channel).errors = pipe.release();
  if (uv_pipe_open(&held->pipe, fd) != 0) {
    ::close(fd);
    return;
  }
  uv_read_start(
    reinterpret_cast<uv_stream_t*>(&held->pipe),
    [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
      auto& bytes = static_cast<error_pipe*>(handle->data)->bytes;
      *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
    },
    [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
      auto* from = static_cast<error_pipe*>(stream->data);
      if (from->home != nullptr) from->home->on_errors(from->channel, count, buffer->base);
    });
}

void close_pipe(error_pipe* pipe) {
  if (pipe == nullptr) return;
  pipe->home = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&pipe->pipe),
           [](uv_handle_t* handle) { delete static_cast<error_pipe*>(handle->data); });
}

void exec_medium::on_errors(channel_id channel, ssize_t count, const char* bytes) {
  auto& from = commands_.at(channel);
  if (count < 0) {
    close_pipe(std::exchange(from.errors, nullptr));
    if (from.status) conclude(channel, limits::command_end_patience);
    return;
  }
  std::vector<std::string> lines;
  from.said.feed({bytes, static_cast<std::size_t>(count)}, std::chrono::steady_clock::now(), lines);
  for (auto& each : lines) host::log(host::level::info, "exec", each);
}

void exec_medium::on_exit(channel_id channel, int status) {
  auto found = commands_.find(channel);
  if (found == commands_.end()) return;
  found->second.status = status;
  conclude(channel, limits::command_end_patience);
}

void exec_medium::on_stream_ended(byte_stream& stream, error why) {
  auto found = commands_.find(stream.id);
  if (found == commands_.end() || stream.at != byte_stream::phase::open) return break_stream(stream, std::move(why));
  uv_read_stop(&stream.handle.stream);
  found->second.output_ended = true;
  conclude(stream.id, limits::command_end_patience);
}

void exec_medium::conclude(channel_id channel, duration patience) {
  auto* stream = find(channel);
  if (stream == nullptr || stream->at != byte_stream::phase::open) return; // it is being closed: nobody asks why
  auto& ended = commands_.at(channel);
  if (ended.status && ended.output_ended && ended.errors == nullptr) return break_with_reason(channel);
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&stream->timer))) return;
  uv_timer_start(
    &stream->timer,
    [](uv_timer_t* timer) {
      auto* waiting = static_cast<byte_stream*>(timer->data);
      if (waiting->home != nullptr) static_cast<exec_medium*>(waiting->home)->break_with_reason(waiting->id);
    },
    to_uv_ms(patience), 0);
}

void exec_medium::break_with_reason(channel_id channel) {
  auto* stream = find(channel);
  if (stream == nullptr) return;
  auto& ended = commands_.at(channel);
  auto why = to_string(stream->remote) + ": the command ";
  why += ended.status ? "exited with status " + std::to_string(*ended.status) : "closed its output";
  if (!ended.said.last().empty()) why += ": " + ended.said.last();
  break_stream(*stream, {error_code::unreachable, why});
}

void exec_medium::forget(channel_id channel) {
  auto found = commands_.find(channel);
  if (found == commands_.end()) return;
  close_pipe(std::exchange(found->second.errors, nullptr));
  commands_.erase(found);
}

} // namespace

std::unique_ptr<medium> make_exec(const loop_place& place, std::optional<channel_uri> listen) {
  return std::make_unique<exec_medium>(place, std::move(listen));
}

} // namespace glow::transports
