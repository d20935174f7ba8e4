/// What tcp, unix and exec share: framed datagrams on libuv streams, accepting, dialling, flushing, pausing.
/// Refuses to know addresses: tcp.cpp, unix.cpp and exec.cpp make the sockets and say where each came from.
///   dialling ─► (asking a proxy ─►) open ─► closing (flushes, then waits for the other end's close, for a bounded time) ─► gone
#pragma once

#include "runtime/link/framing.hpp"
#include "runtime/link/proxy_handshake.hpp"
#include "transports/medium.hpp"

#include <unordered_map>
#include <unordered_set>

namespace glow::transports {

class byte_stream_medium;

/// One stream socket. Owned by its libuv handles: deleted when the last one has closed.
struct byte_stream {
  enum class phase { dialling, asking_proxy, open, closing };

  union {
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle{};
  uv_timer_t timer{}; ///< dialling: its time-out; closing: the end of patience
  uv_connect_t connecting{};
  uv_shutdown_t shutting{};
  byte_stream_medium* home = nullptr; ///< null once nobody wants to hear of it
  channel_id id = 0;
  phase at = phase::dialling;
  link::frame_cutter cutter;
  channel_uri remote;
  channel_traits traits;
  std::function<void(result<void>)> tell;       ///< until open
  std::shared_ptr<link::proxy_handshake> proxy; ///< asked first, when the connection stands
  int open_handles = 0;
};

class byte_stream_medium : public medium {
public:
  byte_stream_medium(std::string scheme, const loop_place& place) : scheme_{std::move(scheme)}, place_{place} {}
  ~byte_stream_medium() override;

  void send(channel_id channel, const packet_batch& datagrams) override;
  void close(channel_id channel) override;
  void drop(channel_id channel) override;

protected:
  /// Initialises the handle only: uv_tcp_init or uv_pipe_init.
  virtual int init_handle(byte_stream& stream) = 0;
  /// Makes the handle of an accepted descriptor, and sets options, `remote` and `traits`.
  virtual int adopt(byte_stream& stream, int fd) = 0;
  /// Options, `remote` and `traits` of a stream that was dialled with success.
  virtual void connected_to(byte_stream& stream) = 0;

  /// From now on accepts on `fd` (bound, listening, non-blocking; closed by us). Errors: io.
  result<void> accept_on(int fd);
  int listening_fd() const { return listener_ ? listener_->fd : -1; }

  /// Starts a dial: `begin` calls uv_tcp_connect or uv_pipe_connect with on_connected. `tell` is called once, later or
  /// at once, with success or unreachable / timed_out; the stream then is open, or gone. If `begin` sets the stream's
  /// `proxy`, what it connects to is that proxy, which is asked for the way to `remote` within the same time; further
  /// errors then are the handshake's.
  void dial(const channel_uri& remote, duration timeout, const std::function<int(byte_stream&)>& begin,
            std::function<void(channel_id, result<void>)> tell);
  static void on_connected(uv_connect_t* request, int status);
  /// As dial, for a stream that is open as soon as `begin` has made its handle.
  void open_at_once(const channel_uri& remote, const std::function<result<void>(byte_stream&)>& begin,
                    std::function<void(channel_id, result<void>)> tell);
  /// Describes a dialled stream. Requires: it is open.
  channel_opened describe(channel_id channel) const;

  /// The other end sent its last byte, or the stream failed: the default breaks the channel with that reason.
  virtual void on_stream_ended(byte_stream& stream, error why) { break_stream(stream, std::move(why)); }
  /// The channel is no more, whoever ended it. Not called when the whole medium goes.
  virtual void on_stream_gone(channel_id) {}
  void break_stream(byte_stream& stream, error why);
  byte_stream* find(channel_id channel);

  medium_listener* events_ = nullptr; ///< set by start
  std::string scheme_;
  loop_place place_;

private:
  friend struct byte_stream;
  struct accept_handle {
    uv_poll_t poll{};
    uv_timer_t pause{};
    byte_stream_medium* home = nullptr;
    int fd = -1;
    int open_handles = 0;
  };
  struct write_task;
  struct plain_write;

  byte_stream* make_stream();
  void accept_some();
  void start_reading(byte_stream& stream);
  void on_bytes(byte_stream& stream, ssize_t count, const uv_buf_t& buffer);
  void pause_reading(byte_stream& stream);
  void resume_reading();
  void ask_proxy(byte_stream& stream);
  void on_proxy_bytes(byte_stream& stream, byte_view bytes);
  void on_datagram_bytes(byte_stream& stream, byte_view bytes);
  void on_read_failed(byte_stream& stream, int status);
  /// Why a dial that was not answered has failed.
  static error dial_failure(const byte_stream& stream, int status);
  /// Queues bytes that are no datagrams. A libuv status.
  static int write_plain(byte_stream& stream, byte_string bytes);
  void finish_dial(byte_stream& stream, result<void> outcome);
  /// Closes the handles; the stream forgets us and deletes itself later.
  void let_go(byte_stream& stream);

  accept_handle* listener_ = nullptr;
  uv_timer_t* read_pause_ = nullptr;
  channel_id last_id_ = 0;
  std::unordered_map<channel_id, byte_stream*> streams_;
  std::unordered_set<channel_id> paused_;
  std::unique_ptr<char[]> read_buffer_; ///< one for all streams: libuv fills it and hands it back in the same call
};

} // namespace glow::transports
