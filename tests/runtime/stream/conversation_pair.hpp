/// Two conversations over an in-memory network with virtual time: latency, jitter (so reordering), loss, duplication.
#pragma once

#include "runtime/base/overloaded.hpp"
#include "runtime/base/random.hpp"
#include "runtime/stream/conversation.hpp"

#include <array>
#include <map>
#include <memory>

namespace glow::stream::test {

struct network_traits {
  double loss = 0;
  double duplication = 0;
  duration latency = 2ms;
  duration jitter{};
};

inline byte_string random_body(random_source& random, std::size_t size) {
  byte_string out(size);
  random.fill(out);
  return out;
}

class conversation_pair {
public:
  using server = std::function<result<byte_string>(const request_received&)>;

  conversation_pair(network_traits over, std::uint64_t seed) : traits{over}, random{seed} {
    for (int side : {0, 1}) restart(side);
  }

  /// A fresh incarnation of one side.
  void restart(int side) {
    sides[side] = std::make_unique<conversation>(traffic_class::bulk, static_cast<std::uint32_t>(random.next_u64() | 1));
    std::erase_if(answers, [&](auto& each) { return each.first.first == side; }); // ids are counted anew
    if (route) sides[side]->set_path(*route, now);
  }
  void set_route(std::optional<path> to) {
    route = to;
    for (auto& each : sides) each->set_path(to, now);
    flush();
  }
  /// Runs until `done`, or virtual time `for_long` passed. True when done.
  bool run(const std::function<bool()>& done, duration for_long) {
    auto end = now + for_long;
    flush();
    while (!done()) {
      auto next = end;
      if (!wire.empty()) next = std::min(next, wire.begin()->first);
      for (auto& each : sides)
        if (auto at = each->wake_at()) next = std::min(next, std::max(*at, now));
      if (next >= end) return done();
      now = next;
      ++turns;
      for (int side : {0, 1}) {
        sides[side]->on_tick(now);
        tell_streams(side);
      }
      while (!wire.empty() && wire.begin()->first <= now) {
        auto flying = std::move(wire.begin()->second);
        wire.erase(wire.begin());
        arrive(flying.to, flying.packet);
      }
      flush();
    }
    return true;
  }
  void arrive(int to, const byte_string& packet) {
    auto header = check_packet(packet);
    if (!header) {
      ++malformed;
      return;
    }
    conversation_events events;
    sides[to]->on_packet(*header, packet, now, events);
    for (auto& each : events)
      std::visit(overloaded{
                   [&](request_received& e) {
                     ++served[to][e.method];
                     if (serve) sides[to]->send_answer(e.id, serve(e));
                   },
                   [&](answer_received& e) {
                     answers.insert_or_assign({to, e.id}, std::move(e.answer));
                   },
                   [&](request_cancelled&) { ++cancelled; },
                   [&](peer_restarted&) { ++restarts_seen; },
                   [](stream_event&) {},
                 },
                 each);
    tell_streams(to);
  }
  void tell_streams(int side) {
    for (auto& each : sides[side]->take_stream_events())
      if (on_stream) on_stream(side, each);
  }
  void flush() {
    for (int side : {0, 1}) {
      std::vector<byte_string> packets;
      sides[side]->collect_packets(now, packets);
      for (auto& each : packets) {
        ++sent;
        bytes_sent += each.size();
        longest = std::max(longest, each.size());
        if (carry) {
          if (auto at = carry(side, each.size(), now)) wire.emplace(*at, flight{1 - side, std::move(each)});
          continue;
        }
        if (random.next_unit() < traits.loss || blackhole || mute[side]) continue;
        if (random.next_unit() < traits.duplication) wire.emplace(arrival(), flight{1 - side, each});
        wire.emplace(arrival(), flight{1 - side, std::move(each)});
      }
    }
  }

  network_traits traits;
  seeded_random random;
  steady_time now{1h};
  std::optional<path> route = path{node_id{}, false, 1200, 2ms};
  std::array<std::unique_ptr<conversation>, 2> sides;
  server serve = [](const request_received& e) -> result<byte_string> { return e.body; };
  std::function<void(int side, stream_event&)> on_stream;
  /// Instead of the traits: when a packet of that length from that side arrives; none: it is lost.
  std::function<std::optional<steady_time>(int side, std::size_t bytes, steady_time now)> carry;
  std::map<std::pair<int, std::uint64_t>, result<byte_string>> answers;
  std::map<std::uint16_t, int> served[2]; ///< by method
  bool blackhole = false;
  bool mute[2] = {false, false}; ///< what this side sends is lost
  std::size_t sent = 0, bytes_sent = 0, longest = 0, turns = 0;
  int malformed = 0, cancelled = 0, restarts_seen = 0;

private:
  struct flight {
    int to;
    byte_string packet;
  };
  steady_time arrival() {
    auto extra = traits.jitter > duration::zero() ? duration{random.next_below(static_cast<std::uint64_t>(traits.jitter.count()))}
                                                  : duration{};
    return now + traits.latency + extra;
  }
  std::multimap<steady_time, flight> wire;
};

} // namespace glow::stream::test
