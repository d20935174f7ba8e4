// What proxies answer before a channel is open, and the text that names them.
#include "runtime/link/limits.hpp"
#include "runtime/link/proxy_handshake.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace link;

const std::array<proxy_place, 4> proxies = {{
  {proxy_kind::socks5, "127.0.0.1", 9050, "", ""},
  {proxy_kind::socks5, "127.0.0.1", 1080, "me", "secret"},
  {proxy_kind::http_connect, "::1", 3128, "", ""},
  {proxy_kind::http_connect, "proxy", 3128, "me", "secret"},
}};

struct conversation {
  byte_string sent;
  std::size_t taken = 0;
  bool open = false;
  std::string failed;
};

conversation hear(proxy_handshake handshake, byte_view answer, script* pieces) {
  conversation out;
  append(out.sent, handshake.begin());
  while (out.taken < answer.size() && !out.open && out.failed.empty()) {
    auto left = answer.subspan(out.taken);
    auto piece = left.first(pieces ? std::min<std::size_t>(left.size(), 1 + pieces->u8() % 32) : left.size());
    auto step = handshake.feed(piece);
    if (!step) {
      require_readable(step.why());
      require(step.why().message.find("secret") == std::string::npos, "an error keeps the password to itself");
      require(!handshake.feed(piece), "a broken handshake stays broken");
      out.failed = step.why().message;
      return out;
    }
    require(step->taken <= piece.size() && (step->open || step->taken == piece.size()), "what is not the peer's is taken");
    append(out.sent, step->to_send);
    out.taken += step->taken;
    out.open = step->open;
  }
  require(out.sent.size() <= 2 * limits::uri_bytes_max, "a proxy cannot make us talk");
  require(out.taken <= limits::proxy_answer_bytes_max, "a proxy's answer is bounded");
  return out;
}

void check_proxy_handshake(byte_view input) {
  script from{input};
  auto& proxy = proxies[from.below(proxies.size())];
  script pieces{from.counted_bytes()};
  auto answer = from.rest();
  auto handshake = *proxy_handshake::to(proxy, "nas.onion", 7400);
  auto whole = hear(handshake, answer, nullptr);
  auto pieced = hear(handshake, answer, &pieces);
  require(whole.open == pieced.open && whole.failed == pieced.failed && (!whole.failed.empty() || whole.sent == pieced.sent),
          "where reads split an answer changes nothing");
  require(!whole.open || whole.taken == pieced.taken, "where the peer's bytes begin does not depend on reads");

  // the same bytes as what somebody wrote behind ?via=, and as a host that is asked for
  auto text = std::string{as_text(answer)};
  channel_uri uri{"tcp", "nas.onion", 7400, "", {{proxy_parameter, text}}};
  if (auto named = proxy_of(uri)) {
    require((*named)->port != 0 && !(*named)->host.empty(), "a proxy has a host and a port");
    auto shown = proxy_of(without_credentials(uri));
    require(shown && (*shown)->user.empty() && (*shown)->password.empty(), "a shown proxy has no credentials");
    require((*shown)->host == (*named)->host && (*shown)->port == (*named)->port, "a shown proxy is the same one");
  } else {
    require_readable(named.why());
  }
  if (auto asked = proxy_handshake::to(proxies[2], text, 7400)) {
    auto request = asked->begin();
    require(std::count(request.begin(), request.end(), '\n') == 3, "a host adds no line to a request");
  }
}

std::vector<seed> proxy_handshake_seeds() {
  auto answer = [](std::uint8_t proxy, byte_string bytes) {
    byte_string out{proxy, 3, 0, 4, 9};
    append(out, bytes);
    return out;
  };
  auto text = [&](std::uint8_t proxy, std::string_view words) { return answer(proxy, to_bytes(words)); };
  return {{"socks", answer(0, {5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80, 1, 2, 3})},
          {"socks_password", answer(1, {5, 2, 1, 0, 5, 0, 0, 3, 2, 'h', 'i', 0, 80, 0, 1, 7})},
          {"socks_refused", answer(0, {5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0})},
          {"http", text(2, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nA: b\r\n\r\nxyz")},
          {"http_refused", text(3, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")},
          {"text", text(0, "socks5://me:p%40ss@[::1]:9050")},
          {"host", text(0, "nas.example.org")}};
}

} // namespace

const target proxy_handshake_target{"proxy_handshake", "proxy_handshake::feed, proxy_of", check_proxy_handshake,
                                    proxy_handshake_seeds, 2048};

} // namespace glow::fuzz
