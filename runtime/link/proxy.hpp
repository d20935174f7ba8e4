/// Proxies that carry byte channels: `tcp://nas.onion:7400?via=socks5://127.0.0.1:9050`, `?via=http://user:password@proxy:3128`.
/// Which proxy a channel URI asks for, and how such a URI is shown. Refuses to speak to a proxy: proxy_handshake.hpp does.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/base/uri.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace glow::link {

/// The parameter of a channel URI that names a proxy.
inline constexpr const char* proxy_parameter = "via";

enum class proxy_kind : std::uint8_t {
  socks5,      ///< RFC 1928, with user name and password of RFC 1929
  http_connect ///< RFC 9110 §9.3.6, with Basic authentication of RFC 7617
};

struct proxy_place {
  proxy_kind kind = proxy_kind::socks5;
  std::string host;
  std::uint16_t port = 0;
  std::string user; ///< empty: none is offered
  std::string password;
  bool operator==(const proxy_place&) const = default;
};

/// Without user name and password.
std::string to_string(const proxy_place& proxy);

inline bool goes_through_proxy(const channel_uri& uri) { return uri.parameters.contains(proxy_parameter); }

/// The proxy a channel URI asks for, or none. What the parameter holds is a URI itself: in its user name and password '%', and
/// whatever else has a meaning there, are escaped.
/// Errors: usage (it is not such a URI; or this scheme cannot go through a proxy, and must not go round one).
result<std::optional<proxy_place>> proxy_of(const channel_uri& uri);

/// How long a dial of that place may take, proxy and all.
duration connect_timeout_of(const channel_uri& uri);

/// The same place as it may be shown, logged and counted: without user name and password of its proxy.
channel_uri without_credentials(channel_uri uri);
std::string to_shown_text(const channel_uri& uri);

} // namespace glow::link
