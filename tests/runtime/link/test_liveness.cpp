#include "runtime/link/liveness.hpp"

#include "runtime/link/limits.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::link;

namespace {

constexpr duration rtt = 1ms;

/// A local link's responder, which never beats first, and packets of its peer.
struct listener {
  steady_time now{1h};
  liveness life{liveness::pace::local, false, now};
  void hear(int packets, duration pause) {
    for (int i = 0; i < packets; ++i) now += pause, life.on_heard(now, rtt);
  }
  /// How long after now the peer is given up, if it stays silent.
  duration given_up_after() {
    for (auto at = life.next_tick();; at = life.next_tick())
      if (life.on_tick(at, rtt) == liveness::advice::dead) return at - now;
  }
};

} // namespace

TEST_CASE("a flow that breaks off leads to probes although nothing of our own is unanswered") {
  listener l;
  l.hear(100, 10ms);
  CHECK(l.life.next_tick() == l.now + 100ms);
  CHECK(l.life.on_tick(l.now + 100ms, rtt) == liveness::advice::probe);
  SECTION("whose answer puts the link to rest") {
    l.now += 101ms;
    l.life.on_heard(l.now, rtt);
    CHECK(l.life.next_tick() > l.now + limits::link_beat);
  }
  SECTION("without an answer the peer is given up as soon as by who sent to it") { CHECK(l.given_up_after() <= 300ms); }
}

TEST_CASE("a few packets, or now and then one, are no flow: nobody asks when they end") {
  listener l;
  l.hear(15, 1ms);
  CHECK(l.life.next_tick() > l.now + limits::link_beat);
  l.hear(100, 150ms);
  CHECK(l.life.next_tick() > l.now + limits::link_beat);
}

TEST_CASE("on a long path a flow is silent only after a round trip and more") {
  steady_time now{1h};
  liveness life{liveness::pace::wide, false, now};
  for (int i = 0; i < 100; ++i) now += 150ms, life.on_heard(now, 200ms);
  CHECK(life.next_tick() == now + 300ms);
}
