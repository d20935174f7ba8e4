#include "runtime/stream/limits.hpp"
#include "tests/runtime/stream/machine_network.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::stream;
using glow::stream::test::machine_network;

namespace {

byte_string numbered_bytes(std::size_t size) {
  byte_string out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return out;
}

/// What one end of one stream heard; whatever arrives is consumed at once.
struct heard_stream {
  node_id peer;
  std::string service;
  byte_string bytes;
  std::size_t writable = 0;
  bool ended = false;
  std::optional<error> over;
};

struct stream_network : machine_network {
  stream_network(std::size_t count, std::uint64_t seed) : machine_network{count, seed} {
    on_stream = [this](std::size_t at, stream_told& told) {
      std::visit(overloaded{
                   [&](stream_arrived& e) {
                     auto& mine = heard[{at, e.stream}];
                     mine.peer = told.peer;
                     mine.service = e.service;
                     mine.writable = e.writable;
                     arrived.emplace_back(at, e.stream);
                   },
                   [&](stream_received& e) {
                     auto& mine = heard[{at, e.stream}];
                     std::size_t bytes = 0;
                     for (auto& each : e.bytes) {
                       append(mine.bytes, each);
                       bytes += each.size();
                     }
                     mine.ended = mine.ended || e.end;
                     perform(at, nodes[at].machine->consume_stream(e.stream, bytes, now));
                   },
                   [&](stream_writable& e) {
                     heard[{at, e.stream}].writable += e.bytes;
                     pump(at, e.stream);
                   },
                   [&](stream_over& e) {
                     heard[{at, e.stream}].over = e.why;
                   },
                 },
                 told.what);
    };
  }
  std::uint64_t open(std::size_t from, std::size_t to, traffic_class traffic = traffic_class::interactive,
                     stream_terms terms = {"echo"}) {
    endpoint_effects effects;
    auto made = nodes[from].machine->open_stream(id(to), traffic, terms, now, effects);
    REQUIRE(made.ok());
    heard[{from, made->stream}].writable = made->writable;
    perform(from, std::move(effects));
    return made->stream;
  }
  void write(std::size_t at, std::uint64_t stream, byte_string bytes) {
    to_write[{at, stream}] = std::move(bytes);
    pump(at, stream);
  }
  void pump(std::size_t at, std::uint64_t stream) {
    auto found = to_write.find({at, stream});
    if (found == to_write.end()) return;
    auto& left = found->second;
    auto length = static_cast<std::ptrdiff_t>(std::min(left.size(), heard[{at, stream}].writable));
    std::vector<byte_string> pieces;
    pieces.emplace_back(left.begin(), left.begin() + length);
    left.erase(left.begin(), left.begin() + length);
    heard[{at, stream}].writable -= static_cast<std::size_t>(length);
    bool end = left.empty();
    if (end) to_write.erase(found);
    perform(at, nodes[at].machine->write_stream(stream, std::move(pieces), end, now));
  }
  void close(std::size_t at, std::uint64_t stream, error why) { perform(at, nodes[at].machine->close_stream(stream, why, now)); }

  std::map<std::pair<std::size_t, std::uint64_t>, heard_stream> heard;
  std::map<std::pair<std::size_t, std::uint64_t>, byte_string> to_write;
  std::vector<std::pair<std::size_t, std::uint64_t>> arrived;
};

} // namespace

TEST_CASE("a stream to a neighbour tells who called, and brings the bytes") {
  stream_network net{2, 1};
  net.link(0, 1, 1200);
  auto stream = net.open(0, 1, traffic_class::bulk, {"files"});
  net.write(0, stream, numbered_bytes(500000));
  REQUIRE(net.run([&] { return net.arrived.size() == 1 && net.heard[net.arrived[0]].ended; }, 1min));
  auto& far = net.heard[net.arrived[0]];
  CHECK(far.peer == net.id(0));
  CHECK(far.service == "files");
  CHECK(far.bytes == numbered_bytes(500000));
  net.write(1, net.arrived[0].second, {});
  REQUIRE(net.run([&] { return far.over && net.heard[{0, stream}].over; }, 1min));
  CHECK(far.over->code == error_code::none);
  CHECK(net.nodes[0].machine->stream_count() == 0);
  CHECK(net.nodes[1].machine->stream_count() == 0);
  CHECK(net.ticks_in_vain == 0);
}

TEST_CASE("a stream goes over relays, which see nothing of it") {
  stream_network net{3, 2};
  net.link(0, 1, 1200);
  net.link(1, 2, 1200);
  net.tap = true;
  auto stream = net.open(0, 2);
  auto body = to_bytes(std::string_view{"nobody on the way reads these words"});
  net.write(0, stream, body);
  REQUIRE(net.run([&] { return net.arrived.size() == 1 && net.heard[net.arrived[0]].ended; }, 1min));
  CHECK(net.heard[net.arrived[0]].bytes == body);
  REQUIRE_FALSE(net.tapped.empty());
  for (auto& each : net.tapped) CHECK(std::search(each.begin(), each.end(), body.begin(), body.end()) == each.end());
}

TEST_CASE("a stream moves from path to path a thousand times, and loses and doubles nothing") {
  stream_network net{4, 3};
  net.latency = 5ms;
  net.loss = 0.01;
  for (std::size_t relay : {1u, 2u}) {
    net.link(0, relay, 1200);
    net.link(relay, 3, 1200);
  }
  auto stream = net.open(0, 3);
  const auto body = numbered_bytes(64u << 20);
  net.write(0, stream, body);
  REQUIRE(net.run([&] { return net.arrived.size() == 1; }, 1min));
  auto& far = net.heard[net.arrived[0]];
  std::size_t active = 1;
  int cuts = 0;
  while (!far.ended && cuts < 1000) {
    net.link(active, 3, 0); // the active one; the other one takes over, and is cut next
    auto before = far.bytes.size();
    auto cut_at = net.now;
    REQUIRE(net.run([&] { return far.bytes.size() > before; }, 10s));
    CHECK(net.now - cut_at <= 500ms);
    ++cuts;
    net.link(active, 3, 1200);
    active = 3 - active;
    net.rest(std::chrono::milliseconds{net.random.next_below(20)});
  }
  CHECK(cuts >= 500);
  net.run([&] { return far.ended; }, 1h);
  CHECK(far.bytes == body);
}

TEST_CASE("a stream to this node itself needs no network") {
  stream_network net{1, 4};
  auto stream = net.open(0, 0);
  REQUIRE(net.arrived.size() == 1);
  auto called = net.arrived[0].second;
  net.write(0, stream, numbered_bytes(3u << 20));
  CHECK(net.heard[{0, called}].ended);
  CHECK(net.heard[{0, called}].bytes == numbered_bytes(3u << 20));
  net.write(0, called, to_bytes(std::string_view{"thanks"}));
  CHECK(to_text(net.heard[{0, stream}].bytes) == "thanks");
  CHECK(net.heard[{0, stream}].over == error{error_code::none, {}});
  CHECK(net.nodes[0].machine->stream_count() == 0);
  auto second = net.open(0, 0);
  net.close(0, second, {error_code::stopped, "enough"});
  CHECK(net.heard[net.arrived[1]].over == error{error_code::stopped, "enough"});
}

TEST_CASE("bulk streams are refused where only slow links lead, interactive ones are not") {
  stream_network net{2, 5};
  std::vector<route> routes{{net.id(1), traffic_class::interactive, net.id(1), 1, 300000, 200}};
  net.perform(0, net.nodes[0].machine->on_routes(routes, net.now));
  endpoint_effects effects;
  auto refused = net.nodes[0].machine->open_stream(net.id(1), traffic_class::bulk, {"x"}, net.now, effects);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.why().code == error_code::unreachable);
  CHECK(refused.why().message.find("too slow for bulk") != std::string::npos);
  CHECK(net.nodes[0].machine->open_stream(net.id(1), traffic_class::interactive, {"x"}, net.now, effects).ok());
}

TEST_CASE("strangers get no stream, and streams of an expelled node end") {
  stream_network net{2, 6};
  net.link(0, 1, 1200);
  auto stream = net.open(0, 1);
  net.rest(1s);
  net.everybody_is_member(1);
  net.tell_roster(0);
  REQUIRE(net.heard[{0, stream}].over);
  CHECK(net.heard[{0, stream}].over->code == error_code::not_a_member);
  endpoint_effects effects;
  CHECK(net.nodes[0].machine->open_stream(net.id(1), traffic_class::bulk, {"x"}, net.now, effects).why().code
        == error_code::not_a_member);
}
