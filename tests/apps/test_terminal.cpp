#include "apps/client/terminal.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace glow::client;

namespace {

terminal sized(std::size_t columns, std::size_t rows) { return {true, false, columns, rows, true}; }

/// What stands on the screen after the frame, control sequences taken away.
std::vector<std::string> rows_of(std::string frame) {
  REQUIRE(frame.starts_with("\x1b[H"));
  REQUIRE(frame.ends_with("\x1b[J"));
  for (auto sequence : {"\x1b[H", "\x1b[K", "\x1b[J"})
    for (std::size_t at; (at = frame.find(sequence)) != std::string::npos;) frame.erase(at, 3);
  std::vector<std::string> out{""};
  for (std::size_t i = 0; i < frame.size(); ++i) {
    if (frame.compare(i, 2, "\r\n") == 0)
      out.emplace_back(), ++i;
    else
      out.back() += frame[i];
  }
  return out;
}

} // namespace

TEST_CASE("a frame starts at the top, clears each line's rest and all below") {
  CHECK(frame(sized(80, 24), "glow links", "A  B\n1  2\n") == "\x1b[Hglow links\x1b[K\r\nA  B\x1b[K\r\n1  2\x1b[K\x1b[J");
}

TEST_CASE("a frame is never higher than the terminal, and says how much it leaves out") {
  std::string body;
  for (int i = 1; i <= 30; ++i) body += "line " + std::to_string(i) + "\n";
  for (std::size_t rows = 2; rows <= 40; ++rows) {
    auto shown = rows_of(frame(sized(80, rows), "heading", body));
    CHECK(shown.size() == std::min<std::size_t>(rows, 31));
    if (rows < 31)
      CHECK(shown.back() == "… " + std::to_string(30 - (rows - 2)) + " more lines");
    else
      CHECK(shown.back() == "line 30");
  }
}

TEST_CASE("a heading is cut to the width") {
  CHECK(rows_of(frame(sized(6, 24), "glow links", "")) == std::vector<std::string>{"glow …"});
}
