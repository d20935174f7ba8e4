#include "runtime/link/limits.hpp"
#include "runtime/link/proxy.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::link;

namespace {

channel_uri place(const std::string& text) {
  auto parsed = parse_channel_uri(text);
  REQUIRE(parsed.ok());
  return *parsed;
}
channel_uri by(const std::string& via) { return {"tcp", "nas.example.org", 7400, "", {{"via", via}}}; }

} // namespace

TEST_CASE("a place says by which proxy it is reached") {
  CHECK(*proxy_of(place("tcp://10.0.0.1:7")) == std::nullopt);
  CHECK(*proxy_of(place("tcp://nas.onion:7400?via=socks5://127.0.0.1:9050"))
        == proxy_place{proxy_kind::socks5, "127.0.0.1", 9050, "", ""});
  CHECK(*proxy_of(place("tcp://nas:7400?via=http://proxy.example.org:3128/"))
        == proxy_place{proxy_kind::http_connect, "proxy.example.org", 3128, "", ""});
  CHECK(*proxy_of(place("tcp://nas:7400?via=socks5://[::1]:1080")) == proxy_place{proxy_kind::socks5, "::1", 1080, "", ""});
}

TEST_CASE("user name and password are escaped in the proxy's URI, which is escaped in the place's") {
  proxy_place wanted{proxy_kind::socks5, "h", 1, "me", "p@s:s/%&"};
  auto twice = "socks5://me:" + percent_encode(wanted.password) + "@h:1";
  CHECK(*proxy_of(place("tcp://nas:7400?via=" + percent_encode(twice))) == wanted);
  CHECK(*proxy_of(place("tcp://nas:7400?via=socks5://me:secret@h:1")) == proxy_place{proxy_kind::socks5, "h", 1, "me", "secret"});
  // escaped once only: the last '@' ends the password
  CHECK((*proxy_of(place("tcp://nas:7400?via=socks5://me:p%40ss@h:1")))->password == "p@ss");
  CHECK((*proxy_of(by("socks5://me@h:1")))->user == "me");
  const auto shown = rc::gen::map(rc::gen::suchThat(rc::gen::inRange(0x20, 0x100), [](int c) { return c != 0x7f; }),
                                  [](int c) { return static_cast<char>(c); });
  REQUIRE(rc::check("any password comes through", [&] {
    const auto password = *rc::gen::container<std::string>(shown); // of at most a hundred characters
    auto text = "tcp://nas:7400?via=" + percent_encode("http://me:" + percent_encode(password) + "@h:1");
    RC_PRE(text.size() < limits::uri_bytes_max);
    RC_ASSERT((*proxy_of(*parse_channel_uri(text)))->password == password);
  }));
}

TEST_CASE("a proxy that is not understood is refused without its password being told") {
  for (auto* via :
       {"", "9050", "socks5", "socks5://", "socks5://h", "socks5://h:0", "socks4://s3cret@h:1", "https://u:s3cret@h:1",
        "socks5://h:1/path", "socks5://h:1?x=1", "socks5://u:s3cret@h:99999", "socks5://:s3cret@h:1", "socks5://u:s3cret%@h:1",
        "socks5://u:s3cret%0d%0a@h:1", "http://u%3au:s3cret@h:1", "socks5://@h:1"}) {
    INFO(via);
    auto proxy = proxy_of(by(via));
    REQUIRE(!proxy);
    CHECK(proxy.why().code == error_code::usage);
    CHECK(proxy.why().message.find("?via=socks5://127.0.0.1:9050") != std::string::npos);
    CHECK(proxy.why().message.find("s3cret") == std::string::npos);
    CHECK(to_shown_text(by(via)).find("s3cret") == std::string::npos);
  }
  CHECK(!proxy_of(by("socks5://" + std::string(256, 'u') + "@h:1")));
  CHECK(proxy_of(by("socks5://" + std::string(255, 'u') + "@h:1")));
}

TEST_CASE("a medium that cannot go through a proxy is not dialled past it") {
  for (auto* scheme : {"udp", "unix", "loopback"}) {
    channel_uri uri{scheme, "h", 1, "", {{"via", "socks5://127.0.0.1:9050"}}};
    CHECK(proxy_of(uri).why().code == error_code::usage);
  }
}

TEST_CASE("a place is shown with its proxy, without the user name and password") {
  CHECK(to_shown_text(by("socks5://me:s3cret@127.0.0.1:9050")) == "tcp://nas.example.org:7400?via=socks5://127.0.0.1:9050");
  auto shown = without_credentials(by("http://me:s3cret@h:3128"));
  CHECK(*proxy_of(shown) == proxy_place{proxy_kind::http_connect, "h", 3128, "", ""});
  CHECK(to_shown_text(place("tcp://h:1?class=control")) == "tcp://h:1?class=control");
}

TEST_CASE("a channel URI that is refused is told without its proxy") {
  auto refused = parse_channel_uri("tcp://h:99999?via=socks5://me:s3cret@h:1");
  REQUIRE(!refused);
  CHECK(refused.why().message.find("s3cret") == std::string::npos);
  CHECK(refused.why().message.find("tcp://h:99999?via=") != std::string::npos);
}
