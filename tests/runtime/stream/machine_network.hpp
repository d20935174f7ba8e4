/// Endpoint machines over an in-memory overlay with virtual time: links that come and go, shortest routes, relays that
/// drop, delay, reorder and repeat.
#pragma once

#include "runtime/base/overloaded.hpp"
#include "runtime/stream/endpoint_machine.hpp"

#include <functional>

namespace glow::stream::test {

class machine_network {
public:
  struct answer_note {
    result<byte_string> answer;
    steady_time at;
  };
  struct node {
    std::shared_ptr<const identity::node_keys> keys;
    std::unique_ptr<endpoint_machine> machine;
    std::map<std::uint64_t, answer_note> answers; ///< by ticket
    std::map<std::uint16_t, int> served;          ///< by method
    std::vector<std::uint64_t> held_tokens;
    std::function<std::optional<result<byte_string>>(const request_arrived&)> serve =
      [](const request_arrived& e) -> std::optional<result<byte_string>> { return result<byte_string>{e.body}; };
  };

  machine_network(std::size_t count, std::uint64_t seed) : random{seed}, linked(count, std::vector<std::size_t>(count, 0)) {
    nodes.resize(count);
    for (auto& each : nodes) each.keys = std::make_shared<identity::node_keys>(identity::node_keys::generate(random));
    everybody_is_member();
    for (std::size_t i = 0; i < count; ++i) restart(i);
  }

  const node_id& id(std::size_t i) const { return nodes[i].keys->id(); }
  void everybody_is_member(std::optional<std::size_t> except = {}) {
    members.clear();
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (i != except) members.push_back({id(i), "node" + std::to_string(i), identity::role::member, {}});
    std::sort(members.begin(), members.end(), [](auto& a, auto& b) { return a.id < b.id; });
  }
  void tell_roster(std::size_t i) {
    auto roster = std::make_shared<identity::roster>();
    roster->id.value[0] = 9;
    roster->self = id(i);
    roster->members = members;
    perform(i, nodes[i].machine->on_roster(roster, now));
  }
  /// A fresh incarnation with the same identity.
  void restart(std::size_t i) {
    nodes[i].machine = std::make_unique<endpoint_machine>(nodes[i].keys, random);
    nodes[i].answers.clear();
    nodes[i].held_tokens.clear();
    tell_roster(i);
    tell_routes(i);
  }
  /// Links a and b by a channel that carries payloads of this size; 0 cuts it.
  void link(std::size_t a, std::size_t b, std::size_t packet_bytes) {
    linked[a][b] = linked[b][a] = packet_bytes;
    for (std::size_t i = 0; i < nodes.size(); ++i) tell_routes(i);
  }
  void tell_routes(std::size_t from) {
    std::vector<route> routes;
    for (std::size_t to = 0; to < nodes.size(); ++to) {
      auto way = way_to(from, to);
      if (way.size() < 2) continue;
      std::size_t bytes = 65000;
      for (std::size_t k = 1; k < way.size(); ++k) bytes = std::min(bytes, linked[way[k - 1]][way[k]]);
      for (auto traffic : {traffic_class::interactive, traffic_class::bulk})
        routes.push_back({id(to), traffic, id(way[1]), static_cast<std::uint8_t>(way.size() - 1),
                          static_cast<std::uint32_t>(2000 * (way.size() - 1)), bytes});
    }
    perform(from, nodes[from].machine->on_routes(routes, now));
  }

  std::uint64_t ask(std::size_t from, std::size_t to, byte_string body, duration timeout = 60s, std::uint16_t method = 7,
                    traffic_class traffic = traffic_class::bulk) {
    auto ticket = next_ticket++;
    perform(from, nodes[from].machine->send_request(ticket, id(to), traffic, method, std::move(body), timeout, now));
    return ticket;
  }
  bool has_answer(std::size_t at, std::uint64_t ticket) const { return nodes[at].answers.contains(ticket); }
  const result<byte_string>& answer(std::size_t at, std::uint64_t ticket) const { return nodes[at].answers.at(ticket).answer; }

  /// Times that a machine wanted to be woken again without letting time pass: in production it would spin.
  std::size_t ticks_in_vain = 0;

  bool run(const std::function<bool()>& done, duration for_long) {
    auto end = now + for_long;
    while (!done() && ticks_in_vain == 0) {
      auto next = end;
      if (!wire.empty()) next = std::min(next, wire.begin()->first);
      for (auto& each : nodes)
        if (auto at = each.machine->wake_at()) next = std::min(next, std::max(*at, now));
      if (next >= end) {
        now = end;
        return done();
      }
      now = next;
      ++turns;
      for (std::size_t i = 0; i < nodes.size(); ++i)
        if (auto at = nodes[i].machine->wake_at(); at && *at <= now) {
          perform(i, nodes[i].machine->on_tick(now));
          if (auto again = nodes[i].machine->wake_at(); again && *again <= now) ++ticks_in_vain;
        }
      while (!wire.empty() && wire.begin()->first <= now) {
        auto flying = std::move(wire.begin()->second);
        wire.erase(wire.begin());
        std::vector<byte_string> one;
        one.push_back(std::move(flying.payload));
        perform(flying.to,
                nodes[flying.to].machine->on_payloads(id(flying.from), flying.direct, packet_batch{std::move(one)}, now));
      }
    }
    return true;
  }
  void rest(duration d) {
    run([] { return false; }, d);
  }
  void perform(std::size_t at, endpoint_effects effects) {
    for (auto& each : effects)
      std::visit(overloaded{
                   [&](send_payloads& e) { send(at, e); },
                   [&](request_arrived& e) {
                     ++nodes[at].served[e.method];
                     nodes[at].held_tokens.push_back(e.token);
                     if (auto answer = nodes[at].serve(e)) perform(at, nodes[at].machine->respond(e.token, *answer, now));
                   },
                   [&](request_answered& e) {
                     if (!nodes[at].answers.emplace(e.ticket, answer_note{std::move(e.answer), now}).second) ++answered_twice;
                   },
                   [&](stream_told& e) {
                     if (on_stream) on_stream(at, e);
                   },
                 },
                 each);
  }

  seeded_random random;
  std::vector<node> nodes;
  std::vector<std::vector<std::size_t>> linked;
  std::vector<identity::member> members;
  steady_time now{1h};
  double loss = 0, duplication = 0;
  duration latency = 1ms, jitter{};
  std::uint64_t next_ticket = 1;
  std::size_t turns = 0, sent_direct = 0, sent_far = 0;
  std::vector<byte_string> tapped; ///< payloads that were relayed
  bool tap = false;
  std::function<void(std::size_t at, stream_told&)> on_stream;
  int answered_twice = 0;

private:
  struct flight {
    std::size_t from, to;
    bool direct;
    byte_string payload;
  };
  std::vector<std::size_t> way_to(std::size_t from, std::size_t to) const {
    std::vector<std::vector<std::size_t>> ways{{from}};
    std::vector<bool> seen(nodes.size());
    seen[from] = true;
    for (std::size_t i = 0; i < ways.size(); ++i) {
      if (ways[i].back() == to) return ways[i];
      for (std::size_t k = 0; k < nodes.size(); ++k) {
        if (seen[k] || linked[ways[i].back()][k] == 0) continue;
        seen[k] = true;
        auto longer = ways[i];
        longer.push_back(k);
        ways.push_back(std::move(longer));
      }
    }
    return {};
  }
  void send(std::size_t from, send_payloads& e) {
    std::size_t to = 0;
    while (to < nodes.size() && id(to) != e.to) ++to;
    auto way = to < nodes.size() ? way_to(from, to) : std::vector<std::size_t>{};
    for (auto& each : e.payloads.take()) {
      ++(e.direct ? sent_direct : sent_far);
      if (!e.direct && tap) tapped.push_back(each);
      if (way.size() < 2 || (e.direct && way.size() != 2)) continue;
      bool fits = true;
      for (std::size_t k = 1; k < way.size(); ++k) fits = fits && each.size() <= linked[way[k - 1]][way[k]];
      if (!fits || random.next_unit() < loss) continue;
      auto hops = static_cast<std::int64_t>(way.size() - 1);
      auto arrival = [&] {
        auto extra =
          jitter > duration::zero() ? duration{random.next_below(static_cast<std::uint64_t>(jitter.count()))} : duration{};
        return now + latency * hops + extra;
      };
      if (random.next_unit() < duplication) wire.emplace(arrival(), flight{from, to, e.direct, each});
      wire.emplace(arrival(), flight{from, to, e.direct, std::move(each)});
    }
  }
  std::multimap<steady_time, flight> wire;
};

} // namespace glow::stream::test
