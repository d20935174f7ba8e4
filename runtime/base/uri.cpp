#include "runtime/base/uri.hpp"

#include "runtime/base/limits.hpp"

#include <charconv>

namespace glow {
namespace {

error bad_uri(std::string_view text, std::string_view why) {
  // what follows via= may hold a password, and errors are logged
  if (auto via = text.find("via="); via != std::string_view::npos) text = text.substr(0, via + 4);
  return {error_code::usage, "channel URI '" + std::string{text.substr(0, 80)} + "': " + std::string{why}
                               + " (examples: udp://192.168.1.5:7400, tcp://[::1]:7400, unix:/run/glow.sock)"};
}

bool is_scheme(std::string_view text) {
  if (text.empty() || text.size() > 16) return false;
  for (char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) return false;
  return text.front() >= 'a';
}

result<std::map<std::string, std::string>> parse_parameters(std::string_view query, std::string_view text) {
  std::map<std::string, std::string> out;
  while (!query.empty()) {
    auto end = query.find('&');
    auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    auto equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) return bad_uri(text, "a parameter must be key=value");
    auto key = percent_decode(pair.substr(0, equals));
    auto value = percent_decode(pair.substr(equals + 1));
    if (!key || !value) return bad_uri(text, "broken %-escape");
    out[*key] = *value;
  }
  return out;
}

result<void> parse_authority(std::string_view authority, channel_uri& out, std::string_view text) {
  std::string_view port;
  if (authority.starts_with('[')) {
    auto close = authority.find(']');
    if (close == std::string_view::npos) return bad_uri(text, "'[' without ']'");
    out.host = authority.substr(1, close - 1);
    auto rest = authority.substr(close + 1);
    if (!rest.empty()) {
      if (rest.front() != ':') return bad_uri(text, "only ':port' may follow ']'");
      port = rest.substr(1);
      if (port.empty()) return bad_uri(text, "port missing after ':'");
    }
  } else {
    auto colon = authority.rfind(':');
    if (colon != authority.find(':')) return bad_uri(text, "write an IPv6 address in brackets");
    out.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = authority.substr(colon + 1);
      if (port.empty()) return bad_uri(text, "port missing after ':'");
    }
  }
  if (out.host.empty()) return bad_uri(text, "host missing");
  for (char c : out.host)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '@')
      return bad_uri(text, "host has a character that no host has");
  if (!port.empty()) {
    unsigned value = 0;
    auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), value);
    if (wrong != std::errc{} || end != port.data() + port.size() || value > 65535)
      return bad_uri(text, "port must be 0 to 65535");
    out.port = static_cast<std::uint16_t>(value);
  }
  return {};
}

} // namespace

std::string percent_encode(std::string_view text, std::string_view keep) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                 || std::string_view{"-._~"}.find(c) != std::string_view::npos || keep.find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

result<std::string> percent_decode(std::string_view text) {
  auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || value(text[i + 1]) < 0 || value(text[i + 2]) < 0)
      return {error_code::malformed, "'%' must be followed by two hex digits"};
    out.push_back(static_cast<char>(value(text[i + 1]) * 16 + value(text[i + 2])));
    i += 2;
  }
  return out;
}

result<channel_uri> parse_channel_uri(std::string_view text) {
  if (text.size() > limits::uri_bytes_max) return bad_uri(text, "longer than 1024 bytes");
  auto colon = text.find(':');
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon)))
    return bad_uri(text, "a scheme such as udp: must come first");
  channel_uri out;
  out.scheme = text.substr(0, colon);
  auto rest = text.substr(colon + 1);
  if (auto question = rest.find('?'); question != std::string_view::npos) {
    auto parameters = parse_parameters(rest.substr(question + 1), text);
    if (!parameters) return parameters.why();
    out.parameters = std::move(*parameters);
    rest = rest.substr(0, question);
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    auto slash = rest.find('/');
    if (auto parsed = parse_authority(rest.substr(0, slash), out, text); !parsed) return parsed.why();
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
  }
  auto path = percent_decode(rest);
  if (!path) return bad_uri(text, "broken %-escape");
  if (path->find('\0') != std::string::npos) return bad_uri(text, "a path cannot hold a zero byte");
  if (out.host.empty() && path->empty()) return bad_uri(text, "nothing after the scheme");
  if (out.scheme == "udp" || out.scheme == "tcp") { // these name a place in a network, and nothing else
    if (out.host.empty()) return bad_uri(text, "host missing: write //host:port");
    if (!path->empty() && *path != "/") return bad_uri(text, "no path belongs here");
    path->clear();
  }
  out.path = std::move(*path);
  // what peers are told is the canonical text, in which escapes may take more room than what was typed
  if (to_string(out).size() > limits::uri_bytes_max) return bad_uri(text, "longer than 1024 bytes once it is escaped");
  return out;
}

std::string to_string(const channel_uri& uri) {
  auto out = uri.scheme + ":";
  if (!uri.host.empty()) {
    bool bracketed = uri.host.find(':') != std::string::npos || uri.host.front() == '[';
    out += bracketed ? "//[" + uri.host + "]" : "//" + uri.host;
    if (uri.port != 0) out += ":" + std::to_string(uri.port);
  }
  if (uri.host.empty() && uri.path.starts_with("//")) // two slashes would begin a host
    out += "/%2F" + percent_encode(std::string_view{uri.path}.substr(2), "/:");
  else
    out += percent_encode(uri.path, "/:");
  char separator = '?';
  for (auto& [key, value] : uri.parameters) {
    out += separator + percent_encode(key) + "=" + percent_encode(value, "/:");
    separator = '&';
  }
  return out;
}

} // namespace glow
