#include "tests/simulation/network.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::simulation;

namespace {

struct receiver final : frame_receiver {
  std::vector<std::pair<machine_number, frame>> got;
  std::vector<machine_number> lost;
  void on_frame(machine_number from, frame arrived) override { got.emplace_back(from, std::move(arrived)); }
  void on_carrier_lost(machine_number far) override { lost.push_back(far); }
};

/// Machine 0 behind a NAT box; 1 and 2 outside; wires without loss.
struct behind_nat {
  engine runs{1};
  network wires{runs, 1};
  receiver ends[3];

  explicit behind_nat(nat_box::kind what) {
    medium_profile wire{"wire", "udp", false, false, 1ms, 0ms, 0, 1'000'000'000, 1 << 20, 1232, ""};
    for (machine_number outside : {1u, 2u}) wires.lay(0, outside, wire);
    wires.lay(1, 2, wire);
    wires.set_nat(0, {what, 30s});
    for (machine_number i = 0; i < 3; ++i) wires.attach(i, "udp", &ends[i]);
  }
  ~behind_nat() {
    for (machine_number i = 0; i < 3; ++i) wires.detach(i, "udp", &ends[i]);
  }
  /// The port that the datagram came from, 0 when it did not arrive.
  std::uint16_t send(machine_number from, machine_number to, std::uint16_t to_port = listening_port) {
    auto before = ends[to].got.size();
    wires.send(from, to, "udp", {.bytes = {1}, .to_port = to_port});
    runs.run_for(1s);
    return ends[to].got.size() == before ? 0 : ends[to].got.back().second.from_port;
  }
};

} // namespace

TEST_CASE("nothing enters a NAT box that no mapping leads through") {
  for (auto what : {nat_box::kind::endpoint_independent, nat_box::kind::port_restricted, nat_box::kind::symmetric}) {
    behind_nat net{what};
    CHECK(net.send(1, 0) == 0);
    auto port = net.send(0, 1);
    CHECK(port > listening_port);
    CHECK(net.send(1, 0, port) == listening_port);
    net.runs.run_for(31s);
    CHECK(net.send(1, 0, port) == 0);
    CHECK(net.send(0, 1) != port); // a new mapping
  }
}

TEST_CASE("an endpoint-independent mapping is one for all and open to all, a restricted one to those written to") {
  behind_nat open{nat_box::kind::endpoint_independent};
  auto port = open.send(0, 1);
  CHECK(open.send(2, 0, port) != 0);
  CHECK(open.send(0, 2) == port);
  behind_nat restricted{nat_box::kind::port_restricted};
  port = restricted.send(0, 1);
  CHECK(restricted.send(2, 0, port) == 0);
  CHECK(restricted.send(0, 2) == port);
  CHECK(restricted.send(2, 0, port) != 0);
}

TEST_CASE("a symmetric NAT box has a mapping for each destination") {
  behind_nat net{nat_box::kind::symmetric};
  auto first = net.send(0, 1), second = net.send(0, 2);
  CHECK(first != second);
  CHECK(net.send(2, 0, first) == 0);
  CHECK(net.send(2, 0, second) != 0);
}

TEST_CASE("a machine that is switched off neither sends nor hears") {
  behind_nat net{nat_box::kind::endpoint_independent};
  net.wires.switch_off(2, true);
  CHECK(net.send(1, 2) == 0);
  CHECK(net.send(2, 1) == 0);
  net.wires.switch_off(2, false);
  CHECK(net.send(1, 2) != 0);
}

TEST_CASE("both ends of a cable are told that its carrier is lost, and nothing passes until it is back") {
  behind_nat net{nat_box::kind::endpoint_independent};
  net.wires.break_carrier(2); // between 1 and 2
  CHECK(net.ends[1].lost == std::vector<machine_number>{2});
  CHECK(net.ends[2].lost == std::vector<machine_number>{1});
  CHECK(net.ends[0].lost.empty());
  CHECK(net.send(1, 2) == 0);
  net.wires.cut_both(2, false);
  CHECK(net.send(1, 2) != 0);
}
