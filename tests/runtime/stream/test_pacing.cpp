#include "runtime/stream/congestion.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::stream;

namespace {

constexpr std::size_t packet_bytes = 1400;
constexpr duration rtt = 20ms;

/// A sender with a window of a megabyte whose timers ring late.
struct paced_sender {
  paced_sender() {
    while (window.window_bytes() < 1'000'000) window.on_acknowledged(packet_bytes, now, now, rtt, true);
  }
  /// Sends what may leave at once; returns how much that was.
  std::size_t burst() {
    std::size_t sent = 0;
    for (; window.may_burst(now, rtt); sent += packet_bytes) window.on_sent(packet_bytes);
    return sent;
  }
  /// Bytes in a second, all timers `late`.
  std::size_t second(duration late) {
    std::size_t sent = 0;
    for (auto end = now + 1s; now < end; sent += burst()) {
      now = window.next_burst(rtt) + late;
      window.on_woken(late);
    }
    return sent;
  }

  congestion window{packet_bytes, false};
  steady_time now{1s};
};

} // namespace

TEST_CASE("timers that ring late cost no throughput, up to half a round trip") {
  for (auto late : {duration{0}, duration{1ms}, duration{5ms}, duration{9ms}}) {
    INFO(to_ms(late));
    paced_sender sender;
    (void)sender.burst();
    (void)sender.second(late);
    CHECK(sender.second(late) >= 50'000'000); // a window each round trip
  }
}

TEST_CASE("bursts are of two milliseconds while timers are on time, again some time after they were late, and bounded at any") {
  paced_sender sender;
  (void)sender.burst();
  const auto on_time =
    static_cast<std::size_t>(2 * 2e-3 * 1'000'000 / 20e-3) + 2 * packet_bytes; // twice the window each round trip
  auto largest = [&](duration late) {
    std::size_t most = 0;
    for (int i = 0; i < 1000; ++i) {
      sender.now = sender.window.next_burst(rtt) + late;
      sender.window.on_woken(late);
      most = std::max(most, sender.burst());
    }
    return most;
  };
  CHECK(largest(0ms) <= on_time);
  CHECK(largest(8ms) > 2 * on_time);
  (void)largest(0ms);
  CHECK(largest(0ms) <= on_time);
  CHECK(largest(10s) <= 6 * on_time); // two milliseconds and half a round trip
}
