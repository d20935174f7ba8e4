#include "runtime/link/proxy_handshake.hpp"

#include "runtime/link/frames.hpp"
#include "runtime/link/limits.hpp"

#include <arpa/inet.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace glow::link {
namespace {

// RFC 1928
constexpr std::uint8_t socks_version = 5;
constexpr std::uint8_t method_none = 0;
constexpr std::uint8_t method_password = 2;
constexpr std::uint8_t method_unacceptable = 0xff;
constexpr std::uint8_t command_connect = 1;
constexpr std::uint8_t address_v4 = 1;
constexpr std::uint8_t address_name = 3;
constexpr std::uint8_t address_v6 = 4;
constexpr std::size_t reply_bytes_min = 5; ///< as far as the beginning of its address
// RFC 1929
constexpr std::uint8_t password_version = 1;

struct refusal {
  std::uint8_t code;
  error_code kind;
  const char* words;
};
/// RFC 1928 §6, and what Tor says of onion services (its proposal 304).
constexpr std::array<refusal, 16> refusals = {{
  {0x01, error_code::unreachable, "general failure"},
  {0x02, error_code::failed, "not allowed by its rules"},
  {0x03, error_code::unreachable, "network unreachable"},
  {0x04, error_code::unreachable, "host unreachable"},
  {0x05, error_code::unreachable, "connection refused"},
  {0x06, error_code::timed_out, "time to live expired"},
  {0x07, error_code::failed, "command not supported"},
  {0x08, error_code::failed, "kind of address not supported"},
  {0xf0, error_code::unreachable, "onion service not found"},
  {0xf1, error_code::unreachable, "onion service descriptor is invalid"},
  {0xf2, error_code::unreachable, "introduction to the onion service failed"},
  {0xf3, error_code::unreachable, "rendezvous with the onion service failed"},
  {0xf4, error_code::failed, "the onion service wants client authorization"},
  {0xf5, error_code::failed, "wrong client authorization for the onion service"},
  {0xf6, error_code::failed, "the onion address is invalid"},
  {0xf7, error_code::timed_out, "introduction to the onion service timed out"},
}};

void append_counted(byte_string& out, std::string_view text) {
  out.push_back(static_cast<std::uint8_t>(text.size()));
  append(out, as_bytes(text));
}

std::string basic(const std::string& user, const std::string& password) {
  auto plain = user + ":" + password;
  std::string out(sodium_base64_encoded_len(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back(); // its zero byte
  return out;
}

/// "HTTP/1.1 200 words", of which the words may lack: the status, or nothing.
std::optional<unsigned> status_of(std::string_view line) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || !is_digit(line[7]) || line[8] != ' ') return std::nullopt;
  if (line.size() > 12 && line[12] != ' ') return std::nullopt;
  unsigned status = 0;
  for (char c : line.substr(9, 3)) {
    if (!is_digit(c)) return std::nullopt;
    status = 10 * status + static_cast<unsigned>(c - '0');
  }
  if (status < 100 || status > 599) return std::nullopt;
  return status;
}

} // namespace

result<proxy_handshake> proxy_handshake::to(proxy_place proxy, std::string host, std::uint16_t port) {
  auto where = "cannot reach " + host + " through a proxy: ";
  if (host.empty() || port == 0) return error{error_code::usage, where + "it needs host and port"};
  if (host.size() > limits::proxy_host_bytes_max) return error{error_code::usage, where + "the name is too long"};
  if (host.find('%') != std::string::npos)
    return error{error_code::usage, where + "an address of one interface means nothing elsewhere"};
  for (char c : host) // it becomes part of a line: nothing in it may end that line or its word
    if (c <= ' ' || c >= 0x7f || std::string_view{"/?#@[]\"\\"}.find(c) != std::string_view::npos)
      return error{error_code::usage, where + "write the name in ASCII letters (punycode), or an IP address"};
  return proxy_handshake{std::move(proxy), std::move(host), port};
}

proxy_handshake::proxy_handshake(proxy_place proxy, std::string host, std::uint16_t port)
  : proxy_{std::move(proxy)}, host_{std::move(host)}, port_{port}, at_{proxy_.kind == proxy_kind::socks5 ? phase::method
                                                                                                         : phase::status_line} {}

std::string proxy_handshake::target() const {
  auto host = host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]";
  return host + ":" + std::to_string(port_);
}

error proxy_handshake::refused(error_code code, const std::string& answer) const {
  return {code, "proxy refused: " + to_string(proxy_) + " answers '" + answer + "' for " + target()};
}

error proxy_handshake::not_authenticated(const std::string& why) const {
  return {error_code::failed, "proxy authentication failed: " + to_string(proxy_) + " " + why};
}

error proxy_handshake::malformed(const std::string& why) const {
  return {error_code::malformed, "proxy misunderstood: what answers at " + to_string(proxy_) + " " + why};
}

byte_string proxy_handshake::begin() {
  has_begun_ = true;
  if (proxy_.kind == proxy_kind::http_connect) return http_request();
  if (proxy_.user.empty()) return {socks_version, 1, method_none};
  return {socks_version, 2, method_none, method_password};
}

result<proxy_handshake::progress> proxy_handshake::feed(byte_view bytes) {
  if (broken_) return *broken_;
  progress out;
  auto fail = [&](const error& why) -> result<progress> {
    at_ = phase::broken;
    broken_ = why;
    return why;
  };
  while (out.taken < bytes.size() && at_ != phase::open) {
    if (proxy_.kind == proxy_kind::http_connect) {
      if (auto read = on_http_byte(bytes[out.taken]); !read) return fail(read.why());
      ++out.taken;
      continue;
    }
    auto piece = bytes.subspan(out.taken, std::min(bytes.size() - out.taken, wanted_ - held_.size()));
    append(held_, piece);
    out.taken += piece.size();
    if (held_.size() < wanted_) continue;
    if (auto read = on_socks_message(out.to_send); !read) return fail(read.why());
  }
  out.open = at_ == phase::open;
  return out;
}

// ---- socks5 --------------------------------------------------------------------------------------------------------

//   method, credentials   version  code
//   reply                 version  code  reserved  kind  address (v4: 4, v6: 16, name: 1 + n)  port (2)

result<void> proxy_handshake::on_socks_message(byte_string& to_send) {
  if (at_ == phase::reply) return on_reply();
  auto version = held_[0];
  auto code = held_[1];
  held_.clear();
  if (at_ == phase::method) {
    if (version == 'H') return malformed("speaks HTTP: write ?via=http://…");
    if (version != socks_version) return malformed("does not speak SOCKS5");
    return on_method(code, to_send);
  }
  if (version != password_version) return malformed("breaks off the authentication of RFC 1929");
  if (code != 0) return not_authenticated("does not accept this user name and password");
  append(to_send, socks_request());
  at_ = phase::reply;
  return {};
}

result<void> proxy_handshake::on_method(std::uint8_t method, byte_string& to_send) {
  if (method == method_none) {
    append(to_send, socks_request());
    at_ = phase::reply;
    return {};
  }
  if (method == method_password && !proxy_.user.empty()) {
    append(to_send, credentials());
    at_ = phase::credentials;
    return {};
  }
  if (method != method_unacceptable) return malformed("asks for an authentication that was not offered");
  if (proxy_.user.empty())
    return not_authenticated("asks for one: write a user name and password, ?via=socks5://USER:PASSWORD@HOST:PORT");
  return not_authenticated("takes neither a user name with password nor none");
}

/// Looks at a reply each time that as much of it is there as was wanted, and wants more: a refusal need not go on behind its
/// code, and how long an address is stands in its second byte at the latest.
result<void> proxy_handshake::on_reply() {
  if (held_.size() == message_bytes) {
    if (held_[0] != socks_version) return malformed("does not speak SOCKS5");
    auto code = held_[1];
    auto number = " (" + std::to_string(code) + ")";
    for (auto& each : refusals)
      if (each.code == code) return refused(each.kind, each.words + number);
    if (code != 0) return refused(error_code::failed, "a code without a name" + number);
    wanted_ = reply_bytes_min;
    return {};
  }
  if (held_.size() == reply_bytes_min) {
    switch (held_[3]) {
    case address_v4: wanted_ = 10; return {};
    case address_v6: wanted_ = 22; return {};
    case address_name: wanted_ = 7u + held_[4]; return {};
    default: return malformed("tells an address of an unknown kind");
    }
  }
  held_.clear(); // the address is of no use: it is the proxy's
  at_ = phase::open;
  return {};
}

byte_string proxy_handshake::credentials() const {
  byte_string out{password_version};
  append_counted(out, proxy_.user);
  append_counted(out, proxy_.password);
  return out;
}

byte_string proxy_handshake::socks_request() const {
  byte_string out{socks_version, command_connect, 0};
  std::array<std::uint8_t, 16> address{};
  if (::inet_pton(AF_INET, host_.c_str(), address.data()) == 1) {
    out.push_back(address_v4);
    append(out, byte_view{address}.first(4));
  } else if (::inet_pton(AF_INET6, host_.c_str(), address.data()) == 1) {
    out.push_back(address_v6);
    append(out, address);
  } else {
    out.push_back(address_name);
    append_counted(out, host_);
  }
  out.push_back(static_cast<std::uint8_t>(port_ >> 8));
  out.push_back(static_cast<std::uint8_t>(port_));
  return out;
}

// ---- http ----------------------------------------------------------------------------------------------------------

byte_string proxy_handshake::http_request() const {
  auto out = "CONNECT " + target() + " HTTP/1.1\r\nHost: " + target() + "\r\n";
  if (!proxy_.user.empty()) out += "Proxy-Authorization: Basic " + basic(proxy_.user, proxy_.password) + "\r\n";
  return to_bytes(out + "\r\n");
}

result<void> proxy_handshake::on_http_byte(std::uint8_t byte) {
  if (++answered_bytes_ > limits::proxy_answer_bytes_max)
    return malformed("says more than " + std::to_string(limits::proxy_answer_bytes_max) + " bytes before the channel is open");
  // whatever speaks another protocol may never end a line
  constexpr std::string_view beginning = "HTTP/";
  if (at_ == phase::status_line && held_.size() < beginning.size() && byte != static_cast<std::uint8_t>(beginning[held_.size()]))
    return malformed(byte == socks_version ? "speaks SOCKS5: write ?via=socks5://…" : "does not speak HTTP");
  bool return_seen = !held_.empty() && held_.back() == '\r';
  if (byte == '\n') {
    if (return_seen) held_.pop_back(); // a bare line feed ends a line, too (RFC 9112 §2.2)
    auto read = on_http_line();
    held_.clear();
    return read;
  }
  if (return_seen || (byte < ' ' && byte != '\t' && byte != '\r') || byte == 0x7f)
    return malformed("sends bytes that no HTTP answer has");
  held_.push_back(byte);
  return {};
}

result<void> proxy_handshake::on_http_line() {
  if (at_ == phase::status_line) {
    auto status = status_of(as_text(held_));
    if (!status) return malformed("sends a status line that is none of HTTP/1");
    return on_status(*status, as_text(held_).substr(9));
  }
  if (!held_.empty()) return {}; // fields change nothing: a 2xx to CONNECT has no content (RFC 9110 §9.3.6)
  at_ = interim_ ? phase::status_line : phase::open;
  return {};
}

result<void> proxy_handshake::on_status(unsigned status, std::string_view reason) {
  if (status == 101) return malformed("switches to a protocol that nobody asked for");
  interim_ = status < 200;
  at_ = phase::fields;
  if (status < 300) return {};
  if (status == 407)
    return proxy_.user.empty()
             ? not_authenticated("asks for one: write a user name and password, ?via=http://USER:PASSWORD@HOST:PORT")
             : not_authenticated("does not accept this user name and password (407)");
  auto kind = status == 502 || status == 503 ? error_code::unreachable : error_code::failed;
  if (status == 504) kind = error_code::timed_out;
  return refused(kind, bounded_text(as_bytes(reason.substr(0, limits::proxy_reason_bytes_max))));
}

} // namespace glow::link
