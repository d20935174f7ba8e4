#include "actors/gateway/pipe.hpp"

namespace glow {

pipe::pipe(stream_id stream, std::size_t writable, std::unique_ptr<plain_socket> socket, wires to)
  : stream_{stream}, writable_{writable}, socket_{std::move(socket)}, to_{std::move(to)} {
  socket_->set_events(socket_events());
  read_if_allowed();
}

plain_socket::events pipe::socket_events() {
  return {
    {},
    [this](byte_string bytes) {
      writable_ -= std::min(writable_, bytes.size());
      to_.write({stream_, packet_batch::of(std::move(bytes)), false});
      read_if_allowed();
    },
    [this] {
      input_ended_ = true;
      to_.write({stream_, {}, true});
    },
    [this](std::size_t bytes) {
      to_.consume({stream_, bytes});
    },
    [this] {
      output_ended_ = true;
      finish();
    },
    [this](error why) {
      if (!stream_over_) to_.close({stream_, std::move(why)});
      to_.over();
    },
  };
}

void pipe::read_if_allowed() { socket_->read(writable_ > 0 && !input_ended_ && !stream_over_); }

void pipe::on_received(stream_received& m) {
  if (!m.bytes.empty()) socket_->write(m.bytes.take());
  if (m.end) socket_->end();
}

void pipe::on_writable(std::size_t bytes) {
  writable_ += bytes;
  read_if_allowed();
}

/// The stream is over. In good order: the socket still has to write what it holds. Else the other end sees a reset.
void pipe::on_ended(const error& why) {
  stream_over_ = true;
  if (why.code != error_code::none) return to_.over();
  finish();
}

void pipe::finish() {
  if (!stream_over_ || !output_ended_) return;
  socket_->close();
  to_.over();
}

} // namespace glow
