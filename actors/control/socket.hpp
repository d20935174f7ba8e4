/// The unix socket HOME/control.sock on the agent's event loop: accepts programs of the same user (or root), reads,
/// writes, and tells how much waits to be written. Mode 0600.
/// Refuses to know what the bytes mean, and to bound what it is given to write: the control actor asks `queued_bytes`.
#pragma once

#include "actors/contracts/control.hpp"
#include "runtime/host/home_files.hpp"

#include <map>

#include <uv.h>

namespace glow {

class control_socket {
public:
  /// What happens on the socket; called on the loop's thread.
  struct events {
    std::function<void(control_client_id)> opened;
    std::function<void(control_client_id, byte_string)> received;
    std::function<void(control_client_id)> closed;  ///< by the program, or broken; never after close()
    std::function<void(control_client_id)> drained; ///< nothing waits any more
  };

  /// Binds and listens; a socket that a dead agent left is replaced.
  /// Requires: the loop's thread; the caller holds the home's lock.
  /// Errors: `io`.
  static result<std::unique_ptr<control_socket>> listen(uv_loop_t* loop, const std::string& home, events heard);
  /// Closes everything. Requires: the loop's thread.
  ~control_socket();

  void send(control_client_id client, byte_string bytes);
  std::size_t queued_bytes(control_client_id client) const;
  /// Stops or resumes reading from a program.
  void pause(control_client_id client, bool paused);
  void close(control_client_id client);

private:
  struct connection;
  struct listener;
  explicit control_socket(events heard) : heard_{std::move(heard)} {}
  void accept_one();
  void drop(control_client_id client);
  connection* find(control_client_id client) const;

  events heard_;
  listener* listener_ = nullptr;
  std::map<control_client_id, connection*> connections_;
  control_client_id last_ = 0;
};

} // namespace glow
