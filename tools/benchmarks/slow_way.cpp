#include "tools/benchmarks/slow_way.hpp"

#include "runtime/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <queue>
#include <vector>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::benchmarks {
namespace {

constexpr std::size_t virtio_header_bytes = 10; // struct virtio_net_hdr, whose header is no C++
constexpr std::size_t queue_bytes_min = 64u << 10;
constexpr std::size_t frame_bytes_max = (64u << 10) + 64; // an interface that still joins segments hands over 64 KiB at once
constexpr int socket_buffer_bytes = 32 << 20;             // the kernel's queue must not be the bottleneck
constexpr std::size_t frames_at_once = 64;                // then the other direction, and what is due
constexpr std::size_t frames_held_max = 1u << 17;         // in both directions: 200 MB of full frames

steady_time now() { return std::chrono::steady_clock::now(); }

struct held_frame {
  steady_time due;
  std::uint64_t number; ///< of two at the same time, the earlier one goes first
  int out;
  byte_string bytes; ///< virtio_net_hdr (checksums and segments that hardware would fill in), then the frame
};
struct later {
  bool operator()(const held_frame& a, const held_frame& b) const { return a.due != b.due ? a.due > b.due : a.number > b.number; }
};

/// A packet socket on the interface; -1 with errno.
int open_interface(const std::string& name) {
  int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fd;
  int on = 1;
  int buffer = socket_buffer_bytes;
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_ALL);
  place.sll_ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
  if (place.sll_ifindex == 0 || ::setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0
      || ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0
      || ::setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0
      || ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0
      || ::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0
      || ::bind(fd, reinterpret_cast<sockaddr*>(&place), sizeof place) != 0) {
    int why = errno;
    ::close(fd);
    errno = why;
    return -1;
  }
  return fd;
}

/// Readable when somebody wants us to end.
int open_signals() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGTERM);
  ::sigaddset(&wanted, SIGINT);
  ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  return ::signalfd(-1, &wanted, SFD_CLOEXEC);
}

class carrier {
public:
  carrier(const slow_way& way, int left, int right) : fds_{left, right}, ways_{bottleneck{way}, bottleneck{other_dice(way)}} {}

  void run(int signals) {
    std::array<pollfd, 3> watched{{{fds_[0], POLLIN, 0}, {fds_[1], POLLIN, 0}, {signals, POLLIN, 0}}};
    while ((watched[2].revents & POLLIN) == 0) {
      auto wait = held_.empty() ? 1s : std::max<duration>(held_.top().due - now(), 0ns);
      auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
      timespec timeout{whole.count(), (wait - whole).count()};
      if (::ppoll(watched.data(), watched.size(), &timeout, nullptr) < 0) continue; // EINTR
      for (std::size_t from : {0u, 1u})
        if (watched[from].revents != 0) take_in(from);
      send_due();
    }
  }
  const slow_way_figures& get_figures() const { return figures_; }

private:
  static slow_way other_dice(slow_way way) {
    ++way.seed;
    return way;
  }

  void take_in(std::size_t from) {
    for (std::size_t i = 0; i < frames_at_once; ++i) {
      auto got = ::recv(fds_[from], buffer_.data(), buffer_.size(), 0);
      if (got <= static_cast<ssize_t>(virtio_header_bytes)) return;
      auto bytes = static_cast<std::size_t>(got);
      auto due = ways_[from].arrival_of(bytes - virtio_header_bytes, now());
      if (!due || held_.size() >= frames_held_max)
        ++figures_.queue_full;
      else
        held_.push({*due, number_++, fds_[1 - from], {buffer_.data(), buffer_.data() + bytes}});
    }
  }

  void send_due() {
    for (auto time = now(); !held_.empty() && held_.top().due <= time; held_.pop()) {
      auto& frame = held_.top();
      figures_.latest = std::max<duration>(figures_.latest, time - frame.due);
      if (::send(frame.out, frame.bytes.data(), frame.bytes.size(), MSG_DONTWAIT) < 0)
        ++figures_.refused;
      else
        ++figures_.carried;
    }
  }

  std::array<int, 2> fds_;
  std::array<bottleneck, 2> ways_; ///< from left, from right
  std::priority_queue<held_frame, std::vector<held_frame>, later> held_;
  std::uint64_t number_ = 0;
  byte_string buffer_ = byte_string(frame_bytes_max, 0);
  slow_way_figures figures_;
};

} // namespace

bottleneck::bottleneck(const slow_way& way) : way_{way}, dice_{way.seed}, held_back_{std::clamp(way.held_back_share, 0.0, 1.0)} {
  if (way_.queue_bytes != 0) return;
  auto round_trip_s = std::chrono::duration<double>(2 * way_.delay).count();
  way_.queue_bytes = std::max(queue_bytes_min, static_cast<std::size_t>(way_.bytes_per_s * round_trip_s));
}

std::optional<steady_time> bottleneck::arrival_of(std::size_t bytes, steady_time now) {
  auto time_of = [&](std::size_t count) {
    return std::chrono::duration_cast<duration>(std::chrono::duration<double>(static_cast<double>(count) / way_.bytes_per_s));
  };
  free_at_ = std::max(free_at_, now);
  if (free_at_ - now > time_of(way_.queue_bytes)) return std::nullopt;
  free_at_ += time_of(bytes);
  return free_at_ + way_.delay + (held_back_(dice_) ? way_.held_back_by : 0ns);
}

result<slow_way_figures> carry(const slow_way& way) {
  int left = open_interface(way.left);
  int right = left < 0 ? -1 : open_interface(way.right);
  if (right < 0)
    return {error_code::io, "cannot carry frames between " + way.left + " and " + way.right + ": " + std::strerror(errno)};
  int signals = open_signals();
  carrier between{way, left, right};
  between.run(signals);
  for (int fd : {left, right, signals}) ::close(fd);
  return between.get_figures();
}

} // namespace glow::benchmarks
