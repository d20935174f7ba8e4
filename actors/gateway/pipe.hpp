/// One plain connection joined to one stream of the mesh: what comes in at one end goes out at the other, at the pace of the
/// slower one, and each direction ends by itself.
/// Refuses to know why the two belong together: gateway.cpp joins them.
#pragma once

#include "actors/contracts/endpoint.hpp"
#include "actors/gateway/plain_socket.hpp"

namespace glow {

class pipe {
public:
  /// How a pipe speaks to the endpoint, and the last it says.
  struct wires {
    std::function<void(write_stream)> write;
    std::function<void(consume_stream)> consume;
    std::function<void(close_stream)> close;
    std::function<void()> over; ///< both directions ended, or the pipe broke; destroys the pipe
  };
  pipe(stream_id stream, std::size_t writable, std::unique_ptr<plain_socket> socket, wires to);

  void on_received(stream_received& m);
  void on_writable(std::size_t bytes);
  void on_ended(const error& why);
  plain_socket::events socket_events();

private:
  void read_if_allowed();
  void finish();

  stream_id stream_;
  std::size_t writable_;
  std::unique_ptr<plain_socket> socket_;
  wires to_;
  bool input_ended_ = false;  ///< of the socket
  bool output_ended_ = false; ///< all has left through the socket
  bool stream_over_ = false;
};

} // namespace glow
