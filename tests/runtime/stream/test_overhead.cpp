// Counts the bytes on the wire: how many of Glow's own go with one payload, on each medium and over each number of hops.
// The nodes stand in a row; their routers, links and end-to-end sessions are the real ones.
#include "runtime/base/overloaded.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/route/router_machine.hpp"
#include "runtime/stream/far_session.hpp"
#include "runtime/stream/packet.hpp"
#include "tests/runtime/link/simulated_pair.hpp"

#include <iostream>

using namespace glow;
using namespace glow::stream;

namespace {

enum class medium { udp, tty };

/// The budgets of overlay.md.
constexpr std::size_t direct_bytes_max = 32, far_bytes_max = 64, slow_bytes_max = 12;

class row_of_nodes {
public:
  explicit row_of_nodes(std::vector<medium> media, bool first_is_old = false) {
    for (std::size_t i = 0; i <= media.size(); ++i) {
      auto& made = nodes_.emplace_back();
      made.who = link::make_node("node" + std::to_string(i), random_);
      roster_.members.push_back({made.who.keys->id(), made.who.name, identity::role::member, {}});
      made.router = std::make_unique<route::router_machine>(*made.who.keys, 1000, random_);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) perform_router(i, nodes_[i].router->set_roster(roster_, now_));
    for (std::size_t i = 0; i < media.size(); ++i) connect(i, media[i], first_is_old && i == 0);
    for (std::size_t i = 0; i < cables_.size(); ++i)
      for (std::size_t side : {0u, 1u}) perform_link(i, side, ends(i)[side]->start(now_, random_));
    run_for(20s);
  }

  void run_for(duration span) {
    const auto end = now_ + std::chrono::duration_cast<steady_time::duration>(span);
    while (step(end)) {}
    now_ = end;
  }
  /// A payload from the first node to the last, by the end-to-end session where they are no neighbours.
  void send(const std::string& text) {
    auto& from = nodes_.front();
    const auto to = id(nodes_.size() - 1);
    if (nodes_.size() == 2)
      return perform_router(
        0, from.router->on_payloads(to, traffic_class::interactive, true, packet_batch::of(to_bytes(text)), now_));
    auto& session = session_of(0, nodes_.size() - 1);
    far_session::output out;
    if (!session.is_up()) session.open(terms_of(0), now_, random_, out);
    if (session.is_up()) session.seal(packet_batch::of(to_bytes(text)), now_, random_, out);
    send_on(0, to, out);
  }
  bool is_ready() { return nodes_.size() == 2 || session_of(0, nodes_.size() - 1).is_up(); }

  struct on_the_wire {
    std::size_t cable = 0;
    byte_string bytes;
  };
  std::vector<on_the_wire> wire;           ///< every datagram, in order
  std::vector<byte_string> read_by_relays; ///< packets as links between the ends opened them
  std::vector<std::string> arrived;        ///< at the last node
  std::size_t nodes() const { return nodes_.size(); }

private:
  struct node {
    link::test_node who;
    std::unique_ptr<route::router_machine> router;
    std::map<node_id, std::unique_ptr<far_session>> sessions;
    steady_time wake = steady_time::max();
  };
  struct cable {
    medium over;
    std::array<std::unique_ptr<link::link_machine>, 2> ends;
    std::array<steady_time, 2> wakes{steady_time::max(), steady_time::max()};
  };
  struct flight {
    std::size_t cable, to;
    byte_string datagram;
  };

  node_id id(std::size_t i) const { return nodes_[i].who.keys->id(); }
  std::array<std::unique_ptr<link::link_machine>, 2>& ends(std::size_t i) { return cables_[i].ends; }
  std::uint32_t link_of(std::size_t at) const { return static_cast<std::uint32_t>(at + 1); }

  void connect(std::size_t at, medium over, bool first_is_old) {
    auto& made = cables_.emplace_back(cable{over, {}, {}});
    made.wakes.fill(steady_time::max());
    for (std::size_t side : {0u, 1u}) {
      auto config = link::config_of(nodes_[at + side].who, side == 0 ? link::role::initiator : link::role::responder,
                                    static_cast<std::uint32_t>(100 + 2 * at + side));
      config.features = link::feature_heads | link::feature_labels | link::feature_records;
      if (over == medium::tty) { // as actors/link sets up what transports/tty describes
        config.features |= link::feature_compact;
        config.declared_class = "control";
        config.rate_bps = 7680;
        config.datagram_bytes_max = limits::serial_datagram_bytes_max;
      }
      if (first_is_old && side == 0) config.features = link::feature_heads;
      made.ends[side] = std::make_unique<link::link_machine>(config);
    }
  }

  session_terms terms_of(std::size_t i) {
    auto check = [this](const node_id& peer, byte_view) -> result<identity::member> {
      for (auto& each : roster_.members)
        if (each.id == peer) return each;
      return {error_code::not_a_member, "nobody"};
    };
    return {nodes_[i].who.keys, {}, nodes_[i].who.name, check};
  }
  far_session& session_of(std::size_t at, std::size_t peer) {
    auto& held = nodes_[at].sessions[id(peer)];
    if (!held) held = std::make_unique<far_session>(id(peer));
    return *held;
  }
  void send_on(std::size_t from, const node_id& to, far_session::output& out) {
    for (auto& each : out.datagrams)
      perform_router(from, nodes_[from].router->on_payloads(to, traffic_class::interactive, false, std::move(each), now_));
    if (from + 1 == nodes_.size())
      for (auto& batch : out.packets)
        for (auto& each : batch.contents()) arrived.push_back(to_text(each));
  }

  bool step(steady_time end) {
    auto next = flying_.empty() ? steady_time::max() : flying_.begin()->first;
    for (auto& each : nodes_) next = std::min(next, each.wake);
    for (auto& each : cables_) next = std::min({next, each.wakes[0], each.wakes[1]});
    if (next > end) return false;
    now_ = std::max(now_, next);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].wake <= now_) {
        nodes_[i].wake = steady_time::max();
        return perform_router(i, nodes_[i].router->on_tick(now_)), true;
      }
    for (std::size_t i = 0; i < cables_.size(); ++i)
      for (std::size_t side : {0u, 1u})
        if (cables_[i].wakes[side] <= now_) {
          cables_[i].wakes[side] = steady_time::max();
          return perform_link(i, side, ends(i)[side]->on_tick(now_, random_)), true;
        }
    auto flown = std::move(flying_.begin()->second);
    flying_.erase(flying_.begin());
    perform_link(flown.cable, flown.to,
                 ends(flown.cable)[flown.to]->on_datagrams(packet_batch::of(flown.datagram), now_, random_));
    return true;
  }

  void tell_link(std::size_t at, std::size_t side) {
    auto& machine = *ends(at)[side];
    auto figures = machine.figures(now_);
    route::link_view view{link_of(at),
                          id(at + 1 - side),
                          "a cable",
                          figures.link_class,
                          figures.packet_bytes_max,
                          figures.rtt,
                          figures.rate_bps,
                          figures.loss,
                          (machine.peer()->features & link::feature_labels) != 0};
    perform_router(at + side, nodes_[at + side].router->set_link(view, now_));
  }
  void perform_link(std::size_t at, std::size_t side, link::effects effects) {
    for (auto& each : effects)
      std::visit(overloaded{
                   [&](link::send_datagrams& e) {
                     for (auto& run : e.datagrams.contents())
                       for (auto& datagram : link::datagrams_of(run, e.run_bytes)) {
                         wire.push_back({at, to_bytes(datagram)});
                         flying_.emplace(now_ + 1ms, flight{at, 1 - side, to_bytes(datagram)});
                       }
                   },
                   [&](link::deliver_packets& e) {
                     const auto here = at + side;
                     if (here != 0 && here + 1 != nodes_.size())
                       for (auto& packet : e.packets.contents()) read_by_relays.push_back(to_bytes(packet));
                     perform_router(here, nodes_[here].router->on_packets(link_of(at), std::move(e.packets), now_));
                   },
                   [&](link::announce_up&) { tell_link(at, side); },
                   [&](link::announce_changed&) {
                     if (ends(at)[side]->is_up()) tell_link(at, side);
                   },
                   [&](link::give_up& e) { FAIL("a link ended: " << e.why.message); },
                   [&](link::wake_at& e) { cables_[at].wakes[side] = e.when; },
                   [](auto&) {},
                 },
                 each);
  }
  void perform_router(std::size_t at, route::router_effects effects) {
    for (auto& each : effects)
      std::visit(overloaded{
                   [&](route::send_packets& e) {
                     const std::size_t over = e.link - 1;
                     const auto side = at - over;
                     perform_link(over, side,
                                  ends(over)[side]->on_packets_to_send(std::move(e.packets), now_, e.expects, e.seal));
                   },
                   [&](route::deliver_payloads& e) { on_payloads(at, e); },
                   [&](route::wake& e) { nodes_[at].wake = e.at; },
                   [](auto&) {},
                 },
                 each);
  }
  void on_payloads(std::size_t at, route::deliver_payloads& e) {
    if (e.direct) {
      for (auto& each : e.payloads.contents()) arrived.push_back(to_text(each));
      return;
    }
    auto& session = session_of(at, e.from == id(0) ? 0 : nodes_.size() - 1);
    far_session::output out;
    session.on_datagrams(std::move(e.payloads), terms_of(at), now_, random_, out);
    send_on(at, e.from, out);
  }

  seeded_random random_{5};
  steady_time now_{1h};
  identity::roster roster_;
  std::vector<node> nodes_;
  std::vector<cable> cables_;
  std::multimap<steady_time, flight> flying_;
};

const std::string marker = "the plaintext of a payload";

std::string payload_of(std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += marker;
  out.resize(bytes);
  return out;
}

/// Bytes beside the payload that one packet takes on each cable, once a few have gone before.
std::vector<std::size_t> overhead_of(row_of_nodes& net, std::size_t payload_bytes = 400) {
  const auto payload = payload_of(payload_bytes);
  net.send(payload); // opens the session where one is needed
  net.run_for(2s);
  REQUIRE(net.is_ready());
  for (int i = 0; i < 10; ++i) {
    net.send(payload);
    net.run_for(1s);
  }
  const auto before = net.wire.size(), arrived = net.arrived.size();
  net.send(payload);
  net.run_for(50ms);
  REQUIRE(net.arrived.size() == arrived + 1);
  CHECK(net.arrived.back() == payload);
  std::vector<std::size_t> out(net.nodes() - 1, 0);
  for (auto i = before; i < net.wire.size(); ++i)
    if (net.wire[i].bytes.size() >= payload_bytes) {
      CHECK(out[net.wire[i].cable] == 0); // one datagram on each
      out[net.wire[i].cable] = net.wire[i].bytes.size() - payload_bytes;
    }
  return out;
}

void print(const char* shape, const std::vector<std::size_t>& overhead, std::size_t budget) {
  std::cout << "overhead " << shape << ":";
  for (auto each : overhead) std::cout << ' ' << each;
  std::cout << " bytes on each link, of " << budget << " (" << overhead.front() + packet_header_bytes
            << " with the conversation's header)\n";
}

} // namespace

TEST_CASE("a packet to a direct neighbour over udp costs 27 bytes, within the budget of 32") {
  row_of_nodes net{{medium::udp}};
  const auto overhead = overhead_of(net);
  print("to a neighbour over udp", overhead, direct_bytes_max);
  CHECK(overhead == std::vector<std::size_t>{27});
  CHECK(overhead[0] <= direct_bytes_max);
}

TEST_CASE("a packet over several hops costs 53 bytes, within the budget of 64, however many hops there are") {
  for (std::size_t hops : {2u, 5u}) {
    row_of_nodes net{std::vector<medium>(hops, medium::udp)};
    const auto overhead = overhead_of(net);
    print(hops == 2 ? "over two hops of udp" : "over five hops of udp", overhead, far_bytes_max);
    CHECK(overhead == std::vector<std::size_t>(hops, 53));
    for (auto each : overhead) CHECK(each <= far_bytes_max);
  }
}

TEST_CASE("a packet on a serial line costs 11 bytes to a neighbour and 12 beyond, within the budget of 12") {
  row_of_nodes near{{medium::tty}};
  const auto overhead = overhead_of(near);
  print("to a neighbour over tty", overhead, slow_bytes_max);
  CHECK(overhead == std::vector<std::size_t>{11});
  CHECK(overhead[0] <= slow_bytes_max);

  // what the ends' own session adds is theirs: it crosses every medium of the path
  row_of_nodes far{{medium::tty, medium::udp, medium::tty}};
  auto beyond = overhead_of(far);
  for (auto& each : beyond) each -= session_overhead_bytes;
  print("beyond a neighbour over tty, udp and tty, without the end-to-end session's 25", beyond, slow_bytes_max);
  CHECK(beyond == std::vector<std::size_t>{12, 28, 12});
  CHECK(beyond[0] <= slow_bytes_max);
}

TEST_CASE("a neighbour of an earlier version gets whole headers, and the links behind it labels") {
  row_of_nodes net{{medium::udp, medium::udp}, true};
  CHECK(overhead_of(net) == std::vector<std::size_t>{25 + 66 + 25, 53});
}

TEST_CASE("a relay reads no payload, and nobody on the wires does, labelled or not") {
  row_of_nodes net{{medium::udp, medium::tty, medium::udp}};
  overhead_of(net);
  REQUIRE_FALSE(net.read_by_relays.empty());
  std::size_t labelled = 0;
  for (auto& each : net.read_by_relays) {
    CHECK(to_text(each).find(marker) == std::string::npos);
    auto header = route::decode_overlay_header(each);
    REQUIRE(header.ok());
    labelled += header->kind == route::packet_kind::labelled && !header->direct;
  }
  CHECK(labelled > 0);
  std::size_t with_short_tails = 0;
  for (auto& each : net.wire) {
    CHECK(to_text(each.bytes).find(marker) == std::string::npos);
    with_short_tails += link::type_of(each.bytes) == link::datagram_type::sealed_label;
  }
  CHECK(with_short_tails > 0);
}
