#include "tests/fuzz/target.hpp"

#include <cstdio>
#include <cstdlib>

namespace glow::fuzz {

namespace {
/// A screenful and more: enough for every message of ours with what it quotes.
constexpr std::size_t message_bytes_max = 4096;
} // namespace

void require(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "A law is broken: %s\n", law);
  std::abort();
}

void require_readable(const error& why) {
  require(why.code != error_code::none, "an error has a code");
  require(!why.message.empty(), "an error has a message");
  require(why.message.size() <= message_bytes_max, "an error's message is bounded");
}

} // namespace glow::fuzz
