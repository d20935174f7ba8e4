#include "runtime/link/proxy.hpp"

#include "runtime/link/limits.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace glow::link {
namespace {

/// Media that speak to a TCP port, and hence can be asked of a proxy. One that is not here is never dialled past its proxy.
constexpr std::array<std::string_view, 1> schemes_by_proxy = {"tcp"};

/// What is wrong, without the text itself: it may hold a password.
error bad_proxy(const std::string& why) {
  return {error_code::usage, "the proxy in ?via=: " + why
                               + " (examples: ?via=socks5://127.0.0.1:9050, ?via=http://user:password@proxy.example.org:3128)"};
}

result<void> read_credentials(std::string_view text, proxy_place& out) {
  auto colon = text.find(':');
  auto user = percent_decode(text.substr(0, colon));
  auto password = percent_decode(colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1));
  if (!user || !password) return bad_proxy("broken %-escape in user name or password");
  if (user->empty()) return bad_proxy("a password without a user name");
  if (user->size() > limits::proxy_credential_bytes_max || password->size() > limits::proxy_credential_bytes_max)
    return bad_proxy("user name and password have at most 255 bytes each"); // RFC 1929 counts them in one byte
  // RFC 7617 separates them by the first colon, and knows no control characters
  if (out.kind == proxy_kind::http_connect && user->find(':') != std::string::npos)
    return bad_proxy("a user name with ':' cannot be told to an http proxy");
  for (auto* each : {&*user, &*password})
    for (char c : *each)
      if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return bad_proxy("user name or password has a control character");
  out.user = std::move(*user);
  out.password = std::move(*password);
  return {};
}

result<proxy_place> parse_proxy(std::string_view text) {
  proxy_place out;
  auto scheme_end = text.find("://");
  auto scheme = text.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end);
  if (scheme == "http")
    out.kind = proxy_kind::http_connect;
  else if (scheme != "socks5")
    return bad_proxy("write socks5:// or http:// first; other kinds are not spoken");
  auto rest = text.substr(scheme_end + 3);
  // the last one: whoever escapes once only means a password that holds an '@'
  if (auto at = rest.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_credentials(rest.substr(0, at), out); !read) return read.why();
    rest = rest.substr(at + 1);
  }
  // host and port are written as in any place of a network
  auto place = parse_channel_uri("tcp://" + std::string{rest});
  if (!place || !place->parameters.empty() || rest.find('?') != std::string_view::npos)
    return bad_proxy("host and port are not understood");
  if (place->port == 0) return bad_proxy("write its port, too");
  out.host = std::move(place->host);
  out.port = place->port;
  return out;
}

} // namespace

std::string to_string(const proxy_place& proxy) {
  return to_string(channel_uri{proxy.kind == proxy_kind::socks5 ? "socks5" : "http", proxy.host, proxy.port, "", {}});
}

result<std::optional<proxy_place>> proxy_of(const channel_uri& uri) {
  auto via = uri.parameters.find(proxy_parameter);
  if (via == uri.parameters.end()) return std::optional<proxy_place>{};
  if (std::find(schemes_by_proxy.begin(), schemes_by_proxy.end(), uri.scheme) == schemes_by_proxy.end())
    return error{error_code::usage, uri.scheme + " channels cannot go through a proxy; use tcp://HOST:PORT?via=…"};
  auto proxy = parse_proxy(via->second);
  if (!proxy) return proxy.why();
  return std::optional{std::move(*proxy)};
}

duration connect_timeout_of(const channel_uri& uri) {
  return goes_through_proxy(uri) ? limits::proxied_connect_timeout : limits::connect_timeout;
}

channel_uri without_credentials(channel_uri uri) {
  auto via = uri.parameters.find(proxy_parameter);
  if (via == uri.parameters.end()) return uri;
  auto proxy = parse_proxy(via->second);
  via->second = proxy ? to_string(*proxy) : "?"; // what is not understood may be a password all the same
  return uri;
}

std::string to_shown_text(const channel_uri& uri) {
  if (!goes_through_proxy(uri)) return to_string(uri);
  return to_string(without_credentials(uri));
}

} // namespace glow::link
