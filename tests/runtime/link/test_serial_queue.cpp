#include "runtime/link/serial_queue.hpp"

#include "runtime/base/random.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

constexpr std::size_t at_9600 = 960;

byte_string filled(std::size_t size, std::uint8_t with) { return byte_string(size, with); }

/// What a line carries until `until`, when it takes every frame as soon as it may.
struct carried {
  std::size_t bytes = 0;
  std::vector<byte_string> datagrams;
  steady_time last{};
};
carried drain(serial_queue& queue, steady_time from, steady_time until) {
  carried out;
  serial_receiver far;
  for (auto now = from; now <= until;) {
    auto frame = queue.take(now);
    if (frame) {
      out.bytes += frame->size();
      out.last = now;
      far.feed(*frame, out.datagrams);
      continue;
    }
    auto next = queue.next_take();
    if (!next || *next > until) break;
    now = *next;
  }
  return out;
}

} // namespace

TEST_CASE("a serial line gets no more than its baud rate carries") {
  serial_queue queue{at_9600};
  steady_time now{1h};
  std::size_t bytes = 0;
  for (int tenth = 0; tenth < 100; ++tenth, now += 100ms) { // ten seconds, always full
    queue.push(filled(600, 1));
    queue.push(filled(600, 2));
    bytes += drain(queue, now, now + 100ms).bytes;
  }
  CHECK(bytes <= 9600 + 240 + 30); // one frame begun, and the lead
  CHECK(bytes >= 9600 - 240);
}

TEST_CASE("a short datagram waits for one frame of a long one, not for all of it") {
  serial_queue queue{at_9600};
  steady_time now{1h};
  queue.push(filled(1200, 1));
  REQUIRE(queue.take(now));
  queue.push(filled(30, 2));
  auto then = queue.next_take();
  REQUIRE(then);
  CHECK(*then - now <= 250ms);
  auto second = queue.take(*then);
  REQUIRE(second);
  CHECK(second->size() < 50);
  auto rest = drain(queue, *then, now + 10s);
  CHECK(rest.bytes > 900);
}

TEST_CASE("short datagrams without end do not stop a long one") {
  serial_queue queue{at_9600};
  steady_time now{1h};
  queue.push(filled(1000, 9));
  serial_receiver far;
  std::vector<byte_string> heard;
  for (int i = 0; i < 200 && (heard.empty() || heard.back() != filled(1000, 9)); ++i) {
    queue.push(filled(60, 1));
    queue.push(filled(60, 1));
    now = *queue.next_take();
    far.feed(*queue.take(now), heard);
  }
  CHECK(heard.back() == filled(1000, 9));
}

TEST_CASE("a full queue drops the oldest, whole, and never what has half left") {
  REQUIRE(rc::check("serial queue under load", [] {
    auto rate = *rc::gen::element<std::size_t>(120, at_9600, 11520, 400'000);
    serial_queue queue{rate};
    steady_time now{1h};
    serial_receiver far;
    std::vector<byte_string> heard;
    std::uint64_t sent = 0;
    auto steps = *rc::gen::container<std::vector<std::pair<bool, std::uint16_t>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange<std::uint16_t>(1, 1233)));
    for (auto& [pushes, size] : steps) {
      if (pushes) {
        queue.push(filled(size, static_cast<std::uint8_t>(size)));
        ++sent;
      } else if (auto next = queue.next_take()) {
        now = std::max(now, *next);
        far.feed(*queue.take(now), heard);
      }
      RC_ASSERT(queue.waiting_bytes() <= std::max<std::size_t>(rate / 2, limits::serial_queue_bytes_min) + 1232);
    }
    while (auto next = queue.next_take()) {
      now = std::max(now, *next);
      far.feed(*queue.take(now), heard);
    }
    RC_ASSERT(queue.waiting_bytes() == 0u);
    RC_ASSERT(far.rejected() == 0u);
    RC_ASSERT(heard.size() + queue.dropped() == sent);
  }));
}

TEST_CASE("the newest datagram of a flood gets through") {
  serial_queue queue{at_9600};
  for (int i = 0; i < 1000; ++i) queue.push(filled(1000, 1));
  queue.push(filled(1000, 2));
  auto all = drain(queue, steady_time{1h}, steady_time{2h});
  REQUIRE(!all.datagrams.empty());
  CHECK(all.datagrams.back() == filled(1000, 2));
  CHECK(all.datagrams.size() <= 2);
  CHECK(queue.dropped() == 1001 - all.datagrams.size());
}
