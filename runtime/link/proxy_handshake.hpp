/// What is said to a proxy before a byte channel through it is the peer's: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT
/// (RFC 9110 §9.3.6, RFC 7617). Names are told to the proxy, which finds them: so an .onion name works, and no resolver of
/// ours hears of it. Bytes in, bytes out; knows neither sockets nor time: whoever dials bounds how long it takes.
///
///   begin       ─► we: methods ─► proxy: method ─┬────────────────────────────┬─► we: CONNECT ─► proxy: reply ─► open
///   (socks5)                                     └─► we: user, password ─► ok ┘
///   begin       ─► we: CONNECT, with credentials if there are any ─► proxy: 1xx … 2xx and header fields ─► open     (http)
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/link/proxy.hpp"

#include <optional>
#include <string>

namespace glow::link {

class proxy_handshake {
public:
  struct progress {
    byte_string to_send;
    bool open = false;     ///< from here on the bytes are the peer's
    std::size_t taken = 0; ///< bytes of the input that were the proxy's; all of it unless open
  };

  /// Errors: usage (a host that cannot be told to a proxy: an interface's address, a name of more than 255 bytes).
  static result<proxy_handshake> to(proxy_place proxy, std::string host, std::uint16_t port);

  /// The first bytes, to be sent when the connection to the proxy stands.
  byte_string begin();
  bool has_begun() const { return has_begun_; }
  /// Takes what the proxy said, in pieces of any size. After an error it stays broken; after `open` it takes nothing.
  /// Errors, each naming the proxy and what it answered: unreachable, timed_out ("proxy refused": it cannot get there),
  /// failed ("proxy refused": it does not want to; "proxy authentication failed"), malformed (it speaks something else).
  result<progress> feed(byte_view bytes);
  const proxy_place& proxy() const { return proxy_; }

private:
  static constexpr std::size_t message_bytes = 2; ///< socks5: all but its replies
  enum class phase { method, credentials, reply, status_line, fields, open, broken };

  proxy_handshake(proxy_place proxy, std::string host, std::uint16_t port);
  result<void> on_socks_message(byte_string& to_send);
  result<void> on_method(std::uint8_t method, byte_string& to_send);
  result<void> on_reply();
  byte_string credentials() const;
  byte_string socks_request() const;
  byte_string http_request() const;
  result<void> on_http_byte(std::uint8_t byte);
  result<void> on_http_line();
  result<void> on_status(unsigned status, std::string_view reason);
  error refused(error_code code, const std::string& answer) const;
  error not_authenticated(const std::string& why) const;
  error malformed(const std::string& why) const;
  std::string target() const;

  proxy_place proxy_;
  std::string host_;
  std::uint16_t port_ = 0;
  phase at_ = phase::method;
  bool has_begun_ = false;
  byte_string held_;                   ///< of a message of socks5, or a line of http, that is not yet whole
  std::size_t wanted_ = message_bytes; ///< socks5: when so many are held, they are looked at
  std::size_t answered_bytes_ = 0;     ///< http: heard so far
  bool interim_ = false;               ///< http: the fields belong to a 1xx, another answer follows
  std::optional<error> broken_;
};

} // namespace glow::link
