#include "transports/byte_stream.hpp"

#include "transports/limits.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::transports {
namespace {

std::uint64_t to_uv_ms(duration d) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

/// Deletes the stream when its last handle has closed.
void on_stream_handle_closed(uv_handle_t* handle) {
  auto* stream = static_cast<byte_stream*>(handle->data);
  if (--stream->open_handles == 0) delete stream;
}

void close_handle(uv_handle_t* handle) {
  if (!uv_is_closing(handle)) uv_close(handle, on_stream_handle_closed);
}

bool is_out_of_descriptors(int code) { return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM; }

} // namespace

/// One gathered write: headers and datagrams stay put until the kernel has taken them.
struct byte_stream_medium::write_task {
  uv_write_t request{};
  std::vector<std::array<std::uint8_t, link::frame_header_bytes>> headers;
  packet_batch datagrams;
};

/// What is written before there are datagrams.
struct byte_stream_medium::plain_write {
  uv_write_t request{};
  byte_string bytes;
};

byte_stream_medium::~byte_stream_medium() {
  events_ = nullptr;
  auto streams = std::move(streams_);
  for (auto& [id, stream] : streams) let_go(*stream);
  if (listener_ != nullptr) {
    listener_->home = nullptr;
    auto closed = [](uv_handle_t* handle) {
      auto* accepting = static_cast<accept_handle*>(handle->data);
      if (--accepting->open_handles > 0) return;
      ::close(accepting->fd);
      delete accepting;
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&listener_->poll), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&listener_->pause), closed);
  }
  if (read_pause_ != nullptr)
    uv_close(reinterpret_cast<uv_handle_t*>(read_pause_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

byte_stream* byte_stream_medium::make_stream() {
  auto stream = std::make_unique<byte_stream>();
  stream->home = this;
  if (init_handle(*stream) != 0) return nullptr;
  uv_timer_init(place_.loop, &stream->timer);
  stream->handle.stream.data = stream->timer.data = stream->connecting.data = stream->shutting.data = stream.get();
  stream->open_handles = 2;
  stream->id = ++last_id_;
  streams_.emplace(stream->id, stream.get());
  return stream.release();
}

byte_stream* byte_stream_medium::find(channel_id channel) {
  auto found = streams_.find(channel);
  return found == streams_.end() ? nullptr : found->second;
}

void byte_stream_medium::let_go(byte_stream& stream) {
  streams_.erase(stream.id);
  paused_.erase(stream.id);
  stream.home = nullptr;
  close_handle(reinterpret_cast<uv_handle_t*>(&stream.timer));
  close_handle(reinterpret_cast<uv_handle_t*>(&stream.handle.stream));
  on_stream_gone(stream.id);
}

void byte_stream_medium::break_stream(byte_stream& stream, error why) {
  auto id = stream.id;
  bool was_open = stream.at == byte_stream::phase::open;
  let_go(stream);
  if (was_open) events_->channel_broke(id, std::move(why));
}

// ---- accepting -----------------------------------------------------------------------------------------------------

result<void> byte_stream_medium::accept_on(int fd) {
  auto accepting = std::make_unique<accept_handle>();
  if (auto status = uv_poll_init(place_.loop, &accepting->poll, fd); status != 0) {
    ::close(fd);
    return uv_failure(error_code::io, "cannot watch the listening socket of " + scheme_, status);
  }
  uv_timer_init(place_.loop, &accepting->pause);
  accepting->poll.data = accepting->pause.data = accepting.get();
  accepting->home = this;
  accepting->fd = fd;
  accepting->open_handles = 2;
  listener_ = accepting.release();
  uv_poll_start(&listener_->poll, UV_READABLE, [](uv_poll_t* poll, int, int) {
    auto* home = static_cast<accept_handle*>(poll->data)->home;
    if (home != nullptr) home->accept_some();
  });
  return {};
}

void byte_stream_medium::accept_some() {
  for (std::size_t count = 0; count < limits::accepts_per_turn; ++count) {
    int fd = ::accept4(listener_->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && is_out_of_descriptors(errno)) {
      // the backlog stays readable: without a pause we would spin until somebody closes something
      uv_poll_stop(&listener_->poll);
      uv_timer_start(
        &listener_->pause,
        [](uv_timer_t* timer) {
          auto* accepting = static_cast<accept_handle*>(timer->data);
          if (accepting->home == nullptr) return;
          uv_poll_start(&accepting->poll, UV_READABLE, [](uv_poll_t* poll, int, int) {
            auto* home = static_cast<accept_handle*>(poll->data)->home;
            if (home != nullptr) home->accept_some();
          });
        },
        to_uv_ms(limits::accept_pause), 0);
      return;
    }
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0) return; // nobody more waits
    auto* stream = make_stream();
    if (stream == nullptr || adopt(*stream, fd) != 0) {
      ::close(fd);
      if (stream != nullptr) let_go(*stream);
      continue;
    }
    stream->at = byte_stream::phase::open;
    auto id = stream->id;
    events_->channel_accepted({id, stream->remote, stream->traits});
    if (auto* still = find(id)) start_reading(*still);
  }
}

// ---- dialling ------------------------------------------------------------------------------------------------------

void byte_stream_medium::dial(const channel_uri& remote, duration timeout, const std::function<int(byte_stream&)>& begin,
                              std::function<void(channel_id, result<void>)> tell) {
  auto* stream = make_stream();
  if (stream == nullptr) return tell(0, error{error_code::exhausted, "no socket for " + to_string(remote)});
  stream->remote = remote;
  stream->tell = [id = stream->id, tell = std::move(tell)](result<void> outcome) { tell(id, std::move(outcome)); };
  if (auto status = begin(*stream); status != 0) return finish_dial(*stream, dial_failure(*stream, status));
  uv_timer_start(
    &stream->timer,
    [](uv_timer_t* timer) {
      auto* late = static_cast<byte_stream*>(timer->data);
      if (late->home != nullptr) late->home->finish_dial(*late, dial_failure(*late, UV_ETIMEDOUT));
    },
    to_uv_ms(timeout), 0);
}

void byte_stream_medium::open_at_once(const channel_uri& remote, const std::function<result<void>(byte_stream&)>& begin,
                                      std::function<void(channel_id, result<void>)> tell) {
  auto* stream = make_stream();
  if (stream == nullptr) return tell(0, error{error_code::exhausted, "no socket for " + to_string(remote)});
  stream->remote = remote;
  stream->tell = [id = stream->id, tell = std::move(tell)](result<void> outcome) { tell(id, std::move(outcome)); };
  finish_dial(*stream, begin(*stream));
}

void byte_stream_medium::on_connected(uv_connect_t* request, int status) {
  auto* stream = static_cast<byte_stream*>(request->data);
  if (stream->home == nullptr) return; // timed out or dropped meanwhile; its handles are closing
  if (status != 0) return stream->home->finish_dial(*stream, dial_failure(*stream, status));
  if (stream->proxy) return stream->home->ask_proxy(*stream);
  stream->home->finish_dial(*stream, {});
}

error byte_stream_medium::dial_failure(const byte_stream& stream, int status) {
  auto remote = to_string(stream.remote);
  bool late = status == UV_ETIMEDOUT;
  if (!stream.proxy) {
    if (late) return {error_code::timed_out, "no answer from " + remote};
    return uv_failure(error_code::unreachable, "cannot connect to " + remote, status);
  }
  auto proxy = to_string(stream.proxy->proxy());
  auto code = late ? error_code::timed_out : error_code::unreachable;
  if (stream.at == byte_stream::phase::dialling)
    return uv_failure(code, "proxy unreachable: cannot connect to " + proxy + ", by which " + remote + " is dialled", status);
  if (late) return {code, "proxy refused: " + proxy + " did not say in time whether it reaches " + remote};
  if (status == UV_EOF) return {code, "proxy refused: " + proxy + " closed the connection without an answer for " + remote};
  return uv_failure(code, "proxy unreachable: the connection to " + proxy + " broke before " + remote + " was reached", status);
}

void byte_stream_medium::ask_proxy(byte_stream& stream) {
  stream.at = byte_stream::phase::asking_proxy;
  if (auto status = write_plain(stream, stream.proxy->begin()); status != 0)
    return finish_dial(stream, dial_failure(stream, status));
  start_reading(stream);
}

void byte_stream_medium::on_proxy_bytes(byte_stream& stream, byte_view bytes) {
  auto step = stream.proxy->feed(bytes);
  if (!step) return finish_dial(stream, step.why());
  if (!step->to_send.empty())
    if (auto status = write_plain(stream, std::move(step->to_send)); status != 0)
      return finish_dial(stream, dial_failure(stream, status));
  if (!step->open) return;
  auto id = stream.id;
  finish_dial(stream, {});
  // the peer may have spoken already
  if (auto* still = find(id); still != nullptr && step->taken < bytes.size())
    on_datagram_bytes(*still, bytes.subspan(step->taken));
}

int byte_stream_medium::write_plain(byte_stream& stream, byte_string bytes) {
  auto task = std::make_unique<plain_write>();
  task->bytes = std::move(bytes);
  task->request.data = task.get();
  auto buffer = uv_buf_init(reinterpret_cast<char*>(task->bytes.data()), static_cast<unsigned>(task->bytes.size()));
  auto status = uv_write(&task->request, &stream.handle.stream, &buffer, 1,
                         [](uv_write_t* request, int) { delete static_cast<plain_write*>(request->data); });
  if (status == 0) (void)task.release(); // its callback deletes it; if it fails, so does the next read
  return status;
}

void byte_stream_medium::finish_dial(byte_stream& stream, result<void> outcome) {
  auto tell = std::move(stream.tell);
  if (!outcome) {
    let_go(stream);
    return tell(std::move(outcome));
  }
  uv_timer_stop(&stream.timer);
  stream.at = byte_stream::phase::open;
  connected_to(stream);
  auto id = stream.id;
  tell({});
  if (auto* still = find(id)) start_reading(*still);
}

channel_opened byte_stream_medium::describe(channel_id channel) const {
  auto& stream = *streams_.at(channel);
  return {channel, stream.remote, stream.traits};
}

// ---- reading -------------------------------------------------------------------------------------------------------

void byte_stream_medium::start_reading(byte_stream& stream) {
  uv_read_start(
    &stream.handle.stream,
    [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
      auto* home = static_cast<byte_stream*>(handle->data)->home;
      if (home == nullptr || !home->events_->wants_more()) {
        *buffer = uv_buf_init(nullptr, 0); // comes back as UV_ENOBUFS
        return;
      }
      if (!home->read_buffer_) home->read_buffer_ = std::make_unique_for_overwrite<char[]>(limits::stream_read_bytes);
      *buffer = uv_buf_init(home->read_buffer_.get(), static_cast<unsigned>(limits::stream_read_bytes));
    },
    [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
      auto* read_from = static_cast<byte_stream*>(handle->data);
      if (read_from->home != nullptr) read_from->home->on_bytes(*read_from, count, *buffer);
    });
}

void byte_stream_medium::on_bytes(byte_stream& stream, ssize_t count, const uv_buf_t& buffer) {
  if (count == 0) return; // would block
  if (count == UV_ENOBUFS) return pause_reading(stream);
  if (count < 0) return on_read_failed(stream, static_cast<int>(count));
  if (stream.at == byte_stream::phase::closing) return; // nobody listens any more; only the end of the stream matters
  byte_view bytes{reinterpret_cast<const std::uint8_t*>(buffer.base), static_cast<std::size_t>(count)};
  if (stream.at == byte_stream::phase::asking_proxy) return on_proxy_bytes(stream, bytes);
  on_datagram_bytes(stream, bytes);
}

void byte_stream_medium::on_read_failed(byte_stream& stream, int status) {
  if (stream.at == byte_stream::phase::asking_proxy) return finish_dial(stream, dial_failure(stream, status));
  if (status == UV_EOF)
    return on_stream_ended(stream, {error_code::unreachable, to_string(stream.remote) + " closed the connection"});
  on_stream_ended(stream, uv_failure(error_code::unreachable, "connection to " + to_string(stream.remote) + " broke", status));
}

void byte_stream_medium::on_datagram_bytes(byte_stream& stream, byte_view bytes) {
  std::vector<byte_string> datagrams;
  auto cut = stream.cutter.feed(bytes, datagrams);
  auto id = stream.id;
  if (!datagrams.empty()) events_->datagrams_arrived(id, std::move(datagrams));
  if (cut) return;
  if (auto* still = find(id)) break_stream(*still, cut.why());
}

void byte_stream_medium::pause_reading(byte_stream& stream) {
  uv_read_stop(&stream.handle.stream);
  paused_.insert(stream.id);
  if (read_pause_ == nullptr) {
    read_pause_ = new uv_timer_t; // deleted by its close callback: libuv owns handles until then
    uv_timer_init(place_.loop, read_pause_);
    read_pause_->data = this;
  }
  if (!uv_is_active(reinterpret_cast<uv_handle_t*>(read_pause_)))
    uv_timer_start(
      read_pause_, [](uv_timer_t* timer) { static_cast<byte_stream_medium*>(timer->data)->resume_reading(); },
      to_uv_ms(limits::read_pause), to_uv_ms(limits::read_pause));
}

void byte_stream_medium::resume_reading() {
  if (!events_->wants_more()) return;
  uv_timer_stop(read_pause_);
  auto paused = std::move(paused_);
  paused_.clear();
  for (auto id : paused)
    if (auto* stream = find(id)) start_reading(*stream);
}

// ---- writing, closing ----------------------------------------------------------------------------------------------

void byte_stream_medium::send(channel_id channel, const packet_batch& datagrams) {
  auto* stream = find(channel);
  if (stream == nullptr || stream->at != byte_stream::phase::open) return;
  auto queued = uv_stream_get_write_queue_size(&stream->handle.stream);
  auto task = std::make_unique<write_task>();
  task->datagrams = datagrams;
  task->headers.reserve(datagrams.size()); // buffers point into it
  std::vector<uv_buf_t> buffers;
  buffers.reserve(2 * datagrams.size());
  for (auto& each : datagrams.packets()) {
    if (each.empty() || each.size() > stream->traits.datagram_bytes_max) continue;
    if (queued + each.size() > limits::channel_queue_bytes_max) break; // the streams above notice and slow down
    queued += each.size() + link::frame_header_bytes;
    task->headers.push_back(link::frame_header(each.size()));
    buffers.push_back(uv_buf_init(reinterpret_cast<char*>(task->headers.back().data()), link::frame_header_bytes));
    // libuv only reads what it writes, but its buffers are not const
    auto* bytes = reinterpret_cast<char*>(const_cast<std::uint8_t*>(each.data()));
    buffers.push_back(uv_buf_init(bytes, static_cast<unsigned>(each.size())));
  }
  if (buffers.empty()) return;
  task->request.data = task.get();
  auto status = uv_write(&task->request, &stream->handle.stream, buffers.data(), static_cast<unsigned>(buffers.size()),
                         [](uv_write_t* request, int) { delete static_cast<write_task*>(request->data); });
  if (status == 0) {
    (void)task.release(); // its callback deletes it
    return;
  }
  break_stream(*stream, uv_failure(error_code::unreachable, "cannot write to " + to_string(stream->remote), status));
}

void byte_stream_medium::close(channel_id channel) {
  auto* stream = find(channel);
  if (stream == nullptr || stream->at != byte_stream::phase::open) return;
  stream->at = byte_stream::phase::closing;
  // the write side ends after what is queued; closing at once would answer unread bytes with a reset that may
  // overtake our last datagrams, so we read on until the other end closes, too
  if (uv_shutdown(&stream->shutting, &stream->handle.stream, [](uv_shutdown_t*, int) {}) != 0) return let_go(*stream);
  if (paused_.erase(channel) > 0) start_reading(*stream);
  uv_timer_start(
    &stream->timer,
    [](uv_timer_t* timer) {
      auto* slow = static_cast<byte_stream*>(timer->data);
      if (slow->home != nullptr) slow->home->let_go(*slow);
    },
    to_uv_ms(limits::channel_flush_timeout), 0);
}

void byte_stream_medium::drop(channel_id channel) {
  if (auto* stream = find(channel)) let_go(*stream);
}

} // namespace glow::transports
