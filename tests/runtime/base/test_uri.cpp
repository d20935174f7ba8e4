#include "runtime/base/uri.hpp"

#include "runtime/base/bytes.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;

TEST_CASE("channel URIs of every shape are understood") {
  auto udp = parse_channel_uri("udp://nas.example.org:7400");
  REQUIRE(udp);
  CHECK(udp->scheme == "udp");
  CHECK(udp->host == "nas.example.org");
  CHECK(udp->port == 7400);
  auto six = parse_channel_uri("tcp://[fe80::1%eth0]:9?via=socks5://127.0.0.1:9050");
  REQUIRE(six);
  CHECK(six->host == "fe80::1%eth0");
  CHECK(six->parameters.at("via") == "socks5://127.0.0.1:9050");
  auto path = parse_channel_uri("unix:/run/my%20glow.sock");
  REQUIRE(path);
  CHECK(path->path == "/run/my glow.sock");
}

TEST_CASE("broken channel URIs are refused with one line and an example") {
  for (auto* text :
       {"", "udp", "udp:", "udp://", "udp:/nohost", "udp://:7", "udp://h:99999", "udp://h:", "udp://a:b:c", "://x", "UDP://h:1",
        "udp://[::1", "udp://[::1]7", "tcp://h:1/path", "unix:%zz", "unix:/a%00b", "udp://h:1?x", "udp://h h:1"}) {
    auto parsed = parse_channel_uri(text);
    INFO(text);
    REQUIRE(!parsed);
    CHECK(parsed.why().code == error_code::usage);
    CHECK(parsed.why().message.find('\n') == std::string::npos);
    CHECK(parsed.why().message.find("example") != std::string::npos);
  }
  CHECK(!parse_channel_uri("unix:" + std::string(2000, 'x')));
}

TEST_CASE("a channel URI's canonical text means the same URI") {
  REQUIRE(rc::check("uri round trip", [](const std::string& path, std::uint16_t port) {
    channel_uri uri{"udp", "::1", port, "", {}};
    RC_ASSERT(*parse_channel_uri(to_string(uri)) == uri);
    RC_PRE(path.find('\0') == std::string::npos && path.size() < 200);
    channel_uri local{"unix", "", 0, "/" + path, {{"k", path}}};
    RC_PRE(!path.starts_with('/'));
    RC_ASSERT(*parse_channel_uri(to_string(local)) == local);
  }));
}

TEST_CASE("paths and hosts that look like something else keep their meaning in the canonical text") {
  for (auto* text : {"unix:/%2Frun/a.sock", "tcp://[[a]", "tcp://[[::1]:7", "unix:%2F%2Frun", "loopback:a%3Fb?k=%26"}) {
    INFO(text);
    auto uri = parse_channel_uri(text);
    REQUIRE(uri);
    auto again = parse_channel_uri(to_string(*uri));
    REQUIRE(again);
    CHECK(*again == *uri);
  }
}

TEST_CASE("a channel URI whose canonical text would be too long is refused") {
  CHECK(parse_channel_uri("unix:/" + std::string(339, '\xe4')));
  auto refused = parse_channel_uri("unix:/" + std::string(340, '\xe4'));
  REQUIRE_FALSE(refused);
  CHECK(refused.why().code == error_code::usage);
}

TEST_CASE("random bytes never crash the parser") {
  REQUIRE(rc::check("uri noise", [](const std::string& noise) { (void)parse_channel_uri(noise); }));
}
