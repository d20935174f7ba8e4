/// Two link machines over a channel that delays, loses, repeats and reorders, in virtual time.
#pragma once

#include "runtime/base/overloaded.hpp"
#include "runtime/link/link_machine.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>

namespace glow::link {

struct channel_faults {
  double loss = 0;
  double repeat = 0;
  duration delay = 1ms;
  duration jitter{}; ///< more than the packets' spacing: they overtake each other
  bool cut = false;
};

/// One machine and all it ever asked for.
struct simulated_side {
  simulated_side(link_config config) : machine{std::move(config)} {}

  link_machine machine;
  std::vector<std::string> delivered;
  std::vector<peer_facts> ups;
  std::optional<error> ended;
  steady_time ended_at{};
  std::optional<steady_time> wake;
  std::vector<ask_ticket_secret> tickets_asked;
  std::vector<ask_admission> admissions_asked;
  std::optional<joined> admission;
  std::vector<channel_key> moves;
  std::size_t ticks = 0;
  std::size_t datagrams_sent = 0;
  std::size_t bytes_max_sent = 0;
  std::size_t announced_changes = 0;
  channel_key speaks_from = 0;           ///< channel number its datagrams arrive under at the other side
  std::size_t path_bytes_max = SIZE_MAX; ///< hidden from it: longer datagrams of its get lost, unheard of
};

class simulated_pair {
public:
  simulated_pair(link_config one, link_config other, std::uint64_t seed = 1)
    : random{seed}, a{std::move(one)}, b{std::move(other)} {}

  seeded_random random;
  simulated_side a;
  simulated_side b;
  channel_faults faults;
  steady_time now{1000s};
  result<byte_string> ticket_secret{byte_string(32, 7)};
  result<byte_string> admission{byte_string(10, 1)};
  std::vector<byte_string> tape; ///< every datagram that was sent, in order

  void start() {
    perform(a, a.machine.start(now, random));
    perform(b, b.machine.start(now, random));
  }
  void send(simulated_side& from, std::string_view text, expectation expects = expectation::traffic,
            sealing seal = sealing::whole) {
    perform(from, from.machine.on_packets_to_send(packet_batch::of(to_bytes(text)), now, expects, seal));
  }
  /// As if this datagram came out of the network again.
  void inject(simulated_side& to, byte_string datagram) {
    perform(to, to.machine.on_datagrams(packet_batch::of(std::move(datagram)), now, random));
  }
  void close(simulated_side& which, error why) { perform(which, which.machine.on_close(std::move(why), now)); }

  void run_for(duration how_long) {
    auto end = now + how_long;
    while (step(end)) {}
    now = end;
  }
  bool run_until(const std::function<bool()>& done, duration at_most = 20s) {
    auto end = now + at_most;
    while (!done() && step(end)) {}
    return done();
  }
  bool both_up() const { return a.machine.is_up() && b.machine.is_up(); }

private:
  struct in_flight {
    simulated_side* to;
    channel_key channel;
    byte_string datagram;
  };

  bool step(steady_time end) {
    auto next = flying_.empty() ? steady_time::max() : flying_.begin()->first;
    for (auto* side : {&a, &b})
      if (side->wake) next = std::min(next, *side->wake);
    if (next > end) return false;
    now = std::max(now, next);
    for (auto* side : {&a, &b})
      if (side->wake && *side->wake <= now) {
        side->wake.reset();
        ++side->ticks;
        perform(*side, side->machine.on_tick(now, random));
        return true;
      }
    auto flight = std::move(flying_.begin()->second);
    flying_.erase(flying_.begin());
    perform(*flight.to,
            flight.to->machine.on_datagrams_from(flight.channel, packet_batch::of(std::move(flight.datagram)), now, random));
    return true;
  }

  void perform(simulated_side& side, effects todo) {
    auto& other = &side == &a ? b : a;
    for (auto& each : todo) {
      REQUIRE_FALSE(side.ended);
      std::visit(overloaded{
                   [&](send_datagrams& e) {
                     for (auto& run : e.datagrams.contents())
                       for (auto& datagram : datagrams_of(run, e.run_bytes)) launch(side, other, to_bytes(datagram));
                   },
                   [&](deliver_packets& e) {
                     for (auto& packet : e.packets.contents()) side.delivered.push_back(to_text(packet));
                   },
                   [&](announce_up& e) { side.ups.push_back(e.peer); },
                   [&](announce_changed&) { ++side.announced_changes; },
                   [&](give_up& e) { side.ended = e.why, side.ended_at = now, side.wake.reset(); },
                   [&](ask_ticket_secret& e) { side.tickets_asked.push_back(e); },
                   [&](ask_admission& e) { side.admissions_asked.push_back(e); },
                   [&](joined& e) { side.admission = std::move(e); },
                   [&](move_channel& e) { side.moves.push_back(e.channel); },
                   [&](wake_at& e) { side.wake = e.when; },
                 },
                 each);
    }
    if (side.tickets_asked.size() > answered_[&side].first) {
      ++answered_[&side].first;
      perform(side, side.machine.on_ticket_secret(ticket_secret, now, random));
    }
    if (side.admissions_asked.size() > answered_[&side].second) {
      ++answered_[&side].second;
      perform(side, side.machine.on_admission(admission, now, random));
    }
  }

  void launch(simulated_side& from, simulated_side& to, byte_string datagram) {
    tape.push_back(datagram);
    ++from.datagrams_sent;
    from.bytes_max_sent = std::max(from.bytes_max_sent, datagram.size());
    if (faults.cut || datagram.size() > from.path_bytes_max) return;
    int copies = random.next_unit() < faults.loss ? 0 : 1;
    if (random.next_unit() < faults.repeat) ++copies;
    for (; copies > 0; --copies) {
      auto late = duration{static_cast<std::int64_t>(random.next_unit() * static_cast<double>(faults.jitter.count()))};
      flying_.emplace(now + faults.delay + late, in_flight{&to, from.speaks_from, datagram});
    }
  }

  std::multimap<steady_time, in_flight> flying_;
  std::map<simulated_side*, std::pair<std::size_t, std::size_t>> answered_;
};

/// A node of the tests: keys, and a check that knows everybody in `members`.
struct test_node {
  std::shared_ptr<const identity::node_keys> keys;
  std::string name;
};
inline test_node make_node(std::string name, random_source& random) {
  return {std::make_shared<identity::node_keys>(identity::node_keys::generate(random)), std::move(name)};
}

inline link_config config_of(const test_node& node, role as, std::uint32_t index) {
  link_config out;
  out.as = as;
  out.keys = node.keys;
  out.session_index = index;
  out.node_name = node.name;
  out.certificate = to_bytes("certificate of " + node.name);
  out.on_link = true;
  out.space.value[0] = 9;
  out.listening = {*parse_channel_uri("udp://10.0.0.1:7400")};
  out.check_member = [](const node_id& peer, byte_view certificate) -> result<identity::member> {
    auto text = to_text(certificate);
    if (!text.starts_with("certificate of ")) return {error_code::not_a_member, "no certificate"};
    return identity::member{peer, text.substr(15), identity::role::member, {}};
  };
  return out;
}

} // namespace glow::link
