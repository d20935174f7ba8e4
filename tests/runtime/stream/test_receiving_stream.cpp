#include "runtime/stream/receiving_stream.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::stream;

namespace {

constexpr duration rtt = 20ms;

/// A stream whose sender uses its whole window, and whose reader consumes it all, again and again, `pause` apart.
std::vector<std::uint64_t> windows_of(duration pause, std::size_t rounds) {
  receiving_stream stream;
  std::size_t segments = 0;
  std::vector<std::uint64_t> windows;
  steady_time now{1s};
  for (std::size_t i = 0; i < rounds; ++i, now += pause) {
    const byte_string bytes(static_cast<std::size_t>(stream.limit() - stream.highest()));
    std::vector<byte_string> out;
    REQUIRE(stream.add(stream.highest(), bytes, false, out, segments) == receiving_stream::verdict::taken);
    REQUIRE(stream.consume(bytes.size(), now, rtt));
    windows.push_back(stream.limit() - stream.consumed());
  }
  return windows;
}

} // namespace

TEST_CASE("a window that is used up quickly grows fourfold from its first use, twofold from a megabyte on, up to its bound") {
  constexpr std::uint64_t k = 1024;
  CHECK(windows_of(rtt, 8)
        == std::vector<std::uint64_t>{256 * k, 1024 * k, 2048 * k, 4096 * k, 8192 * k, 16384 * k, 16384 * k, 16384 * k});
}

TEST_CASE("a window that lasts for many round trips stays as it is") {
  CHECK(windows_of(1s, 4) == std::vector<std::uint64_t>(4, 4 * limits::stream_window_initial));
}

TEST_CASE("what lies beyond the window is not taken") {
  receiving_stream stream;
  std::size_t segments = 0;
  std::vector<byte_string> out;
  CHECK(stream.add(0, byte_string(limits::stream_window_initial + 1), false, out, segments) == receiving_stream::verdict::beyond);
  CHECK(out.empty());
}
