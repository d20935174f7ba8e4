#include "runtime/link/limits.hpp"
#include "runtime/link/proxy_handshake.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::link;

namespace {

const proxy_place open_socks{proxy_kind::socks5, "127.0.0.1", 9050, "", ""};
const proxy_place locked_socks{proxy_kind::socks5, "127.0.0.1", 1080, "me", "s3cret"};
const proxy_place open_http{proxy_kind::http_connect, "127.0.0.1", 3128, "", ""};
const proxy_place locked_http{proxy_kind::http_connect, "127.0.0.1", 3128, "Aladdin", "open sesame"};

proxy_handshake begun(const proxy_place& proxy, const std::string& host = "nas.onion", std::uint16_t port = 7400) {
  auto made = proxy_handshake::to(proxy, host, port);
  REQUIRE(made.ok());
  (void)made->begin();
  return *made;
}
byte_string operator+(byte_string a, const byte_string& b) {
  append(a, b);
  return a;
}
byte_string text(std::string_view from) { return to_bytes(from); }

const byte_string takes_none{5, 0};
const byte_string takes_password{5, 2};
const byte_string lets_in{1, 0};
const byte_string goes{5, 0, 0, 1, 10, 0, 0, 1, 0x1f, 0x90};
const byte_string asks_for_nas = byte_string{5, 1, 0, 3, 9} + text("nas.onion") + byte_string{0x1c, 0xe8};

/// All that a handshake says to such an answer, given whole and then byte by byte: both must come to the same.
struct told {
  byte_string sent;
  bool open = false;
  byte_string left;
  std::optional<error> failed;
};
told tell(proxy_handshake handshake, const byte_string& answer, std::size_t piece) {
  told out;
  std::size_t at = 0;
  while (at < answer.size()) {
    auto bytes = byte_view{answer}.subspan(at, std::min(piece, answer.size() - at));
    auto step = handshake.feed(bytes);
    if (!step) {
      out.failed = step.why();
      CHECK(handshake.feed(bytes).why() == step.why()); // it stays broken
      return out;
    }
    append(out.sent, step->to_send);
    at += step->taken;
    if (step->open) {
      out.open = true;
      out.left = to_bytes(byte_view{answer}.subspan(at));
      CHECK(handshake.feed(byte_string{1, 2, 3})->taken == 0); // it takes nothing more
      return out;
    }
    CHECK(step->taken == bytes.size());
  }
  return out;
}
told tell(const proxy_handshake& handshake, const byte_string& answer) {
  auto whole = tell(handshake, answer, answer.size());
  for (std::size_t piece : {std::size_t{1}, std::size_t{3}}) {
    auto pieces = tell(handshake, answer, piece);
    if (!whole.failed) CHECK(pieces.sent == whole.sent); // else the whole came too fast for an answer
    CHECK(pieces.open == whole.open);
    CHECK(pieces.left == whole.left);
    CHECK(pieces.failed == whole.failed);
  }
  return whole;
}
error refusal_of(const proxy_place& proxy, const byte_string& answer) {
  auto heard = tell(begun(proxy), answer);
  CHECK_FALSE(heard.open);
  REQUIRE(heard.failed);
  CHECK(heard.failed->message.find("s3cret") == std::string::npos);
  CHECK(heard.failed->message.find("sesame") == std::string::npos);
  return *heard.failed;
}
bool begins(const error& why, std::string_view with) { return why.message.starts_with(with); }

} // namespace

// ---- socks5 --------------------------------------------------------------------------------------------------------

TEST_CASE("socks5 without a user name offers no authentication, and asks for a name by its name") {
  auto handshake = *proxy_handshake::to(open_socks, "nas.onion", 7400);
  CHECK_FALSE(handshake.has_begun());
  CHECK(handshake.begin() == byte_string{5, 1, 0});
  CHECK(handshake.has_begun());
  auto heard = tell(handshake, takes_none + goes);
  CHECK(heard.sent == asks_for_nas);
  CHECK(heard.open);
  CHECK(heard.left.empty());
}

TEST_CASE("socks5 tells user name and password where the proxy asks for them, and only there") {
  auto handshake = *proxy_handshake::to(locked_socks, "nas.onion", 7400);
  CHECK(handshake.begin() == byte_string{5, 2, 0, 2});
  auto asked = tell(handshake, takes_password + lets_in + goes);
  CHECK(asked.sent == byte_string{1, 2, 'm', 'e', 6, 's', '3', 'c', 'r', 'e', 't'} + asks_for_nas);
  CHECK(asked.open);
  CHECK(tell(handshake, takes_none + goes).sent == asks_for_nas);
}

TEST_CASE("socks5 asks for IP addresses as such") {
  CHECK(tell(begun(open_socks, "10.1.2.3", 80), takes_none).sent == byte_string{5, 1, 0, 1, 10, 1, 2, 3, 0, 80});
  auto six = tell(begun(open_socks, "fd00::1", 80), takes_none).sent;
  CHECK(six == byte_string{5, 1, 0, 4, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80});
}

TEST_CASE("what follows a proxy's answer is the peer's, whatever address the answer tells") {
  byte_string peer{0, 3, 5, 0, 0};
  for (auto& answer : {goes, byte_string{5, 0, 0, 3, 0, 0, 0}, byte_string{5, 0, 9, 3, 2, 'a', 'b', 0, 1},
                       byte_string{5, 0, 0, 4} + byte_string(18, 7)})
    CHECK(tell(begun(open_socks), takes_none + answer + peer).left == peer);
  for (auto* answer : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200\nA: b\n\n", "HTTP/1.1 299 \r\nContent-Length: 3\r\n\r\n",
                       "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"})
    CHECK(tell(begun(open_http), text(answer) + peer).left == peer);
}

TEST_CASE("socks5 refusals are told in words, and tell apart who is away and who does not want") {
  struct {
    std::uint8_t code;
    error_code kind;
    const char* words;
  } known[] = {
    {1, error_code::unreachable, "general failure (1)"},        {2, error_code::failed, "not allowed by its rules (2)"},
    {3, error_code::unreachable, "network unreachable (3)"},    {4, error_code::unreachable, "host unreachable (4)"},
    {5, error_code::unreachable, "connection refused (5)"},     {6, error_code::timed_out, "time to live expired (6)"},
    {7, error_code::failed, "command not supported (7)"},       {8, error_code::failed, "kind of address not supported (8)"},
    {0xf0, error_code::unreachable, "onion service not found"}, {99, error_code::failed, "without a name (99)"}};
  for (auto& each : known) {
    auto why = refusal_of(open_socks, takes_none + byte_string{5, each.code});
    CHECK(why.code == each.kind);
    CHECK(begins(why, "proxy refused: socks5://127.0.0.1:9050 answers '"));
    CHECK(why.message.find(each.words) != std::string::npos);
    CHECK(why.message.find("nas.onion:7400") != std::string::npos);
  }
}

TEST_CASE("socks5 authentication fails with the reason") {
  auto missing = refusal_of(open_socks, {5, 0xff});
  CHECK(begins(missing, "proxy authentication failed: "));
  CHECK(missing.message.find("USER:PASSWORD") != std::string::npos);
  CHECK(begins(refusal_of(locked_socks, {5, 0xff}), "proxy authentication failed: "));
  auto wrong = refusal_of(locked_socks, takes_password + byte_string{1, 1});
  CHECK(begins(wrong, "proxy authentication failed: "));
  CHECK(wrong.code == error_code::failed);
}

TEST_CASE("what is no socks5 proxy is found out") {
  for (auto& answer : {byte_string{4, 0}, byte_string{0, 0}, text("HTTP/1.1 400 Bad Request\r\n"), text("SSH-2.0-x"),
                       byte_string{5, 2}, byte_string{5, 1}, takes_none + byte_string{4, 0},
                       takes_none + byte_string{5, 0, 0, 2, 0}, takes_none + byte_string{5, 0, 0, 0, 0}}) {
    auto why = refusal_of(open_socks, answer);
    CHECK(why.code == error_code::malformed);
    CHECK(begins(why, "proxy misunderstood: "));
  }
  CHECK(refusal_of(open_socks, text("HTTP/1.1 400 Bad Request\r\n")).message.find("?via=http://") != std::string::npos);
  CHECK(refusal_of(locked_socks, takes_password + byte_string{5, 0}).code == error_code::malformed);
}

// ---- http ----------------------------------------------------------------------------------------------------------

TEST_CASE("http asks for CONNECT, with Basic authentication where there is a user name") {
  CHECK(as_text(proxy_handshake::to(open_http, "nas.onion", 7400)->begin())
        == "CONNECT nas.onion:7400 HTTP/1.1\r\nHost: nas.onion:7400\r\n\r\n");
  CHECK(as_text(proxy_handshake::to(locked_http, "fd00::1", 7)->begin())
        == "CONNECT [fd00::1]:7 HTTP/1.1\r\nHost: [fd00::1]:7\r\n"
           "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"); // the example of RFC 7617
}

TEST_CASE("http refusals are told in the proxy's words, made harmless") {
  auto away = refusal_of(open_http, text("HTTP/1.1 502 Bad Gateway\r\n"));
  CHECK(away.code == error_code::unreachable);
  CHECK(away.message == "proxy refused: http://127.0.0.1:3128 answers '502 Bad Gateway' for nas.onion:7400");
  CHECK(refusal_of(open_http, text("HTTP/1.1 403 Filtered\r\n")).code == error_code::failed);
  CHECK(refusal_of(open_http, text("HTTP/1.1 504\r\n")).code == error_code::timed_out);
  CHECK(refusal_of(open_http, text("HTTP/1.1 301 Moved\r\n")).code == error_code::failed);
  auto long_one = refusal_of(open_http, text("HTTP/1.0 500 " + std::string(4000, 'x') + "\xff\r\n"));
  CHECK(long_one.message.size() < 400);
}

TEST_CASE("http authentication fails with the reason") {
  auto missing = refusal_of(open_http, text("HTTP/1.1 407 Proxy Authentication Required\r\n"));
  CHECK(begins(missing, "proxy authentication failed: "));
  CHECK(missing.message.find("USER:PASSWORD") != std::string::npos);
  CHECK(begins(refusal_of(locked_http, text("HTTP/1.1 407 No\r\n")), "proxy authentication failed: "));
}

TEST_CASE("what is no http proxy is found out, also if it never ends a line") {
  for (auto* answer : {"SSH-2.0-OpenSSH", "HTTQ", "\r\n", "HTTP/2 200\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 2000 OK\r\n",
                       "HTTP/1.1  200 OK\r\n", "HTTP/1.1 999 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 101 Switching\r\n",
                       "HTTP/1.1 200 OK\rX", "HTTP/1.1 200 \x1b[2J\r\n", "HTTP/1.1 200 OK\r\n\x01\r\n"}) {
    INFO(answer);
    auto why = refusal_of(open_http, text(answer));
    CHECK(why.code == error_code::malformed);
    CHECK(begins(why, "proxy misunderstood: "));
  }
  CHECK(refusal_of(open_http, byte_string{5, 0xff}).message.find("?via=socks5://") != std::string::npos);
  CHECK(refusal_of(open_http, text("HTTP/1.1 200 OK\r\n") + byte_string{0}).code == error_code::malformed);
}

TEST_CASE("an http proxy's answer is bounded, interim ones together") {
  auto head = text("HTTP/1.1 200 OK\r\n");
  auto field = [](std::size_t bytes) { return text("A:" + std::string(bytes - 4, 'x') + "\r\n"); };
  auto left = limits::proxy_answer_bytes_max - head.size() - 2;
  CHECK(tell(begun(open_http), head + field(left) + text("\r\n")).open);
  CHECK(refusal_of(open_http, head + field(left + 1) + text("\r\n")).code == error_code::malformed);
  byte_string endless;
  while (endless.size() <= limits::proxy_answer_bytes_max) append(endless, text("HTTP/1.1 100 Continue\r\n\r\n"));
  CHECK(refusal_of(open_http, endless).code == error_code::malformed);
}

// ---- places --------------------------------------------------------------------------------------------------------

TEST_CASE("a host that a proxy could not find, or that would end a line, is refused before anything is sent") {
  for (auto& host :
       {std::string{}, std::string{"fe80::1%eth0"}, std::string(256, 'a'), std::string{"a\r\nX: y"}, std::string{"a b"},
        std::string{"a/b"}, std::string{"u@h"}, std::string{"gr\xc3\xbc\xc3\x9f.example"}, std::string("a\0b", 3)})
    for (auto& proxy : {open_socks, open_http}) {
      auto made = proxy_handshake::to(proxy, host, 7400);
      REQUIRE(!made);
      CHECK(made.why().code == error_code::usage);
    }
  CHECK(!proxy_handshake::to(open_socks, "nas.onion", 0));
  CHECK(proxy_handshake::to(open_socks, std::string(255, 'a'), 1));
}
