/// A mesh of router_machines in one process: virtual time, links with delay, loss and reordering, links that are cut
/// and come back. Everything comes from one seed.
#pragma once

#include "runtime/base/overloaded.hpp"
#include "runtime/route/router_machine.hpp"

#include <catch2/catch.hpp>

#include <queue>
#include <tuple>

namespace glow::route::testing {

inline identity::node_keys keys_of(unsigned number) {
  identity::key_seed seed;
  seed.value[0] = static_cast<std::uint8_t>(number);
  seed.value[1] = static_cast<std::uint8_t>(number >> 8);
  seed.value[31] = 7;
  return identity::node_keys::from_seed(seed);
}

inline constexpr route_tuning eager{0, 0, 0, 0, 0s, false, 0}; // at once, and always the shortest way: what Dijkstra says

struct mesh_link {
  std::size_t a = 0;
  std::size_t b = 0;
  duration rtt{};
  double loss = 0;
  std::string link_class = "local";
  std::size_t packet_bytes_max = 1200;
  bool up = false;
  std::uint64_t generation = 0;
  link::bulk_wish wish = link::bulk_wish::by_class;
  bool silent = false;
  link::carried_load load{};
};

class mesh {
public:
  struct arrival {
    node_id from;
    bool direct = false;
    std::string text;
  };
  struct mesh_node {
    std::unique_ptr<router_machine> machine;
    std::vector<arrival> arrived;
    std::vector<steady_time> told_at; ///< routes_moved
    std::map<std::uint64_t, result<std::vector<trace_step>>> traces;
    steady_time wake = steady_time::max();
    std::uint64_t wakes = 0;
    std::uint64_t routing_packets = 0;
  };

  mesh(std::size_t count, std::uint64_t seed, route_tuning tuning = eager) : random_{seed}, tuning_{tuning} {
    roster_.members.resize(count);
    for (std::size_t i = 0; i < count; ++i) roster_.members[i].id = keys_of(static_cast<unsigned>(i)).id();
    nodes_.resize(count);
    for (std::size_t i = 0; i < count; ++i) start(i, 1000);
  }

  void start(std::size_t i, std::uint64_t epoch) {
    nodes_[i] = {};
    nodes_[i].machine = std::make_unique<router_machine>(keys_of(static_cast<unsigned>(i)), epoch, random_, tuning_);
    perform(i, nodes_[i].machine->set_roster(roster_, now));
  }

  std::size_t connect(std::size_t a, std::size_t b, duration rtt, double loss = 0, std::string link_class = "local",
                      std::size_t packet_bytes_max = 1200) {
    links_.push_back({a, b, rtt, loss, std::move(link_class), packet_bytes_max, false, 0, link::bulk_wish::by_class, false, {}});
    raise(links_.size() - 1);
    return links_.size() - 1;
  }
  void raise(std::size_t link) {
    auto& l = links_[link];
    if (l.up) return;
    l.up = true;
    tell_link(link, l.a);
    tell_link(link, l.b);
  }
  /// After start(): the node learns of a link that its other end never gave up.
  void find_again(std::size_t link, std::size_t node) {
    if (links_[link].up) tell_link(link, node);
  }
  void measure(std::size_t link, duration rtt) {
    links_[link].rtt = rtt;
    tell_link(link, links_[link].a);
    tell_link(link, links_[link].b);
  }
  void wish(std::size_t link, link::bulk_wish what) {
    links_[link].wish = what;
    tell_link(link, links_[link].a);
    tell_link(link, links_[link].b);
  }
  /// It measured that it carries so much, and no more.
  void load(std::size_t link, double rate_bps) {
    links_[link].load = {links_[link].load.sample + 1, rate_bps, 0, true};
    tell_link(link, links_[link].a);
    tell_link(link, links_[link].b);
  }
  void silence(std::size_t link, bool silent) {
    links_[link].silent = silent;
    tell_link(link, links_[link].a);
    tell_link(link, links_[link].b);
  }
  void cut(std::size_t link) {
    auto& l = links_[link];
    if (!l.up) return;
    l.up = false;
    ++l.generation;
    perform(l.a, nodes_[l.a].machine->drop_link(id(link), now));
    perform(l.b, nodes_[l.b].machine->drop_link(id(link), now));
  }
  void expel(std::size_t i) {
    std::erase_if(roster_.members, [&](auto& m) { return m.id == id_of(i); });
    for (std::size_t k = 0; k < nodes_.size(); ++k) perform(k, nodes_[k].machine->set_roster(roster_, now));
  }

  /// One node's roster lacks the other, or is whole again.
  void expel_at(std::size_t node, std::size_t other) {
    auto less = roster_;
    std::erase_if(less.members, [&](auto& m) { return m.id == id_of(other); });
    perform(node, nodes_[node].machine->set_roster(less, now));
  }
  void admit_at(std::size_t node) { perform(node, nodes_[node].machine->set_roster(roster_, now)); }

  /// One event: a batch arrives or a node wakes. False when nothing is due before `until`.
  bool step(steady_time until) {
    auto next = events_.empty() ? steady_time::max() : std::get<0>(events_.top());
    std::size_t waking = nodes_.size();
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].wake < next) next = nodes_[i].wake, waking = i;
    if (next > until) {
      now = std::max(now, until);
      return false;
    }
    now = std::max(now, next);
    if (waking < nodes_.size()) {
      nodes_[waking].wake = steady_time::max();
      ++nodes_[waking].wakes;
      perform(waking, nodes_[waking].machine->on_tick(now));
      return true;
    }
    auto [at, order, to, link, generation, packets] = events_.top();
    events_.pop();
    if (links_[link].up && links_[link].generation == generation)
      perform(to, nodes_[to].machine->on_packets(id(link), packet_batch{packets}, now));
    return true;
  }
  void run_for(duration span) {
    const auto until = now + span;
    while (step(until)) check_loops_each_step();
  }

  void send(std::size_t from, std::size_t to, const std::string& text, traffic_class traffic = traffic_class::interactive,
            bool direct = false) {
    perform(from, nodes_[from].machine->on_payloads(id_of(to), traffic, direct, packet_batch::of(to_bytes(text)), now));
  }
  std::uint64_t trace(std::size_t from, std::size_t to, duration timeout = 3s) {
    router_effects effects;
    auto started = nodes_[from].machine->start_trace(id_of(to), timeout, now, effects);
    perform(from, std::move(effects));
    return started ? *started : 0;
  }

  std::optional<route_row> row(std::size_t from, std::size_t to, metric_class c = metric_class::interactive) {
    for (auto& each : nodes_[from].machine->get_reachable())
      if (each.destination == id_of(to) && each.table == c) return each;
    return std::nullopt;
  }
  bool reaches(std::size_t from, std::size_t to) { return row(from, to).has_value(); }
  bool all_reach_all() {
    for (std::size_t a = 0; a < nodes_.size(); ++a)
      for (std::size_t b = 0; b < nodes_.size(); ++b)
        if (a != b && !reaches(a, b)) return false;
    return true;
  }
  std::size_t index(const node_id& node) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].machine->self() == node) return i;
    return nodes_.size();
  }
  node_id id_of(std::size_t i) const { return nodes_[i].machine->self(); }
  mesh_node& at(std::size_t i) { return nodes_[i]; }
  std::size_t size() const { return nodes_.size(); }
  std::size_t links() const { return links_.size(); }
  const mesh_link& link(std::size_t i) const { return links_[i]; }

  /// Follows the chosen next hops from every node to every other, as far as the next one relays for it: none is met twice.
  bool has_loop() {
    for (auto c : each_metric_class) {
      std::vector<std::map<node_id, std::size_t>> next(nodes_.size());
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        for (auto& each : nodes_[i].machine->get_reachable())
          if (auto there = index(each.next); each.table == c && nodes_[there].machine->relays_for(id_of(i)))
            next[i][each.destination] = there;
      for (std::size_t to = 0; to < nodes_.size(); ++to)
        for (std::size_t from = 0; from < nodes_.size(); ++from) {
          auto at = from;
          for (std::size_t hops = 0; at != to; ++hops) {
            auto found = next[at].find(id_of(to));
            if (found == next[at].end()) break; // a black hole is no loop
            if (hops > nodes_.size()) return true;
            at = found->second;
          }
        }
    }
    return false;
  }
  /// Bellman-Ford over the links that are up: what every table should have come to.
  std::map<std::size_t, metric> shortest_to(std::size_t destination, metric_class c) {
    std::map<std::size_t, metric> cost{{destination, 0}};
    for (std::size_t round = 0; round < nodes_.size(); ++round)
      for (std::size_t i = 0; i < links_.size(); ++i) {
        auto& l = links_[i];
        if (!l.up) continue;
        for (auto [near, far] : {std::pair{l.a, l.b}, std::pair{l.b, l.a}}) {
          if (!cost.contains(far)) continue;
          const auto sum = over_hop(c, link_cost(c, view(i, near)), cost[far]);
          if (sum != infinite_metric && (!cost.contains(near) || sum < cost[near])) cost[near] = sum;
        }
      }
    return cost;
  }

  steady_time now{1h};
  std::map<link::expectation, std::size_t> sent;   ///< batches, by what follows from them
  std::map<std::size_t, std::size_t> asked_to_try; ///< by link: longer packets
  bool check_loops = false;
  bool labels = false; ///< links that come up know them
  bool loop_seen = false;

private:
  static std::uint32_t id(std::size_t link) { return static_cast<std::uint32_t>(link + 1); }
  link_view view(std::size_t link, std::size_t end) const {
    auto& l = links_[link];
    return {id(link),
            id_of(end == l.a ? l.b : l.a),
            "link " + std::to_string(link),
            l.link_class,
            l.packet_bytes_max,
            l.rtt,
            l.link_class == "control" ? 9e5 : 0,
            0,
            labels,
            "test",
            l.wish,
            l.silent,
            l.rtt,
            l.load};
  }
  void tell_link(std::size_t link, std::size_t end) { perform(end, nodes_[end].machine->set_link(view(link, end), now)); }
  void check_loops_each_step() {
    if (check_loops && !loop_seen) loop_seen = has_loop();
  }

  void transmit(std::size_t from, std::size_t link, packet_batch batch) {
    auto& l = links_[link];
    auto to = l.a == from ? l.b : l.a;
    for (auto& each : batch.take()) {
      REQUIRE(each.size() <= l.packet_bytes_max);
      if ((each[0] >> 3 & 7) == 1) ++nodes_[from].routing_packets;
      if (random_.next_unit() < l.loss) continue;
      // a lossy link reorders, too
      auto delay = l.rtt / 2 + (l.loss > 0 ? duration{static_cast<duration::rep>(random_.next_below(20'000'000))} : duration{});
      events_.emplace(now + delay, order_++, to, link, l.generation, std::vector<byte_string>{std::move(each)});
    }
  }
  void perform(std::size_t i, router_effects effects) {
    for (auto& each : effects)
      std::visit(overloaded{
                   [&](send_packets& e) {
                     if (e.packets.empty()) return void(++asked_to_try[e.link - 1]);
                     ++sent[e.expects];
                     transmit(i, e.link - 1, std::move(e.packets));
                   },
                   [&](deliver_payloads& e) {
                     for (auto& p : e.payloads.contents()) nodes_[i].arrived.push_back({e.from, e.direct, to_text(p)});
                   },
                   [&](routes_moved&) { nodes_[i].told_at.push_back(now); },
                   [&](trace_end& e) { nodes_[i].traces.emplace(e.trace, std::move(e.steps)); },
                   [&](wake& e) { nodes_[i].wake = e.at; },
                 },
                 each);
  }

  using event = std::tuple<steady_time, std::uint64_t, std::size_t, std::size_t, std::uint64_t, std::vector<byte_string>>;
  seeded_random random_;
  route_tuning tuning_;
  identity::roster roster_;
  std::vector<mesh_node> nodes_;
  std::vector<mesh_link> links_;
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
};

} // namespace glow::route::testing
