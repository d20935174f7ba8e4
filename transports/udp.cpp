#include "transports/udp.hpp"

#include "runtime/link/datagram.hpp"
#include "transports/carrier_watch.hpp"
#include "transports/limits.hpp"
#include "transports/udp_socket.hpp"

#include <unordered_map>

namespace glow::transports {
namespace {

class udp_medium final : public medium, udp_events {
public:
  udp_medium(const loop_place& place, std::optional<channel_uri> listen, stranger_rules rules)
    : place_{place}, listen_{std::move(listen)}, gate_{rules} {}

  result<void> start(medium_listener& listener) override;
  void connect(const channel_uri& remote, connected tell) override;
  void send(channel_id channel, const packet_batch& datagrams) override { send_runs(channel, datagrams, 0); }
  void send_runs(channel_id channel, const packet_batch& runs, std::size_t run_bytes) override;
  /// What was sent is with the kernel or in the socket's queue already: nothing to flush.
  void close(channel_id channel) override { drop(channel); }
  void drop(channel_id channel) override;
  std::vector<channel_uri> listening() const override;

private:
  struct remote_end {
    socket_address remote;
    channel_traits traits;
  };

  void on_datagrams(const socket_address& from, byte_view bytes, std::size_t segment_bytes) override;
  void on_batch_end() override;
  void on_unreachable(const socket_address& to, int code) override;
  void on_too_long(const socket_address& to, std::size_t fits, bool certain) override;
  void on_carrier_lost(const dead_networks& now);
  bool wants_more() const override { return events_->wants_more(); }

  result<void> open(const socket_address& bind_to);
  std::unique_ptr<udp_socket>& socket_for(const socket_address& remote) { return remote.family() == AF_INET6 ? v6_ : v4_; }
  void connect_to(const channel_uri& uri, const std::vector<socket_address>& addresses, const connected& tell);
  channel_id add(const socket_address& remote);
  channel_opened describe(channel_id id) const;

  loop_place place_;
  std::optional<channel_uri> listen_;
  stranger_gate gate_;
  medium_listener* events_ = nullptr;
  local_networks networks_;
  udp_receive_buffers buffers_;
  std::unique_ptr<udp_socket> v4_;
  std::unique_ptr<udp_socket> v6_;
  channel_id last_id_ = 0;
  std::unordered_map<channel_id, remote_end> channels_;
  std::unordered_map<socket_address, channel_id, socket_address_hash> by_remote_;
  /// What one channel got in the readable event at hand: runs of one length of datagram, and datagrams that are no longer.
  struct arrivals {
    std::vector<byte_string> runs;
    std::size_t run_bytes = 0; ///< while there is no run: of the longest datagram
    bool has_run = false;
    bool takes(byte_view bytes, std::size_t segment_bytes) const {
      if (bytes.size() <= segment_bytes) return !has_run || bytes.size() <= run_bytes;
      return has_run ? run_bytes == segment_bytes : run_bytes <= segment_bytes;
    }
    void add(byte_view bytes, std::size_t segment_bytes) {
      has_run = has_run || bytes.size() > segment_bytes;
      run_bytes = std::max(run_bytes, std::min(bytes.size(), segment_bytes));
      runs.push_back(to_bytes(bytes));
    }
  };
  void tell_arrivals(channel_id id, arrivals& of);
  std::unordered_map<channel_id, arrivals> arrived_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::optional<carrier_watch> carriers_;
};

result<void> udp_medium::open(const socket_address& bind_to) {
  auto opened = udp_socket::open(place_.loop, bind_to, *this, buffers_);
  if (!opened) return opened.why();
  socket_for(bind_to) = std::move(*opened);
  return {};
}

result<void> udp_medium::start(medium_listener& listener) {
  events_ = &listener;
  carriers_.emplace(place_.loop, [this](const dead_networks& now) { on_carrier_lost(now); });
  if (!listen_) return {};
  auto address = socket_address::from_literal(listen_->host == "localhost" ? "127.0.0.1" : listen_->host, listen_->port);
  if (!address)
    return error{error_code::usage,
                 "cannot listen on " + to_string(*listen_) + ": give an IP address, such as udp://0.0.0.0:7400"};
  if (auto opened = open(*address); !opened) return opened.why();
  // [::] means both families, as for tcp; a machine without IPv4 is served all the same
  if (address->family() == AF_INET6 && address->is_wildcard())
    if (auto both = open(*socket_address::from_literal("0.0.0.0", v6_->bound().port())); !both && listen_->port != 0)
      return both.why();
  return {};
}

std::vector<channel_uri> udp_medium::listening() const {
  if (!listen_) return {};
  auto uri = *listen_;
  auto& socket = v6_ && listen_->host.find(':') != std::string::npos ? v6_ : v4_;
  if (!socket) return {};
  uri.port = socket->bound().port();
  return {uri};
}

channel_id udp_medium::add(const socket_address& remote) {
  auto id = ++last_id_;
  auto now = uv_now(place_.loop);
  remote_end made{remote, {"udp", limits::udp_datagram_bytes_max, false, networks_.on_link(remote, now)}};
  if (networks_.on_machine(remote, now))
    made.traits.datagram_bytes_max = limits::udp_on_machine_datagram_bytes_max;
  else
    made.traits.datagram_bytes_ceiling = datagram_bytes_towards(remote);
  channels_.emplace(id, std::move(made));
  by_remote_.emplace(remote, id);
  return id;
}

channel_opened udp_medium::describe(channel_id id) const {
  auto& found = channels_.at(id);
  return {id, found.remote.to_uri("udp"), found.traits};
}

void udp_medium::connect(const channel_uri& remote, connected tell) {
  if (remote.host.empty() || remote.port == 0)
    return tell(error{error_code::usage,
                      "cannot connect to " + to_string(remote) + ": it needs host and port, such as udp://192.168.1.5:7400"});
  resolve(place_.loop, remote, alive_, [this, remote, tell = std::move(tell)](result<std::vector<socket_address>> found) {
    if (!found) return tell(found.why());
    connect_to(remote, *found, tell);
  });
}

void udp_medium::connect_to(const channel_uri& uri, const std::vector<socket_address>& addresses, const connected& tell) {
  error last{error_code::unreachable, "cannot connect to " + to_string(uri)};
  for (auto& remote : addresses) {
    if (remote.is_wildcard()) {
      last = {error_code::usage, "cannot connect to " + to_string(uri) + ": that is a listening address, not a place"};
      continue;
    }
    if (!socket_for(remote))
      if (auto opened = open(*socket_address::from_literal(remote.family() == AF_INET6 ? "::" : "0.0.0.0", 0)); !opened) {
        last = opened.why();
        continue;
      }
    auto known = by_remote_.find(remote);
    return tell(describe(known != by_remote_.end() ? known->second : add(remote)));
  }
  tell(last);
}

void udp_medium::send_runs(channel_id id, const packet_batch& runs, std::size_t run_bytes) {
  auto found = channels_.find(id);
  if (found == channels_.end()) return;
  auto remote = found->second.remote; // a refusal may close the channel while we send
  auto& traits = found->second.traits;
  if (auto& socket = socket_for(remote))
    socket->send(remote, runs, run_bytes,
                 {traits.datagram_bytes_max, std::max(traits.datagram_bytes_max, traits.datagram_bytes_ceiling)});
}

void udp_medium::drop(channel_id id) {
  auto found = channels_.find(id);
  if (found == channels_.end()) return;
  by_remote_.erase(found->second.remote);
  arrived_.erase(id);
  channels_.erase(found);
}

void udp_medium::on_datagrams(const socket_address& from, byte_view bytes, std::size_t segment_bytes) {
  auto known = by_remote_.find(from);
  auto id = known != by_remote_.end() ? known->second : 0;
  if (id != 0 && events_->is_claimed(id)) {
    auto& into = arrived_[id];
    if (!into.takes(bytes, segment_bytes)) tell_arrivals(id, into);
    into.add(bytes, segment_bytes);
    return;
  }
  for (auto& datagram : link::datagrams_of(bytes, segment_bytes)) {
    if (!gate_.admit(datagram, uv_now(place_.loop))) continue;
    if (id == 0) {
      id = add(from);
      events_->channel_accepted(describe(id));
      if (!channels_.contains(id)) return; // dropped at once
    }
    arrived_[id].add(datagram, datagram.size());
  }
}

void udp_medium::tell_arrivals(channel_id id, arrivals& of) {
  auto told = std::exchange(of, {});
  events_->runs_arrived(id, std::move(told.runs), told.has_run ? told.run_bytes : 0);
}

void udp_medium::on_batch_end() {
  auto batches = std::move(arrived_);
  arrived_.clear();
  for (auto& [id, of] : batches) tell_arrivals(id, of);
}

void udp_medium::on_unreachable(const socket_address& to, int code) {
  auto found = by_remote_.find(to);
  if (found == by_remote_.end()) return;
  auto id = found->second;
  drop(id);
  events_->channel_broke(id, uv_failure(error_code::unreachable, to_string(to.to_uri("udp")) + " cannot be reached", -code));
}

void udp_medium::on_too_long(const socket_address& to, std::size_t fits, bool certain) {
  auto found = by_remote_.find(to);
  if (found != by_remote_.end()) events_->channel_narrows({found->second, fits, certain});
}

/// Datagrams that arrive all the same make a new channel: nothing is lost by believing the kernel.
void udp_medium::on_carrier_lost(const dead_networks& now) {
  std::vector<std::pair<channel_id, socket_address>> lost;
  for (auto& [id, each] : channels_)
    if (now.cut_off(each.remote)) lost.emplace_back(id, each.remote);
  for (auto& [id, remote] : lost) {
    if (!channels_.contains(id)) continue; // who heard of another one may have closed it
    drop(id);
    events_->channel_broke(
      id, {error_code::unreachable, to_string(remote.to_uri("udp")) + " cannot be reached: the interface has no carrier"});
  }
}

} // namespace

std::unique_ptr<medium> make_udp(const loop_place& place, std::optional<channel_uri> listen, stranger_rules rules) {
  return std::make_unique<udp_medium>(place, std::move(listen), rules);
}

} // namespace glow::transports
