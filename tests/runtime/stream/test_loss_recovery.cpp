#include "runtime/stream/loss_recovery.hpp"

#include <catch2/catch.hpp>

#include <deque>

using namespace glow;
using namespace glow::stream;

namespace {

constexpr std::size_t packet_bytes = 1200;

/// A sender whose packets the test acknowledges as it likes.
struct sender {
  loss_recovery recovery{packet_bytes, false, 20ms};
  steady_time now{100s};

  void send(std::size_t packets) {
    for (std::size_t i = 0; i < packets; ++i) recovery.on_sent(packet_bytes, true, {{i}}, now);
  }
  loss_recovery::outcome acknowledge(std::uint32_t from, std::uint32_t to) {
    ack_frame ack;
    ack.count = 1;
    ack.spans[0] = {from, to};
    return recovery.on_ack(ack, now);
  }
  std::size_t window() { return recovery.window().window_bytes(); }
};

/// The window of a sender that always has something to say, after a second on a path of 20 ms that loses nothing, and whose round
/// trip grows by `queued` for each packet under way.
std::size_t window_after_a_second(duration queued) {
  sender s;
  std::deque<std::pair<std::uint32_t, steady_time>> flying;
  std::uint32_t next = 0;
  const auto end = s.now + 1s;
  while (s.now < end) {
    while (s.recovery.window_open() && flying.size() < 8000) {
      flying.emplace_back(next++, s.now + 20ms + queued * static_cast<int>(flying.size()));
      s.send(1);
    }
    auto [number, arrives] = flying.front();
    flying.pop_front();
    s.now = std::max(s.now, arrives);
    s.acknowledge(number, number);
  }
  return s.window();
}

} // namespace

TEST_CASE("a packet that was overtaken, not lost, takes back what it did to the window") {
  sender s;
  s.send(20);
  s.now += 20ms;
  s.acknowledge(0, 0);
  const auto before = s.window();
  const auto out = s.acknowledge(2, 19);
  CHECK(out.lost.size() == 1); // number 1: three later ones were acknowledged
  CHECK(s.window() < before + 19 * packet_bytes);
  const auto reduced = s.window();
  s.now += 3ms;
  s.acknowledge(1, 1);
  CHECK(s.window() > reduced);
  CHECK(s.window() >= before);
}

TEST_CASE("on a path that reorders, packets are lost when their time is over, not when later ones arrive") {
  sender s;
  s.send(10);
  s.now += 20ms;
  s.acknowledge(2, 9);
  s.now += 3ms;
  s.acknowledge(0, 1);
  // from now on: overtaken by eight, and still waited for
  s.send(10);
  s.now += 20ms;
  CHECK(s.acknowledge(11, 19).lost.empty());
  REQUIRE(s.recovery.wake_at());
  CHECK(*s.recovery.wake_at() >= s.now + 5ms); // a quarter of a round trip more than usual
  s.now = *s.recovery.wake_at();
  CHECK(s.recovery.on_timer(s.now).lost.size() == 1);
}

TEST_CASE("packets that are lost and stay lost keep the window reduced") {
  sender s;
  s.send(20);
  s.now += 20ms;
  s.acknowledge(0, 0);
  s.acknowledge(3, 19);
  const auto reduced = s.window();
  s.now += 3ms;
  s.acknowledge(1, 1); // one of the two has come, the other has not
  CHECK(s.window() == reduced);
}

TEST_CASE("packets lost while the other end was just coming up do not end slow start, but not for ever") {
  sender s;
  std::uint32_t next = 0;
  auto lose_one_of_six = [&] {
    s.send(6);
    s.now += 20ms;
    s.acknowledge(next + 1, next + 5);
    next += 6;
    s.now += 1s;
  };
  for (int i = 0; i < 3; ++i) {
    lose_one_of_six();
    CHECK(s.recovery.window().in_slow_start());
  }
  lose_one_of_six();
  CHECK_FALSE(s.recovery.window().in_slow_start());
}

TEST_CASE("slow start ends when a queue grows with the window, and not on a path that has none") {
  CHECK(window_after_a_second(0ms) == limits::stream_window_bytes_max);
  const auto with_queue = window_after_a_second(20us); // 60 MB/s: 1.2 MB fill the path
  CHECK(with_queue > 600'000);
  CHECK(with_queue < 6'000'000); // five rounds of caution after the queue has shown itself
}
