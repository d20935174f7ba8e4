/// One UDP socket of one address family on the loop: batched, segmented, bounded. Knows addresses, refuses to know channels.
#pragma once

#include "transports/limits.hpp"
#include "transports/medium.hpp"
#include "transports/socket_address.hpp"

#include <deque>

namespace glow::transports {

/// Memory that receive calls fill: one for all sockets of a medium, touched only when bytes arrive.
class udp_receive_buffers {
public:
  static constexpr std::size_t bytes_each = 65536;
  std::uint8_t* at(std::size_t index) {
    if (!memory_) memory_ = std::make_unique_for_overwrite<std::uint8_t[]>(bytes_each * limits::udp_receive_messages_max);
    return memory_.get() + index * bytes_each;
  }

private:
  std::unique_ptr<std::uint8_t[]> memory_;
};

/// What a socket tells its medium, on the loop's thread.
class udp_events {
public:
  /// Datagrams of `segment_bytes` each, one behind the other; the last may be shorter.
  virtual void on_datagrams(const socket_address& from, byte_view bytes, std::size_t segment_bytes) = 0;
  /// One readable event is over: what on_datagrams collected can go.
  virtual void on_batch_end() = 0;
  /// ICMP or the local stack says that `to` cannot be reached.
  virtual void on_unreachable(const socket_address& to, int code) = 0;
  /// A datagram was too long for the path to `to`, and this length fits. `certain`: the local stack says so, not ICMP.
  virtual void on_too_long(const socket_address& to, std::size_t fits, bool certain) = 0;
  virtual bool wants_more() const = 0;

protected:
  ~udp_events() = default;
};

/// Longest datagram that the interface towards `remote` carries; 0 when the system does not say.
std::size_t datagram_bytes_towards(const socket_address& remote);

/// Datagrams up to the first length go as the system likes it, in fragments where a path is narrower still. Longer ones leave
/// whole or not at all (IP_PMTUDISC_PROBE), so that who probes for the path's MTU learns the truth; none are longer than `max`.
struct datagram_lengths {
  std::size_t fragmentable_max = 0;
  std::size_t max = 0;
};

class udp_socket {
public:
  /// Errors: io.
  static result<std::unique_ptr<udp_socket>> open(uv_loop_t* loop, const socket_address& bind_to, udp_events& events,
                                                  udp_receive_buffers& buffers);
  ~udp_socket();
  udp_socket(const udp_socket&) = delete;
  udp_socket& operator=(const udp_socket&) = delete;

  /// Sends in order what the kernel takes, queues the rest, drops what does not fit the queue.
  /// With `run_bytes`, each of them may be a run of datagrams of that length.
  void send(const socket_address& to, const packet_batch& datagrams, std::size_t run_bytes, const datagram_lengths& lengths);
  socket_address bound() const;

private:
  /// The libuv part outlives us until it has closed.
  struct handles {
    uv_poll_t poll{};
    uv_timer_t pause{};
    udp_socket* home = nullptr;
    int fd = -1;
    int open_handles = 0;
  };
  struct waiting_batch {
    socket_address to;
    packet_batch datagrams;
    std::size_t run_bytes = 0;
    datagram_lengths lengths;
    std::size_t next = 0; ///< index of the first one not sent yet
    std::size_t bytes_left() const;
  };
  struct run; // equal datagrams to one remote: one segmented send

  udp_socket(udp_events& events, udp_receive_buffers& buffers) : events_{events}, buffers_{buffers} {}
  void set_options(int family);
  void set_fragmentable(bool on);
  void watch();
  void on_event(int status, int happened);
  void receive_some();
  void receive_errors();
  void flush();
  /// Returns how many datagrams of `batch` are dealt with; fewer than asked: the kernel is full.
  bool send_some(waiting_batch& batch);
  std::size_t collect_runs(const waiting_batch& batch, std::vector<run>& runs) const;

  handles* handles_ = nullptr;
  udp_events& events_;
  udp_receive_buffers& buffers_;
  std::deque<waiting_batch> queue_;
  std::size_t queued_bytes_ = 0;
  bool paused_ = false;
  bool refused_here_ = false; ///< the errors read last have one of this machine's own stack: a datagram was too long
  bool segments_ = true;      ///< until the kernel refuses
  int family_ = 0;
  bool fragmentable_ = true; ///< what may be cut on its way: the system's own choice
};

} // namespace glow::transports
