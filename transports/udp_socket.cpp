#include "transports/udp_socket.hpp"

#include "transports/limits.hpp"
#include "transports/medium.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace glow::transports {

struct udp_socket::run {
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint16_t segment_bytes = 0; ///< 0: a single datagram
  std::size_t datagram_bytes = 0;  ///< of the longest
  bool fragmentable = true;
};

namespace {

constexpr std::size_t segmented_bytes_max = 65000; // UDP's own bound is 65507 with IPv4, 65527 with IPv6

/// Control message room for one segment size, aligned as the kernel wants it.
struct alignas(cmsghdr) control_room {
  char bytes[CMSG_SPACE(sizeof(int))];
};

std::uint16_t read_segment_bytes(msghdr& message) {
  for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each))
    if (each->cmsg_level == SOL_UDP && each->cmsg_type == UDP_GRO) {
      int size = 0;
      std::memcpy(&size, CMSG_DATA(each), sizeof size);
      return static_cast<std::uint16_t>(size);
    }
  return 0;
}

std::size_t udp_header_bytes(int family) { return family == AF_INET6 ? 40 + 8 : 20 + 8; }

std::size_t datagram_bytes_of(std::uint64_t mtu, int family) {
  const auto headers = udp_header_bytes(family);
  return mtu > headers ? std::min<std::size_t>(mtu, limits::frame_bytes_max) - headers : 0;
}

bool means_unreachable(int code) {
  return code == ECONNREFUSED || code == EHOSTUNREACH || code == ENETUNREACH || code == EACCES || code == ENETDOWN
         || code == EHOSTDOWN || code == EADDRNOTAVAIL;
}

} // namespace

std::size_t datagram_bytes_towards(const socket_address& remote) {
  const bool v6 = remote.family() == AF_INET6;
  const int fd = ::socket(remote.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return 0;
  int probe = v6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE;
  ::setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &probe, sizeof probe);
  int mtu = 0;
  socklen_t size = sizeof mtu;
  const bool known = ::connect(fd, remote.get(), remote.size()) == 0 // sends nothing
                     && ::getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &size) == 0 && mtu > 0;
  ::close(fd);
  return known ? datagram_bytes_of(static_cast<std::uint64_t>(mtu), remote.family()) : 0;
}

result<std::unique_ptr<udp_socket>> udp_socket::open(uv_loop_t* loop, const socket_address& bind_to, udp_events& events,
                                                     udp_receive_buffers& buffers) {
  auto where = (bind_to.port() != 0 ? "cannot listen on " : "cannot open ") + to_string(bind_to.to_uri("udp"));
  int fd = ::socket(bind_to.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return uv_failure(error_code::io, where, -errno);
  int on = 1;
  // one socket per family, so that every remote address has one form
  if (bind_to.family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, bind_to.get(), bind_to.size()) != 0) {
    auto why = uv_failure(error_code::io, where, -errno);
    ::close(fd);
    return why;
  }
  std::unique_ptr<udp_socket> made{new udp_socket{events, buffers}};
  auto parts = std::make_unique<handles>();
  if (auto status = uv_poll_init(loop, &parts->poll, fd); status != 0) {
    ::close(fd);
    return uv_failure(error_code::io, where, status);
  }
  uv_timer_init(loop, &parts->pause);
  parts->poll.data = parts->pause.data = parts.get();
  parts->home = made.get();
  parts->fd = fd;
  parts->open_handles = 2;
  made->handles_ = parts.release();
  made->set_options(bind_to.family());
  made->watch();
  return made;
}

udp_socket::~udp_socket() {
  if (handles_ == nullptr) return;
  handles_->home = nullptr;
  auto closed = [](uv_handle_t* handle) {
    auto* parts = static_cast<handles*>(handle->data);
    if (--parts->open_handles > 0) return;
    ::close(parts->fd);
    delete parts;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->poll), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->pause), closed);
}

void udp_socket::set_fragmentable(bool on) {
  if (std::exchange(fragmentable_, on) == on) return;
  const bool v6 = family_ == AF_INET6;
  int how = v6 ? (on ? IPV6_PMTUDISC_WANT : IPV6_PMTUDISC_PROBE) : (on ? IP_PMTUDISC_WANT : IP_PMTUDISC_PROBE);
  ::setsockopt(handles_->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &how, sizeof how);
}

void udp_socket::set_options(int family) {
  family_ = family;
  int on = 1;
  ::setsockopt(handles_->fd, SOL_UDP, UDP_GRO, &on, sizeof on); // an older kernel refuses, and hands out single datagrams
  if (family == AF_INET6)
    ::setsockopt(handles_->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
  else
    ::setsockopt(handles_->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  set_socket_buffers(handles_->fd, limits::udp_socket_buffer_bytes);
}

socket_address udp_socket::bound() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(handles_->fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return socket_address{reinterpret_cast<const sockaddr*>(&address)};
}

void udp_socket::watch() {
  int wanted = (paused_ ? 0 : UV_READABLE) | (queue_.empty() ? 0 : UV_WRITABLE);
  if (wanted == 0) {
    uv_poll_stop(&handles_->poll);
    return;
  }
  uv_poll_start(&handles_->poll, wanted, [](uv_poll_t* poll, int status, int happened) {
    auto* home = static_cast<handles*>(poll->data)->home;
    if (home != nullptr) home->on_event(status, happened);
  });
}

void udp_socket::on_event(int status, int happened) {
  if (status != 0) { // libuv stops a poll on POLLERR: an ICMP error waits
    receive_errors();
    watch();
    return;
  }
  if ((happened & UV_WRITABLE) != 0) flush();
  if ((happened & UV_READABLE) != 0) receive_some();
}

// ---- receiving -----------------------------------------------------------------------------------------------------

void udp_socket::receive_some() {
  std::array<mmsghdr, limits::udp_receive_messages_max> messages;
  std::array<iovec, limits::udp_receive_messages_max> pieces;
  std::array<sockaddr_storage, limits::udp_receive_messages_max> senders;
  std::array<control_room, limits::udp_receive_messages_max> controls;
  for (std::size_t round = 0; round < limits::udp_receive_rounds_max; ++round) {
    if (!events_.wants_more()) {
      paused_ = true;
      uv_timer_start(
        &handles_->pause,
        [](uv_timer_t* timer) {
          auto* home = static_cast<handles*>(timer->data)->home;
          if (home == nullptr || !home->events_.wants_more()) return;
          uv_timer_stop(timer);
          home->paused_ = false;
          home->watch();
        },
        static_cast<std::uint64_t>(limits::read_pause / 1ms), static_cast<std::uint64_t>(limits::read_pause / 1ms));
      watch();
      break;
    }
    for (std::size_t i = 0; i < messages.size(); ++i) {
      pieces[i] = {buffers_.at(i), udp_receive_buffers::bytes_each};
      messages[i] = {};
      messages[i].msg_hdr.msg_name = &senders[i];
      messages[i].msg_hdr.msg_namelen = sizeof senders[i];
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = controls[i].bytes;
      messages[i].msg_hdr.msg_controllen = sizeof controls[i].bytes;
    }
    int count = ::recvmmsg(handles_->fd, messages.data(), messages.size(), MSG_DONTWAIT, nullptr);
    if (count < 0 && (means_unreachable(errno) || errno == EMSGSIZE)) {
      receive_errors();
      continue;
    }
    if (count <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      socket_address from{reinterpret_cast<const sockaddr*>(&senders[i])};
      byte_view bytes{buffers_.at(i), messages[i].msg_len};
      std::size_t segment = read_segment_bytes(messages[i].msg_hdr);
      if (!bytes.empty()) events_.on_datagrams(from, bytes, segment != 0 ? segment : bytes.size());
    }
    if (static_cast<std::size_t>(count) < messages.size()) break;
  }
  events_.on_batch_end();
}

void udp_socket::receive_errors() {
  for (std::size_t i = 0; i < limits::udp_errors_per_turn; ++i) {
    sockaddr_storage to{};
    alignas(cmsghdr) char control[512];
    std::uint8_t start_of_datagram[64];
    iovec piece{start_of_datagram, sizeof start_of_datagram};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(handles_->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
      bool is_error = (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR)
                      || (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR);
      if (!is_error) continue;
      sock_extended_err what{};
      std::memcpy(&what, CMSG_DATA(each), sizeof what);
      auto code = static_cast<int>(what.ee_errno);
      const socket_address remote{reinterpret_cast<const sockaddr*>(&to)};
      const bool here = what.ee_origin == SO_EE_ORIGIN_LOCAL;
      refused_here_ = refused_here_ || (code == EMSGSIZE && here); // whose it was only who sent knows: there is no port
      if (code == EMSGSIZE && !here)
        events_.on_too_long(remote, datagram_bytes_of(what.ee_info, family_), false);
      else if (means_unreachable(code))
        events_.on_unreachable(remote, code);
    }
  }
  int pending = 0; // reading it clears it, else the next call on the socket would fail with it
  socklen_t size = sizeof pending;
  ::getsockopt(handles_->fd, SOL_SOCKET, SO_ERROR, &pending, &size);
}

// ---- sending -------------------------------------------------------------------------------------------------------

std::size_t udp_socket::waiting_batch::bytes_left() const {
  std::size_t sum = 0;
  for (auto i = next; i < datagrams.size(); ++i) sum += datagrams.packets()[i].size();
  return sum;
}

void udp_socket::send(const socket_address& to, const packet_batch& datagrams, std::size_t run_bytes,
                      const datagram_lengths& lengths) {
  waiting_batch batch{to, datagrams, run_bytes, lengths};
  auto too_long = [&](auto& each) { return each.size() > std::min(segmented_bytes_max, run_bytes * limits::udp_segments_max); };
  if (run_bytes != 0 && (!segments_ || std::any_of(datagrams.packets().begin(), datagrams.packets().end(), too_long)))
    batch.datagrams = cut(datagrams, std::exchange(batch.run_bytes, std::size_t{0}));
  if (queue_.empty() && send_some(batch)) return;
  const auto bytes = batch.bytes_left();
  if (queued_bytes_ + bytes > limits::channel_queue_bytes_max) return; // dropped: the streams above notice
  queued_bytes_ += bytes;
  queue_.push_back(std::move(batch));
  if (queue_.size() == 1) watch();
}

void udp_socket::flush() {
  while (!queue_.empty()) {
    auto& batch = queue_.front();
    const auto before = batch.bytes_left();
    bool done = send_some(batch);
    queued_bytes_ -= before - batch.bytes_left();
    if (!done) return;
    queue_.pop_front();
  }
  watch();
}

std::size_t udp_socket::collect_runs(const waiting_batch& batch, std::vector<run>& runs) const {
  auto& packets = batch.datagrams.packets();
  auto at = batch.next;
  while (at < packets.size() && runs.size() < limits::udp_send_messages_max) {
    const auto size = packets[at].size();
    const auto segment = batch.run_bytes != 0 ? std::min(size, batch.run_bytes) : size;
    if (size == 0 || segment > batch.lengths.max) {
      if (!runs.empty()) break; // skipped when it comes first, so that a run's place in the batch stays known
      ++at;
      continue;
    }
    const bool fragmentable = segment <= batch.lengths.fragmentable_max;
    if (!runs.empty() && runs.front().fragmentable != fragmentable) break; // another call, with the socket set otherwise
    run next{at, 1, 0, segment, fragmentable};
    auto bytes = size;
    while (segments_ && at + next.count < packets.size() && bytes % segment == 0) { // only the last segment may be shorter
      const auto more = packets[at + next.count].size();
      const bool fits = more <= segment || segment == batch.run_bytes;
      if (more == 0 || !fits || bytes + more > std::min(segmented_bytes_max, segment * limits::udp_segments_max)) break;
      bytes += more;
      ++next.count;
    }
    if (bytes > segment) next.segment_bytes = static_cast<std::uint16_t>(segment);
    at += next.count;
    runs.push_back(next);
  }
  return at;
}

bool udp_socket::send_some(waiting_batch& batch) {
  std::size_t retries = 0;
  while (batch.next < batch.datagrams.size()) {
    auto& packets = batch.datagrams.packets();
    std::vector<run> runs;
    auto end = collect_runs(batch, runs);
    if (runs.empty()) {
      batch.next = end;
      continue;
    }
    std::vector<iovec> pieces;
    pieces.reserve(end - batch.next);
    std::vector<mmsghdr> messages(runs.size());
    std::vector<control_room> controls(runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto& header = messages[i].msg_hdr;
      header.msg_name = const_cast<sockaddr*>(batch.to.get()); // the kernel only reads it
      header.msg_namelen = batch.to.size();
      header.msg_iov = pieces.data() + pieces.size();
      header.msg_iovlen = runs[i].count;
      for (std::size_t k = 0; k < runs[i].count; ++k) {
        auto& bytes = packets[runs[i].first + k];
        pieces.push_back({const_cast<std::uint8_t*>(bytes.data()), bytes.size()});
      }
      if (runs[i].segment_bytes == 0) continue;
      header.msg_control = controls[i].bytes;
      header.msg_controllen = CMSG_SPACE(sizeof(std::uint16_t));
      auto* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      std::memcpy(CMSG_DATA(control), &runs[i].segment_bytes, sizeof(std::uint16_t));
    }
    set_fragmentable(runs.front().fragmentable);
    int sent = ::sendmmsg(handles_->fd, messages.data(), static_cast<unsigned>(messages.size()), MSG_DONTWAIT);
    if (sent > 0) {
      auto& last = runs[static_cast<std::size_t>(sent) - 1];
      batch.next = last.first + last.count;
      continue;
    }
    int code = errno;
    if (code == ENOBUFS && !runs.front().fragmentable) { // the first hop dropped it: for its length, perhaps, and would again
      batch.next = runs.front().first + runs.front().count;
      continue;
    }
    if (code == EAGAIN || code == EWOULDBLOCK || code == ENOBUFS) return false;
    if (code == EINTR) continue;
    if (code == EMSGSIZE || (code == EINVAL && !runs.front().fragmentable)) {
      refused_here_ = false;
      receive_errors(); // perhaps somebody on the way said so, of what had left before
      const auto fits = datagram_bytes_towards(batch.to);
      if (!runs.front().fragmentable && fits != 0 && runs.front().datagram_bytes > fits) {
        events_.on_too_long(batch.to, fits, refused_here_); // of a segmented send the kernel does not say who refused it
        batch.next = runs.front().first + runs.front().count;
        continue;
      }
      if (code == EMSGSIZE && retries++ < limits::udp_send_retries) continue;
    }
    if (runs.front().segment_bytes != 0 && (code == EIO || code == EINVAL || code == EOPNOTSUPP)) {
      segments_ = false; // this device or kernel cannot cut: the same datagrams go one by one
      batch.datagrams = cut(packet_batch{{packets.begin() + static_cast<std::ptrdiff_t>(batch.next), packets.end()}},
                            std::exchange(batch.run_bytes, std::size_t{0}));
      batch.next = 0;
      continue;
    }
    // a refusal may be an earlier datagram's, maybe another remote's: the error queue knows whose, and reading it clears it
    receive_errors();
    if (means_unreachable(code) && retries++ < limits::udp_send_retries) continue;
    if (means_unreachable(code) && code != ECONNREFUSED) events_.on_unreachable(batch.to, code);
    batch.next = runs.front().first + runs.front().count;
  }
  return true;
}

} // namespace glow::transports
