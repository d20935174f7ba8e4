/// Two sessions that hold each other's keys.
#pragma once

#include "runtime/link/session.hpp"

namespace glow::link::test {

struct two_sides {
  secret_key one{byte_string(32, 1)};
  secret_key two{byte_string(32, 2)};
  steady_time start{100s};
  session a{11, one, two, start};
  session b{22, two, one, start};
};

} // namespace glow::link::test
