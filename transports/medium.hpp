/// What one medium (udp, tcp, unix, loopback …) has to do so that transport.hpp can make a transport actor of it.
/// A medium moves raw datagrams on numbered channels by callbacks on one libuv loop. It refuses to know actors, owners of
/// channels, links or keys: the transport actor does what all media share (claims, the bound on strangers, their life).
#pragma once

#include "actors/contracts/transport.hpp"

#include <uv.h>

#include <functional>
#include <memory>

namespace glow::transports {

/// What a medium tells its transport; every call comes on the loop's thread. After `channel_broke`, and after `close`
/// or `drop`, the medium never mentions that channel again.
class medium_listener {
public:
  /// A stranger's channel was accepted. The listener may `drop` channels (this one, too) before it returns.
  virtual void channel_accepted(channel_opened opened) = 0;
  virtual void datagrams_arrived(channel_id channel, std::vector<byte_string> datagrams) = 0;
  /// Each may be a run of datagrams of `run_bytes`, the last of these possibly shorter. For claimed channels alone.
  virtual void runs_arrived(channel_id channel, std::vector<byte_string> runs, std::size_t run_bytes) = 0;
  virtual void channel_broke(channel_id channel, error why) = 0;
  /// A datagram was too long for the path: channel_narrowed in contracts/transport.hpp.
  virtual void channel_narrows(const channel_narrowed& what) = 0;
  /// The medium as a whole is unusable: its actor fails and is restarted.
  virtual void medium_broke(error why) = 0;
  /// Whether a link speaks on that channel; strangers' are not to be trusted with much.
  virtual bool is_claimed(channel_id channel) const = 0;
  /// False while too many bytes wait behind the listener: the medium stops reading and asks again a little later.
  virtual bool wants_more() const = 0;

protected:
  ~medium_listener() = default;
};

class medium {
public:
  /// Told once for each connect, maybe before connect returns.
  using connected = std::function<void(result<channel_opened>)>;

  /// Closes every channel and socket at once; callbacks in flight find nobody and are ignored.
  virtual ~medium() = default;

  /// Opens the listening side, if it was given one. Called once, first, on the loop's thread.
  /// Errors: usage (the URI fits not this medium), io (the system refused; the message has its words).
  virtual result<void> start(medium_listener& listener) = 0;
  /// Errors: unreachable, timed_out, usage, exhausted.
  virtual void connect(const channel_uri& remote, connected tell) = 0;
  /// Datagrams that are too long, do not fit the queue, or belong to no channel are dropped.
  virtual void send(channel_id channel, const packet_batch& datagrams) = 0;
  /// The same of runs; here they are cut and go one by one.
  virtual void send_runs(channel_id channel, const packet_batch& runs, std::size_t run_bytes);
  /// Flushes (for a bounded time), then closes.
  virtual void close(channel_id channel) = 0;
  /// Closes without a flush: strangers that go to make room.
  virtual void drop(channel_id channel) = 0;
  /// Where others can dial it, ports resolved.
  virtual std::vector<channel_uri> listening() const = 0;
};

/// The loop that a medium lives on. `post` may be called from any thread.
struct loop_place {
  uv_loop_t* loop = nullptr;
  std::function<void(std::function<void()>)> post;
};

/// Every datagram of the runs by itself.
packet_batch cut(const packet_batch& runs, std::size_t run_bytes);

/// A libuv status as an error that names what was tried.
error uv_failure(error_code code, const std::string& what, int status);

} // namespace glow::transports
