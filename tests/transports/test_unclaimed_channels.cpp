#include "transports/limits.hpp"
#include "transports/unclaimed_channels.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using transports::unclaimed_channels;

TEST_CASE("the oldest stranger makes room for a new one") {
  unclaimed_channels strangers{2};
  steady_time now{};
  CHECK(!strangers.add(1, now));
  CHECK(!strangers.add(2, now));
  CHECK(strangers.add(3, now) == channel_id{1});
  CHECK(strangers.size() == 2);
  CHECK(!strangers.contains(1));
}

TEST_CASE("a claimed channel is no stranger") {
  unclaimed_channels strangers{2};
  steady_time now{};
  strangers.add(1, now);
  CHECK(strangers.remove(1));
  CHECK(!strangers.remove(1));
  CHECK(!strangers.next_expiry());
  CHECK(!strangers.take_expired(now + 1h));
}

TEST_CASE("a stranger's time ends, in order of arrival") {
  unclaimed_channels strangers;
  steady_time now{};
  strangers.add(1, now);
  strangers.add(2, now + 1s);
  CHECK(strangers.next_expiry() == now + limits::unclaimed_channel_life);
  CHECK(!strangers.take_expired(now + limits::unclaimed_channel_life - 1ms));
  CHECK(strangers.take_expired(now + limits::unclaimed_channel_life) == channel_id{1});
  CHECK(!strangers.take_expired(now + limits::unclaimed_channel_life));
}

TEST_CASE("a stranger that is added twice keeps its first time") {
  unclaimed_channels strangers;
  steady_time now{};
  strangers.add(1, now);
  strangers.add(1, now + 2s);
  CHECK(strangers.size() == 1);
  CHECK(strangers.next_expiry() == now + limits::unclaimed_channel_life);
}
