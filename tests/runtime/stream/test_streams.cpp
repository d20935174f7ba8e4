#include "runtime/stream/limits.hpp"
#include "tests/runtime/stream/conversation_pair.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::stream;
using glow::stream::test::conversation_pair;
using glow::stream::test::network_traits;
using glow::stream::test::random_body;

namespace {

/// What one end of one stream did and heard.
struct stream_end {
  byte_string to_write; ///< not yet handed over
  bool end_when_written = true;
  bool end_told = false;
  std::size_t writable = 0;
  byte_string heard;
  bool ended = false;
  std::optional<error> over;
  bool reads = true;
  std::size_t unread = 0;
};

/// Two ends that write what they are given as fast as they may, and read at once.
class stream_world {
public:
  explicit stream_world(network_traits over, std::uint64_t seed) : net{over, seed} {
    net.on_stream = [this](int side, stream_event& event) {
      std::visit(overloaded{
                   [&](stream_arrived& e) {
                     auto& end = ends[{side, e.stream}];
                     end.writable = e.writable;
                     services.push_back(e.service);
                     if (on_arrival) on_arrival(side, e.stream, end);
                     pump(side, e.stream);
                   },
                   [&](stream_received& e) {
                     auto& end = ends[{side, e.stream}];
                     std::size_t bytes = 0;
                     for (auto& each : e.bytes) {
                       append(end.heard, each);
                       bytes += each.size();
                     }
                     if (end.ended) twice_ended = true;
                     end.ended = end.ended || e.end;
                     end.unread += bytes;
                     if (end.reads) consume(side, e.stream);
                   },
                   [&](stream_writable& e) {
                     ends[{side, e.stream}].writable += e.bytes;
                     pump(side, e.stream);
                   },
                   [&](stream_over& e) {
                     ends[{side, e.stream}].over = e.why;
                   },
                 },
                 event);
    };
  }
  stream_key open(int side, byte_string bytes, stream_terms terms = {"echo"}, bool end_when_written = true) {
    auto made = net.sides[side]->open_stream(terms, net.now);
    REQUIRE(made.ok());
    auto& end = ends[{side, made->stream}];
    end.writable = made->writable;
    end.to_write = std::move(bytes);
    end.end_when_written = end_when_written;
    pump(side, made->stream);
    return made->stream;
  }
  void consume(int side, stream_key key) {
    auto& end = ends[{side, key}];
    net.sides[side]->consume_stream(key, std::exchange(end.unread, 0), net.now);
  }
  void pump(int side, stream_key key) {
    auto& end = ends[{side, key}];
    auto length = std::min(end.writable, end.to_write.size());
    std::vector<byte_string> pieces;
    if (length > 0) pieces.emplace_back(end.to_write.begin(), end.to_write.begin() + static_cast<std::ptrdiff_t>(length));
    end.to_write.erase(end.to_write.begin(), end.to_write.begin() + static_cast<std::ptrdiff_t>(length));
    end.writable -= length;
    bool last = end.to_write.empty() && end.end_when_written && !end.end_told;
    if (length == 0 && !last) return;
    end.end_told = end.end_told || last;
    net.sides[side]->write_stream(key, std::move(pieces), last, net.now);
  }
  /// The other side's key of the same stream.
  static stream_key mirrored(stream_key key) { return key ^ 1; }

  conversation_pair net;
  std::map<std::pair<int, stream_key>, stream_end> ends;
  std::vector<std::string> services;
  std::function<void(int, stream_key, stream_end&)> on_arrival;
  bool twice_ended = false;
};

bool over_well(const stream_end& end) { return end.over && end.over->code == error_code::none; }

} // namespace

TEST_CASE("a stream carries bytes both ways, ends each way by itself, and is over when all is delivered") {
  for (double loss : {0.0, 0.05, 0.3}) {
    INFO(loss);
    stream_world world{{loss, 0.02, 2ms, 1ms}, 1};
    auto there = random_body(world.net.random, 300000);
    auto back = random_body(world.net.random, 70000);
    world.on_arrival = [&](int, stream_key, stream_end& end) { end.to_write = back; };
    auto key = world.open(0, there, {"files"});
    auto& near = world.ends[{0, key}];
    auto& far = world.ends[{1, stream_world::mirrored(key)}];
    REQUIRE(world.net.run([&] { return near.over && far.over; }, 10min));
    CHECK(over_well(near));
    CHECK(over_well(far));
    CHECK(far.heard == there);
    CHECK(near.heard == back);
    CHECK(near.ended);
    CHECK(far.ended);
    CHECK(world.services == std::vector<std::string>{"files"});
    CHECK_FALSE(world.twice_ended);
    CHECK(world.net.run([&] { return world.net.sides[0]->is_idle() && world.net.sides[1]->is_idle(); }, 1min));
    CHECK(world.net.sides[0]->held_bytes() == 0);
  }
}

TEST_CASE("a direction that ended leaves the other one open") {
  stream_world world{{}, 2};
  world.on_arrival = [](int, stream_key, stream_end& end) { end.end_when_written = false; };
  auto key = world.open(0, to_bytes(std::string_view{"question"}));
  auto& far = world.ends[{1, stream_world::mirrored(key)}];
  REQUIRE(world.net.run([&] { return far.ended; }, 1min));
  world.net.run([] { return false; }, 1h);
  auto& near = world.ends[{0, key}];
  CHECK_FALSE(near.over);
  CHECK_FALSE(far.over);
  far.to_write = to_bytes(std::string_view{"answer, an hour later"});
  far.end_when_written = true;
  world.pump(1, stream_world::mirrored(key));
  REQUIRE(world.net.run([&] { return over_well(near) && over_well(far); }, 1min));
  CHECK(to_text(near.heard) == "answer, an hour later");
}

TEST_CASE("any number of streams of any length over any network arrive exactly") {
  REQUIRE(rc::check([] {
    auto loss = *rc::gen::inRange(0, 25) / 100.0;
    auto packet = static_cast<std::size_t>(*rc::gen::element(64, 200, 1200, 9000, 65000));
    stream_world world{{loss, 0.05, 1ms, 3ms}, *rc::gen::arbitrary<std::uint64_t>()};
    world.net.set_route(path{node_id{}, true, packet, 1ms});
    auto sizes = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 90000));
    std::map<std::pair<int, stream_key>, byte_string> sent;
    world.on_arrival = [&](int side, stream_key key, stream_end& end) {
      end.to_write = random_body(world.net.random, static_cast<std::size_t>(world.net.random.next_below(50000)));
      sent[{side, key}] = end.to_write;
    };
    int side = 0;
    for (auto size : sizes) {
      auto body = random_body(world.net.random, size);
      auto key = world.open(side, body);
      sent[{side, key}] = std::move(body);
      side = 1 - side;
    }
    RC_ASSERT(world.net.run(
      [&] {
        return world.ends.size() == 2 * sizes.size()
               && std::all_of(world.ends.begin(), world.ends.end(), [](auto& each) { return each.second.over.has_value(); });
      },
      10h));
    for (auto& [at, end] : world.ends) {
      RC_ASSERT(over_well(end));
      RC_ASSERT((end.heard == sent[{1 - at.first, stream_world::mirrored(at.second)}]));
    }
    RC_ASSERT(!world.twice_ended);
    RC_ASSERT(world.net.longest <= packet);
    RC_ASSERT(world.net.sides[0]->held_bytes() == 0 && world.net.sides[1]->held_bytes() == 0);
  }));
}

TEST_CASE("a reader that does not read holds its stream back, and no other one") {
  stream_world world{{}, 3};
  world.on_arrival = [&](int, stream_key, stream_end& end) { end.reads = world.services.size() != 1; };
  auto stuck = world.open(0, random_body(world.net.random, 4u << 20));
  auto free = world.open(0, random_body(world.net.random, 4u << 20));
  auto& stuck_far = world.ends[{1, stream_world::mirrored(stuck)}];
  auto& free_far = world.ends[{1, stream_world::mirrored(free)}];
  REQUIRE(world.net.run([&] { return over_well(free_far); }, 1h));
  CHECK(stuck_far.heard.size() <= limits::stream_window_initial);
  CHECK_FALSE(stuck_far.ended);
  CHECK(world.ends[{0, stuck}].to_write.size() > 3u << 20);
  stuck_far.reads = true;
  world.consume(1, stream_world::mirrored(stuck));
  CHECK(world.net.run([&] { return over_well(stuck_far); }, 1h));
  CHECK(stuck_far.heard.size() == 4u << 20);
}

TEST_CASE("a stream that is closed ends at the other side with the reason, and its credit comes back") {
  stream_world world{{0.1, 0, 2ms, 2ms}, 4};
  world.on_arrival = [](int, stream_key, stream_end& end) { end.reads = false; };
  // more than the credit of all streams together passes through streams that are given up in their middle
  const auto rounds = limits::stream_credit_bytes / limits::stream_window_initial + 100;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    auto key = world.open(0, random_body(world.net.random, 100000));
    auto& far = world.ends[{1, stream_world::mirrored(key)}];
    REQUIRE(world.net.run([&] { return far.heard.size() > 50000; }, 1h));
    world.net.sides[0]->close_stream(key, {error_code::stopped, "changed my mind"});
    REQUIRE(world.net.run([&] { return far.over.has_value(); }, 1h));
    REQUIRE(*far.over == error{error_code::stopped, "changed my mind"});
    world.ends.clear();
    world.services.clear();
  }
  CHECK(world.net.run([&] { return world.net.sides[0]->is_idle() && world.net.sides[1]->is_idle(); }, 1min));
}

TEST_CASE("the side that was called may refuse") {
  stream_world world{{}, 5};
  world.on_arrival = [&](int side, stream_key key, stream_end& end) {
    end.end_when_written = false;
    world.net.sides[side]->close_stream(key, {error_code::not_found, "no service 'echo' here"});
  };
  auto key = world.open(0, random_body(world.net.random, 1000000));
  auto& near = world.ends[{0, key}];
  REQUIRE(world.net.run([&] { return near.over.has_value(); }, 1min));
  CHECK(*near.over == error{error_code::not_found, "no service 'echo' here"});
  CHECK(world.net.run([&] { return world.net.sides[0]->is_idle() && world.net.sides[1]->is_idle(); }, 1min));
}

TEST_CASE("a stream outlives a path that is away for a day") {
  stream_world world{{0, 0, 20ms}, 6};
  auto body = random_body(world.net.random, 2u << 20);
  auto key = world.open(0, body);
  auto& far = world.ends[{1, stream_world::mirrored(key)}];
  REQUIRE(world.net.run([&] { return far.heard.size() > 500000; }, 1h));
  world.net.set_route({});
  world.net.run([] { return false; }, 24h);
  world.net.set_route(path{node_id{}, false, 300, 2ms}); // narrower, too
  REQUIRE(world.net.run([&] { return over_well(far); }, 1h));
  CHECK(far.heard == body);
}

TEST_CASE("a stream to a node that never answers is given up in time") {
  stream_world world{{}, 7};
  world.net.blackhole = true;
  auto key = world.open(0, to_bytes(std::string_view{"anybody?"}), {"echo", stream_priority::normal, 5s});
  auto& near = world.ends[{0, key}];
  auto begun = world.net.now;
  REQUIRE(world.net.run([&] { return near.over.has_value(); }, 1min));
  CHECK(world.net.now - begun == 5s);
  CHECK(near.over->code == error_code::timed_out);
}

TEST_CASE("a stream with patience is given up when the other node falls silent for longer") {
  stream_world world{{}, 8};
  auto key = world.open(0, {}, {"echo", stream_priority::normal, 5s, 20s});
  auto& near = world.ends[{0, key}];
  near.end_when_written = false;
  world.on_arrival = [](int, stream_key, stream_end& end) { end.end_when_written = false; };
  auto second = world.open(0, random_body(world.net.random, 10), {"echo", stream_priority::normal, 5s, 20s});
  world.ends[{0, second}].end_when_written = false;
  world.net.run([] { return false; }, 1h); // nothing is under way: no patience is needed
  auto& end = world.ends[{0, second}];
  REQUIRE_FALSE(end.over);
  world.net.blackhole = true;
  auto third = world.open(0, random_body(world.net.random, 10), {"echo", stream_priority::normal, 5s, 20s});
  REQUIRE(world.net.run([&] { return world.ends[{0, third}].over.has_value(); }, 6s));
}

TEST_CASE("the streams of a node that started anew are over") {
  stream_world world{{}, 9};
  world.on_arrival = [](int, stream_key, stream_end& end) { end.end_when_written = false; };
  auto key = world.open(0, to_bytes(std::string_view{"hello"}));
  auto& far = world.ends[{1, stream_world::mirrored(key)}];
  world.net.run([] { return false; }, 1s);
  REQUIRE(far.ended);
  world.net.restart(1);
  auto& near = world.ends[{0, key}];
  REQUIRE(world.net.run([&] { return near.over.has_value(); }, 1min)); // found by the beat, with nothing under way
  CHECK(near.over->code == error_code::stopped);
}

TEST_CASE("a stream opened to a node that is about to start anew begins anew with it, whole") {
  stream_world world{{0.1, 0.02, 2ms, 1ms}, 9};
  auto first = world.open(0, to_bytes(std::string_view{"hello"}));
  REQUIRE(world.net.run([&] { return world.ends[{0, first}].over.has_value(); }, 1min)); // both know each other now
  world.net.blackhole = true;
  const auto there = random_body(world.net.random, 300000);
  auto second = world.open(0, there);
  world.net.run([] { return false; }, 10s);
  world.net.restart(1);
  world.net.blackhole = false;
  auto& near = world.ends[{0, second}];
  REQUIRE(world.net.run([&] { return near.over.has_value(); }, 1min));
  CHECK(over_well(near));
  CHECK(world.ends[{1, stream_world::mirrored(second)}].heard == there);
  CHECK(world.net.sides[0]->held_bytes() == 0);
}

TEST_CASE("acknowledgements that went astray are said again as soon as their sender has another path") {
  stream_world world{{}, 12};
  auto key = world.open(0, random_body(world.net.random, 1u << 20));
  REQUIRE(world.net.run([&] { return world.ends[{1, stream_world::mirrored(key)}].heard.size() > 100'000; }, 1min));
  world.net.mute[1] = true;
  world.net.run([] { return false; }, 1400ms); // by now its probes are far apart
  world.net.mute[1] = false;
  auto& sender = *world.net.sides[0];
  REQUIRE(sender.recovery().probe_rounds() > 2);
  node_id another;
  another.value[0] = 1;
  world.net.sides[1]->set_path(path{another, false, 1200, 2ms}, world.net.now);
  CHECK(world.net.run([&] { return sender.recovery().probe_rounds() == 0; }, 5ms));
}

TEST_CASE("many streams share a path fairly") {
  stream_world world{{0, 0, 5ms}, 10};
  constexpr int count = 100;
  std::vector<stream_key> keys;
  for (int i = 0; i < count; ++i) keys.push_back(world.open(0, random_body(world.net.random, 400000)));
  std::size_t all = 0;
  world.net.run(
    [&] {
      all = 0;
      for (auto key : keys) all += world.ends[{1, stream_world::mirrored(key)}].heard.size();
      return all > 10'000'000;
    },
    1h);
  double sum = 0, squares = 0; // Jain's index
  for (auto key : keys) {
    auto got = static_cast<double>(world.ends[{1, stream_world::mirrored(key)}].heard.size());
    sum += got;
    squares += got * got;
  }
  CHECK(sum * sum / (count * squares) >= 0.95);
}

TEST_CASE("an urgent stream overtakes, and does not starve the others") {
  stream_world world{{0, 0, 20ms}, 11};
  auto background = world.open(0, random_body(world.net.random, 32u << 20), {"a", stream_priority::background});
  world.net.run([] { return false; }, 200ms);
  auto urgent = world.open(0, random_body(world.net.random, 8u << 20), {"b", stream_priority::urgent});
  auto& first = world.ends[{1, stream_world::mirrored(urgent)}];
  auto& last = world.ends[{1, stream_world::mirrored(background)}];
  auto before = last.heard.size();
  REQUIRE(world.net.run([&] { return over_well(first); }, 1h));
  CHECK_FALSE(last.over);
  CHECK(last.heard.size() > before + 100000);
  CHECK(world.net.run([&] { return over_well(last); }, 1h));
}

TEST_CASE("a small request overtakes a stream") {
  stream_world world{{0, 0, 10ms}, 12};
  world.open(0, random_body(world.net.random, 16u << 20));
  world.net.run([] { return false; }, 100ms);
  auto small = world.net.sides[0]->send_request(2, random_body(world.net.random, 100), world.net.now + 1h);
  REQUIRE(world.net.run([&] { return world.net.answers.contains({0, *small}); }, 1h));
  CHECK(world.ends.begin()->second.to_write.size() > 0);
}

TEST_CASE("no more streams are opened than may be") {
  stream_world world{{}, 13};
  world.on_arrival = [](int, stream_key, stream_end& end) { end.end_when_written = false; };
  std::vector<stream_key> keys;
  for (std::size_t i = 0; i < limits::stream_open_max; ++i) keys.push_back(world.open(0, {}));
  CHECK(world.net.sides[0]->open_stream({"echo"}, world.net.now).why().code == error_code::exhausted);
  REQUIRE(world.net.run([&] { return world.net.sides[1]->stream_count() == limits::stream_open_max; }, 1h));
  for (auto key : keys) world.net.sides[0]->close_stream(key, {error_code::stopped, "enough"});
  CHECK(world.net.run([&] { return world.net.sides[0]->is_idle() && world.net.sides[1]->is_idle(); }, 1h));
}

namespace {

struct written_in_turns {
  std::size_t packets = 0; ///< for the writes that were counted
  duration slowest{};      ///< from a write to its last byte at the other side
};

/// Twenty writes that each fill `packets` packets and begin another one, one every `pause`.
written_in_turns write_in_turns(duration latency, std::size_t packets, duration pause) {
  stream_world world{{.latency = latency}, 7};
  auto key = world.open(0, byte_string(100'000, 's'), {"echo"}, false);
  auto& heard = world.ends[{1, stream_world::mirrored(key)}].heard;
  std::size_t written = 100'000;
  REQUIRE(world.net.run([&] { return heard.size() == written; }, 5s));
  world.net.run([] { return false; }, 1s);
  written_in_turns out;
  const auto before = world.net.sides[0]->recovery().counted().packets_sent;
  std::vector<std::pair<std::size_t, steady_time>> due;
  auto note_arrivals = [&] {
    while (!due.empty() && heard.size() >= due.front().first) {
      out.slowest = std::max<duration>(out.slowest, world.net.now - due.front().second);
      due.erase(due.begin());
    }
    return false;
  };
  for (int i = 0; i < 20; ++i) {
    auto& end = world.ends[{0, key}];
    end.to_write = byte_string(1100 * packets + 300, 's');
    written += end.to_write.size();
    due.emplace_back(written, world.net.now);
    world.pump(0, key);
    world.net.run(note_arrivals, pause);
    world.net.now += pause;
  }
  REQUIRE(world.net.run([&] { return note_arrivals() || due.empty(); }, 5s));
  out.packets = world.net.sides[0]->recovery().counted().packets_sent - before;
  return out;
}

} // namespace

TEST_CASE("the last bytes of a write wait to fill a packet while others are under way over a quick path") {
  auto quick = write_in_turns(100us, 6, 10us);
  CHECK(quick.packets <= 20 * 6 + 10);
  CHECK(quick.slowest < 5ms);
}

TEST_CASE("the last bytes of a write do not wait where an acknowledgement takes long, nor for nothing") {
  CHECK(write_in_turns(20ms, 6, 15ms).packets >= 20 * 6);
  auto alone = write_in_turns(100us, 1, 50ms);
  CHECK(alone.packets >= 20 * 2);
  CHECK(alone.slowest < 1ms);
}
