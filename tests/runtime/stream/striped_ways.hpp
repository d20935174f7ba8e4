/// One stream over several ways at once, in virtual time: each way a bottleneck with a queue, a delay and losses of its own;
/// shares as the router deals them (route::stripe), rates as links measure them (link::estimates).
#pragma once

#include "runtime/link/estimates.hpp"
#include "runtime/route/stripe.hpp"
#include "tests/runtime/stream/conversation_pair.hpp"

#include <deque>

namespace glow::stream::test {

struct way_traits {
  double bytes_per_s = 4e6;
  duration delay = 10ms; ///< each way, behind the bottleneck
  double loss = 0;
  std::size_t queue_bytes = 0; ///< 0: what passes in a round trip, at least 64 KiB
  std::string link_class = "wan";
};

class striped_ways {
public:
  explicit striped_ways(std::vector<way_traits> ways, route::stripe_tuning tuning = {}, std::uint64_t seed = 1)
    : net_{{}, seed}, tuning_{tuning} {
    for (auto& each : ways) add(each);
    net_.carry = [this](int side, std::size_t bytes, steady_time now) { return carry(side, bytes, now); };
    net_.on_stream = [this](int side, stream_event& event) { on_event(side, event); };
    net_.set_route(path{node_id{}, true, 1200, 20ms});
    auto made = net_.sides[0]->open_stream({"sink"}, net_.now);
    key_ = made->stream;
    write(made->writable);
  }

  /// MB/s that arrived in order during that time.
  double mb_per_s_over(duration span) {
    const auto before = heard_;
    net_.run([] { return false; }, span);
    return static_cast<double>(heard_ - before) / 1e6 / std::chrono::duration<double>(span).count();
  }
  /// From now on everything on it is lost; the links hear of it after `noticed_after`.
  void cut(std::size_t which, duration noticed_after) {
    ways_[which].is_cut = true;
    ways_[which].gone_at = net_.now + noticed_after;
  }
  void set_loss(std::size_t which, double loss) { ways_[which].traits.loss = loss; }
  void set_rate(std::size_t which, double bytes_per_s) { ways_[which].traits.bytes_per_s = bytes_per_s; }
  /// Longest time without a byte, from now on.
  duration longest_pause_over(duration span) {
    longest_pause_ = {};
    heard_at_ = net_.now;
    net_.run([] { return false; }, span);
    return std::max<duration>(longest_pause_, net_.now - heard_at_);
  }
  const route::stripe& shares() const { return stripes_[0]; }
  double carried_mb(std::size_t which) const { return static_cast<double>(ways_[which].ends[0].delivered) / 1e6; }
  double resent_share() {
    auto& counted = net_.sides[0]->recovery().counted();
    return static_cast<double>(counted.packets_resent) / static_cast<double>(counted.packets_sent);
  }

private:
  struct pong {
    steady_time due;
    std::uint32_t number = 0;
    std::uint64_t peer_bytes = 0;
  };
  struct way_end {
    steady_time free_at{};
    std::uint64_t delivered = 0; ///< bytes, to the other side
    link::estimates measured{false, ""};
    std::deque<pong> pongs;
  };
  struct way {
    way_traits traits;
    std::array<way_end, 2> ends{};
    bool is_cut = false;
    steady_time gone_at = steady_time::max();
  };

  void add(way_traits traits) {
    if (traits.queue_bytes == 0)
      traits.queue_bytes = std::max<std::size_t>(
        64u << 10, static_cast<std::size_t>(traits.bytes_per_s * std::chrono::duration<double>(2 * traits.delay).count()));
    ways_.push_back({});
    ways_.back().traits = traits;
    update(0), update(1);
  }
  void update(int side) {
    std::vector<route::link_view> views;
    for (std::size_t i = 0; i < ways_.size(); ++i) {
      if (net_.now >= ways_[i].gone_at) continue;
      auto& measured = ways_[i].ends[static_cast<std::size_t>(side)].measured;
      auto& view = views.emplace_back();
      view.id = static_cast<std::uint32_t>(i + 1);
      view.link_class = ways_[i].traits.link_class;
      view.packet_bytes_max = 1300;
      view.medium = "udp";
      view.rtt = measured.rtt();
      view.rtt_min = measured.rtt_min();
      view.rate_bps = measured.rate_bps();
      view.load = measured.load();
    }
    std::vector<const route::link_view*> links;
    for (auto& each : views) links.push_back(&each);
    stripes_[static_cast<std::size_t>(side)].update(links, views.empty() ? 0 : views.front().id, tuning_, net_.now);
    known_gone_ =
      static_cast<std::size_t>(std::count_if(ways_.begin(), ways_.end(), [&](auto& each) { return net_.now >= each.gone_at; }));
  }
  /// Through the bottleneck; nothing: the queue is full, or it is lost.
  std::optional<steady_time> pass(way& over, int side, std::size_t bytes) {
    auto& from = over.ends[static_cast<std::size_t>(side)];
    from.free_at = std::max(from.free_at, net_.now);
    auto time_of = [&](std::size_t count) {
      return std::chrono::duration_cast<duration>(
        std::chrono::duration<double>(static_cast<double>(count) / over.traits.bytes_per_s));
    };
    if (over.is_cut || from.free_at - net_.now > time_of(over.traits.queue_bytes)) return {};
    from.free_at += time_of(bytes);
    if (net_.random.next_unit() < over.traits.loss) return {};
    from.delivered += bytes;
    return from.free_at + over.traits.delay;
  }
  std::optional<steady_time> carry(int side, std::size_t bytes, steady_time now) {
    const auto me = static_cast<std::size_t>(side);
    bool news =
      known_gone_
      != static_cast<std::size_t>(std::count_if(ways_.begin(), ways_.end(), [&](auto& each) { return now >= each.gone_at; }));
    for (auto& each : ways_) {
      auto& end = each.ends[me];
      for (; !end.pongs.empty() && end.pongs.front().due <= now; end.pongs.pop_front())
        end.measured.on_pong(end.pongs.front().number, end.pongs.front().peer_bytes, end.pongs.front().due);
      news = end.measured.worth_telling(now) || news;
    }
    if (news) update(0), update(1);
    auto turn = stripes_[me].next(bytes);
    if (turn == 0) return {};
    auto& over = ways_[turn - 1];
    auto& from = over.ends[me];
    if (stripes_[me].measures()) from.measured.on_shared_load(now);
    from.measured.on_bytes_sent(bytes);
    auto arrives = pass(over, side, bytes);
    if (from.measured.worth_measuring(now, true)) {
      const auto number = from.measured.on_ping_sent(now);
      if (auto there = pass(over, side, 60)) from.pongs.push_back({*there + over.traits.delay, number, from.delivered});
    }
    return arrives;
  }
  void write(std::size_t bytes) { net_.sides[0]->write_stream(key_, {byte_string(bytes, 7)}, false, net_.now); }
  void on_event(int side, stream_event& event) {
    if (auto* got = std::get_if<stream_received>(&event)) {
      std::size_t bytes = 0;
      for (auto& each : got->bytes) bytes += each.size();
      heard_ += bytes;
      longest_pause_ = std::max<duration>(longest_pause_, net_.now - heard_at_);
      heard_at_ = net_.now;
      net_.sides[static_cast<std::size_t>(side)]->consume_stream(got->stream, bytes, net_.now);
    } else if (auto* more = std::get_if<stream_writable>(&event)) {
      write(more->bytes);
    }
  }

  conversation_pair net_;
  route::stripe_tuning tuning_;
  std::vector<way> ways_;
  std::array<route::stripe, 2> stripes_;
  std::size_t known_gone_ = 0;
  stream_key key_ = 0;
  std::uint64_t heard_ = 0;
  steady_time heard_at_{};
  duration longest_pause_{};
};

} // namespace glow::stream::test
