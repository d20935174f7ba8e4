/// A plain TCP or unix connection of this machine on the agent's loop, and where such connections are accepted: bytes in, bytes
/// out, half close, and how much waits. Refuses to know streams and services.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/uri.hpp"

#include <uv.h>

#include <functional>
#include <memory>

namespace glow {

/// One connection. All calls and callbacks on the loop's thread; a callback may destroy the object.
class plain_socket {
public:
  struct events {
    std::function<void()> connected;           ///< a dialled one, once
    std::function<void(byte_string)> received; ///< only while reading
    std::function<void()> ended;               ///< the other end wrote its last
    std::function<void(std::size_t)> written;  ///< so many bytes have left
    std::function<void()> finished;            ///< after end(): all has left
    std::function<void(error)> broken;         ///< the last word
  };

  /// Dials tcp://host:port (every address that the name has, one after the other) or unix:/path.
  static std::unique_ptr<plain_socket> dial(uv_loop_t* loop, const channel_uri& target, events heard);
  /// Closes at once: what waits to be written is lost, and the other end sees a reset.
  ~plain_socket();
  plain_socket(const plain_socket&) = delete;
  plain_socket& operator=(const plain_socket&) = delete;

  void set_events(events heard);
  /// Reads while true; at first it does not.
  void read(bool on);
  void write(std::vector<byte_string> bytes);
  /// Nothing more is written.
  void end();
  /// The other end sees an orderly end; from now on nothing is told.
  void close();

private:
  friend class plain_listener;
  struct body;
  explicit plain_socket(body* held) : body_{held} {}
  body* body_;
};

/// Where plain connections are accepted.
class plain_listener {
public:
  using acceptor = std::function<void(std::unique_ptr<plain_socket>)>;
  /// Errors: `io` (the address is taken, or is none of this machine), `usage`.
  static result<std::unique_ptr<plain_listener>> open(uv_loop_t* loop, const channel_uri& at, acceptor accepted);
  ~plain_listener();
  /// With the port that was taken.
  const channel_uri& listening() const { return listening_; }

private:
  struct body;
  plain_listener(body* held, channel_uri at) : body_{held}, listening_{std::move(at)} {}
  body* body_;
  channel_uri listening_;
};

} // namespace glow
