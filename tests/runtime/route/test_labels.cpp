#include "tests/runtime/route/mesh_network.hpp"

#include <rapidcheck.h>

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;

namespace {

node_id id_of(std::size_t number) {
  node_id out;
  out.value.fill(static_cast<std::uint8_t>(1 + number % 250));
  out.value[1] = static_cast<std::uint8_t>(number / 250);
  return out;
}
node_pair pair_of(std::size_t number) { return {id_of(number), id_of(number + 1)}; }

/// Both tables of one direction of a link that brings everything at once.
struct near_tables {
  steady_time now{100s};
  label_sender sends{7, now};
  label_receiver receives;

  label_sender::outcome packet(std::size_t pair) {
    auto out = sends.on_packet(pair_of(pair), now);
    if (out.bind) sends.on_bound(receives.on_bind(*out.bind));
    return out;
  }
  std::optional<std::uint16_t> label_of(std::size_t pair) {
    for (std::uint32_t i = 0; i < limits::label_after_packets; ++i) packet(pair);
    return packet(pair).label;
  }
};

} // namespace

TEST_CASE("a pair gets its label after a few packets, and only once the neighbour has acknowledged it") {
  near_tables t;
  t.now += limits::label_rest;
  CHECK_FALSE(t.sends.on_packet(pair_of(1), t.now).bind);
  CHECK_FALSE(t.sends.on_packet(pair_of(1), t.now).bind);
  auto bind = t.sends.on_packet(pair_of(1), t.now).bind;
  REQUIRE(bind);
  CHECK_FALSE(t.sends.on_packet(pair_of(1), t.now).label);
  auto wrong = t.receives.on_bind(*bind);
  ++wrong.number;
  t.sends.on_bound(wrong);
  wrong = t.receives.on_bind(*bind);
  ++wrong.life;
  t.sends.on_bound(wrong);
  CHECK_FALSE(t.sends.on_packet(pair_of(1), t.now).label);
  t.sends.on_bound(t.receives.on_bind(*bind));
  auto label = t.sends.on_packet(pair_of(1), t.now).label;
  REQUIRE(label == bind->label);
  REQUIRE(t.receives.pair_of(*label));
  CHECK(*t.receives.pair_of(*label) == pair_of(1));
}

TEST_CASE("a lost bind is repeated while its pair sends, ever more slowly") {
  near_tables t;
  t.now += limits::label_rest;
  std::vector<steady_time> told;
  for (int i = 0; i < 3000; ++i, t.now += 100ms)
    if (t.sends.on_packet(pair_of(1), t.now).bind) told.push_back(t.now);
  REQUIRE(told.size() > 4);
  CHECK(told[1] - told[0] >= limits::label_bind_retry);
  CHECK(told[1] - told[0] <= limits::label_bind_retry + 200ms);
  CHECK(told.size() < 12);
}

TEST_CASE("who begins anew binds nothing until the packets of its earlier life are gone") {
  near_tables t;
  for (int i = 0; i < 10; ++i) CHECK_FALSE(t.packet(1).bind);
  t.now += limits::label_rest;
  CHECK(t.packet(1).bind);
}

TEST_CASE("another life of the sender voids what the one before had bound") {
  near_tables t;
  t.now += limits::label_rest;
  REQUIRE(t.label_of(1) == 0);
  REQUIRE(t.label_of(2) == 1);
  t.receives.on_bind({8, 1, 1, pair_of(3)});
  CHECK(t.receives.pair_of(0) == nullptr);
  CHECK(*t.receives.pair_of(1) == pair_of(3));
}

TEST_CASE("a label that the neighbour does not know voids all, and their numbers rest") {
  near_tables t;
  t.now += limits::label_rest;
  REQUIRE(t.label_of(1) == 0);
  REQUIRE(t.label_of(2) == 1);
  t.sends.on_unknown(900, t.now);
  CHECK(t.packet(1).label == 0);
  t.sends.on_unknown(1, t.now);
  CHECK_FALSE(t.packet(1).label);
  CHECK(t.label_of(1) > 1); // other numbers
  t.sends.on_unknown(1, t.now);
  CHECK(t.packet(1).label > 1); // an old complaint
}

TEST_CASE("a full table keeps the pairs in use, and takes new ones for those that fell silent") {
  near_tables t;
  t.sends = label_sender{7, t.now, 4};
  t.now += limits::label_rest;
  for (std::size_t pair = 0; pair < 4; ++pair) REQUIRE(t.label_of(pair) == pair);
  for (std::size_t pair = 10; pair < 30; ++pair) CHECK_FALSE(t.label_of(pair));
  t.now += limits::label_idle;
  for (std::size_t pair = 0; pair < 3; ++pair) CHECK(t.packet(pair).label == pair);
  CHECK_FALSE(t.label_of(30)); // number 3 begins to rest
  t.now += limits::label_rest;
  for (std::size_t pair = 0; pair < 3; ++pair) CHECK(t.packet(pair).label == pair);
  CHECK(t.label_of(30) == 3);
  CHECK(*t.receives.pair_of(3) == pair_of(30));
}

TEST_CASE("any number of pairs takes bounded memory and few binds at a time") {
  near_tables t;
  t.now += limits::label_rest;
  std::size_t binds = 0;
  for (int round = 0; round < 4; ++round)
    for (std::size_t pair = 0; pair < 5000; ++pair) binds += t.sends.on_packet(pair_of(pair), t.now).bind.has_value();
  CHECK(t.sends.pairs() <= limits::labels_per_link_max);
  CHECK(binds == limits::labels_binding_max);
}

TEST_CASE("packets of labels that are no such packets are malformed") {
  auto bind = encode(label_bind{1, 2, 3, pair_of(1)});
  CHECK(bind.size() == label_bind_bytes);
  CHECK(std::get<label_bind>(*decode_label_packet(bind)) == label_bind{1, 2, 3, pair_of(1)});
  for (std::size_t length = 0; length < bind.size(); ++length)
    CHECK_FALSE(decode_label_packet(byte_view{bind}.first(length)).ok());
  CHECK_FALSE(decode_label_packet(encode(label_bound{1, 2, 1024})).ok());
  CHECK_FALSE(decode_label_packet(encode(label_unknown{0xffff})).ok());
  CHECK_FALSE(decode_label_packet(byte_string{4, 1, 0}).ok());
}

namespace {

/// One direction of a link that loses, repeats and reorders within label_rest, between two sides that may begin anew.
class shaky_tables {
public:
  static constexpr std::size_t labels = 4, pairs = 12;

  void packet(std::size_t pair) {
    auto said = sends_.on_packet(pair_of(pair), now_);
    if (said.bind) launch(*said.bind);
    if (said.label) ++labelled;
    if (said.label) launch(data{pair, *said.label});
  }
  void sender_restarts() { sends_ = label_sender{++life_, now_, labels}; }
  void receiver_restarts() { receives_ = {}; }
  void pass(duration span) {
    const auto end = now_ + std::chrono::duration_cast<steady_time::duration>(span);
    while (!wire_.empty() && wire_.begin()->first <= end) {
      now_ = wire_.begin()->first;
      auto what = wire_.begin()->second;
      wire_.erase(wire_.begin());
      std::visit(overloaded{
                   [&](const label_bind& p) { launch(receives_.on_bind(p)); },
                   [&](const label_bound& p) { sends_.on_bound(p); },
                   [&](const label_unknown& p) { sends_.on_unknown(p.label, now_); },
                   [&](const data& p) { arrive(p); },
                 },
                 what);
    }
    now_ = end;
  }

  std::size_t labelled = 0, understood = 0, misled = 0;

private:
  struct data {
    std::size_t pair;
    std::uint16_t label;
  };
  using message = std::variant<label_bind, label_bound, label_unknown, data>;

  void launch(message what) {
    for (auto copies = *rc::gen::weightedElement<int>({{2, 0}, {6, 1}, {2, 2}}); copies > 0; --copies)
      wire_.emplace(now_ + std::chrono::milliseconds{*rc::gen::weightedElement<int>({{3, 5}, {1, 400}, {1, 2900}})}, what);
  }
  void arrive(const data& p) {
    auto* found = receives_.pair_of(p.label);
    if (!found) {
      if (receives_.tells_unknown(now_)) launch(label_unknown{p.label});
      return;
    }
    ++understood;
    misled += *found != pair_of(p.pair);
  }

  steady_time now_{100s};
  std::uint64_t life_ = 1;
  label_sender sends_{life_, now_, labels};
  label_receiver receives_;
  std::multimap<steady_time, message> wire_;
};

} // namespace

TEST_CASE("no label ever misleads a packet, whatever is lost, repeated, reordered and begun anew") {
  std::size_t understood = 0;
  REQUIRE(rc::check("labels", [&] {
    shaky_tables t;
    for (int step = 0; step < 150; ++step) {
      switch (*rc::gen::weightedElement<int>({{60, 0}, {4, 1}, {1, 2}, {1, 3}})) {
      case 0: { // a few pairs at a time, so that others fall silent
        const auto pair = *rc::gen::inRange<std::size_t>(0, 3) + (static_cast<std::size_t>(step) / 30 * 3) % shaky_tables::pairs;
        for (int i = 0; i < 4; ++i) t.packet(pair);
        t.pass(std::chrono::milliseconds{*rc::gen::inRange(0, 1500)});
        break;
      }
      case 1: t.pass(31s); break;
      case 2: t.sender_restarts(); break;
      case 3: t.receiver_restarts(); break;
      }
    }
    t.pass(10s);
    RC_ASSERT(t.misled == 0);
    understood += t.understood;
  }));
  CHECK(understood > 1000); // it was about something
}

// ---- routers ---------------------------------------------------------------------------------------------------

namespace {

/// Nodes in a row, all of which know labels.
struct row_of_nodes : mesh {
  explicit row_of_nodes(std::size_t count, double loss = 0) : mesh{count, 11} {
    labels = true;
    for (std::size_t i = 1; i < count; ++i) cables.push_back(connect(i - 1, i, 2ms, loss));
    run_for(5s);
  }
  void say(std::size_t from, std::size_t to, int times, duration pause = 20ms) {
    for (int i = 0; i < times; ++i) {
      send(from, to, "text " + std::to_string(++said));
      run_for(pause);
    }
  }
  const router_traffic& traffic(std::size_t i) { return at(i).machine->traffic(); }
  /// Bytes of the headers of the packet that `node` forwards next, between these two.
  std::size_t header_bytes_of_next(std::size_t from, std::size_t to, std::size_t node) {
    const auto before = traffic(node).forwarded[1];
    send(from, to, "0123456789");
    run_for(1s);
    REQUIRE(traffic(node).forwarded[1].packets == before.packets + 1);
    return traffic(node).forwarded[1].bytes - before.bytes - 10;
  }
  std::vector<std::size_t> cables;
  int said = 0;
};

} // namespace

TEST_CASE("headers shrink on every hop after a few packets, and everything arrives from whom it came") {
  row_of_nodes net{5};
  net.say(0, 4, 10);
  net.say(4, 0, 10);
  net.say(1, 4, 10);
  for (std::size_t i : {1u, 2u, 3u}) {
    CHECK(net.header_bytes_of_next(0, 4, i) == labelled_header_bytes);
    CHECK(net.header_bytes_of_next(4, 0, i) == labelled_header_bytes);
  }
  CHECK(net.header_bytes_of_next(1, 4, 2) == labelled_header_bytes);
  CHECK(net.at(0).arrived.size() == 13);
  for (auto& each : net.at(0).arrived) CHECK(each.from == net.id_of(4));
  std::size_t from_0 = 0;
  for (auto& each : net.at(4).arrived) from_0 += each.from == net.id_of(0);
  CHECK(from_0 == 13);
  CHECK(net.at(4).arrived.size() == 24);
  for (auto& each : net.at(4).arrived) CHECK_FALSE(each.direct);
}

TEST_CASE("a relay that begins anew reads no label of before, says so, and learns them again") {
  row_of_nodes net{4};
  net.say(0, 3, 10);
  REQUIRE(net.header_bytes_of_next(0, 3, 1) == labelled_header_bytes);
  for (int life = 1; life < 4; ++life) {
    net.start(1, 1000 + static_cast<std::uint64_t>(life)); // its links never went down
    net.find_again(net.cables[0], 1);
    net.find_again(net.cables[1], 1);
    net.run_for(4s);
    const auto arrived = net.at(3).arrived.size();
    net.say(0, 3, 20);
    CHECK(net.at(1).machine->drops().unknown_label >= 1);
    CHECK(net.at(3).arrived.size() >= arrived + 15);
    net.run_for(1s);
    net.say(0, 3, 5);
    CHECK(net.header_bytes_of_next(0, 3, 1) == labelled_header_bytes);
    CHECK(net.header_bytes_of_next(0, 3, 2) == labelled_header_bytes);
  }
  for (auto& each : net.at(3).arrived) CHECK(each.from == net.id_of(0));
}

TEST_CASE("labels on lossy links that reorder: what arrives arrives where it was sent") {
  row_of_nodes net{5, 0.2};
  std::map<std::string, std::size_t> meant;
  for (int i = 0; i < 3000; ++i) {
    const auto from = static_cast<std::size_t>(i) % 5, to = static_cast<std::size_t>(i / 5 + 1 + i) % 5;
    if (from == to) continue;
    const auto text = std::to_string(from) + " to " + std::to_string(to) + " " + std::to_string(i);
    meant[text] = to;
    net.send(from, to, text);
    net.run_for(5ms);
    if (i % 700 == 699 && i < 2000) {
      net.start(2, 2000 + static_cast<std::uint64_t>(i));
      net.find_again(net.cables[1], 2);
      net.find_again(net.cables[2], 2);
    }
  }
  net.run_for(1s);
  std::size_t arrived = 0;
  for (std::size_t i = 0; i < net.size(); ++i)
    for (auto& each : net.at(i).arrived) {
      ++arrived;
      CHECK(meant.at(each.text) == i);
      CHECK(each.from == net.id_of(static_cast<std::size_t>(each.text[0] - '0')));
    }
  CHECK(arrived > 500);
  CHECK(net.traffic(2).forwarded[1].bytes / net.traffic(2).forwarded[1].packets < routed_header_bytes);
}

TEST_CASE("a label lets nobody through who was expelled since it was bound") {
  row_of_nodes net{4};
  net.say(0, 3, 10);
  REQUIRE(net.header_bytes_of_next(0, 3, 1) == labelled_header_bytes);
  net.expel_at(2, 0);
  const auto before = net.at(2).machine->drops().not_a_member;
  const auto arrived = net.at(3).arrived.size();
  net.say(0, 3, 3);
  CHECK(net.at(2).machine->drops().not_a_member >= before + 3);
  CHECK(net.at(3).arrived.size() == arrived);
}

TEST_CASE("a labelled packet loses a link of its hop limit on every link, and dies of it") {
  row_of_nodes net{3};
  net.say(0, 2, 10);
  REQUIRE(net.header_bytes_of_next(0, 2, 1) == labelled_header_bytes);
  // node 1 as node 0 speaks to it, by the label that node 0 bound first
  auto labelled = [](std::uint8_t hop_limit) {
    return put_overlay_header({packet_kind::labelled, traffic_class::interactive, false, hop_limit, {}, {}, 0}, to_bytes("x"));
  };
  auto sent = [&](std::uint8_t hop_limit) -> std::optional<std::uint8_t> {
    auto effects = net.at(1).machine->on_packets(1, packet_batch::of(labelled(hop_limit)), net.now);
    for (auto& each : effects)
      if (auto* packets = std::get_if<send_packets>(&each)) {
        CHECK(packets->seal == link::sealing::label);
        return decode_overlay_header(packets->packets.contents()[0])->hop_limit;
      }
    return std::nullopt;
  };
  CHECK(sent(63) == 62);
  CHECK(sent(2) == 1);
  const auto before = net.at(1).machine->drops().hop_limit;
  CHECK_FALSE(sent(1));
  CHECK_FALSE(sent(0));
  CHECK(net.at(1).machine->drops().hop_limit == before + 2);
}

TEST_CASE("labels that nobody bound are dropped, and complained of ten times a second at the most") {
  row_of_nodes net{2};
  std::size_t complaints = 0;
  const auto before = net.at(1).machine->drops().unknown_label;
  for (int i = 0; i < 1000; ++i, net.now += 1ms) {
    auto packet = put_overlay_header(
      {packet_kind::labelled, traffic_class::bulk, false, 9, {}, {}, static_cast<std::uint16_t>(i)}, byte_string(100));
    for (auto& each : net.at(1).machine->on_packets(1, packet_batch::of(packet), net.now))
      complaints += std::holds_alternative<send_packets>(each);
  }
  CHECK(net.at(1).machine->drops().unknown_label == before + 1000);
  CHECK(complaints <= 11);
  CHECK(complaints >= 5);
}

TEST_CASE("a neighbour that does not know labels gets none, and what it says of them is malformed") {
  mesh net{3, 5};
  net.connect(0, 1, 2ms);
  net.connect(1, 2, 2ms);
  net.run_for(5s);
  for (int i = 0; i < 20; ++i) net.send(0, 2, "0123456789"), net.run_for(50ms);
  CHECK(net.at(1).machine->traffic().forwarded[1].bytes == 20 * (routed_header_bytes + 10));
  const auto before = net.at(1).machine->drops().malformed;
  auto bind = put_overlay_header({packet_kind::labelled, traffic_class::control, true, 1, {}, {}},
                                 encode(label_bind{1, 1, 0, {net.id_of(0), net.id_of(2)}}));
  (void)net.at(1).machine->on_packets(1, packet_batch::of(bind), net.now);
  CHECK(net.at(1).machine->drops().malformed == before + 1);
}
