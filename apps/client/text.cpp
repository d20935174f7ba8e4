#include "apps/client/text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <cwchar>

namespace glow::client {
namespace {

struct decoded {
  char32_t character = 0;
  std::size_t bytes = 0; ///< 0: the bytes here are no UTF-8
};

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
decoded decode(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  auto character = static_cast<char32_t>(lead & (0x7f >> bytes));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    character = (character << 6) | (byte(i) & 0x3f);
  }
  static constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  if (character < least[bytes] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) return {};
  return {character, bytes};
}

bool misleads(char32_t c) {
  return (c >= 0x80 && c <= 0x9f) || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)
         || c == 0xfeff || c == 0x61c;
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 64> out{};
  auto size = std::snprintf(out.data(), out.size(), format, values...);
  return {out.data(), static_cast<std::size_t>(std::max(0, std::min(size, static_cast<int>(out.size()) - 1)))};
}

std::string escaped_byte(unsigned char byte) {
  switch (byte) {
  case '\n': return "\\n";
  case '\t': return "\\t";
  case '\r': return "\\r";
  case '\\': return "\\\\";
  default: return formatted("\\x%02x", static_cast<unsigned>(byte));
  }
}

std::size_t columns_of(char32_t c) {
  auto width = ::wcwidth(static_cast<wchar_t>(c)); // -1 where the locale does not know the character
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

std::string escaped(std::string_view name, bool backslashes) {
  std::string out;
  while (!name.empty()) {
    auto [character, bytes] = decode(name);
    auto first = static_cast<unsigned char>(name.front());
    if (bytes == 0 || (bytes == 1 && (first < 0x20 || first == 0x7f || (backslashes && first == '\\')))) {
      out += escaped_byte(first);
      bytes = 1;
    } else if (misleads(character)) {
      out += formatted("\\u{%x}", static_cast<unsigned>(character));
    } else {
      out += name.substr(0, bytes);
    }
    name.remove_prefix(bytes);
  }
  return out;
}

} // namespace

std::string printable(std::string_view name) { return escaped(name, true); }
std::string printable_line(std::string_view text) { return escaped(text, false); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    auto [character, bytes] = decode(text);
    width += bytes == 0 ? 1 : columns_of(character);
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return width;
}

std::string clipped(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string{text};
  std::string out;
  std::size_t width = 0;
  while (!text.empty()) {
    auto [character, bytes] = decode(text);
    bytes = std::max<std::size_t>(bytes, 1);
    auto more = columns_of(character);
    if (width + more + 1 > columns) break;
    width += more;
    out += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out + "…";
}

std::string human_size(double bytes) {
  static constexpr std::array<const char*, 6> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1023.5 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return formatted(unit == 0 || bytes >= 9.95 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

std::string human_rate(double bits_per_second) {
  if (!(bits_per_second > 0)) return "-";
  static constexpr std::array<const char*, 5> units = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  std::size_t unit = 0;
  while (bits_per_second >= 999.5 && unit + 1 < units.size()) {
    bits_per_second /= 1000;
    ++unit;
  }
  return formatted(unit == 0 || bits_per_second >= 9.95 ? "%.0f %s" : "%.1f %s", bits_per_second, units[unit]);
}

std::string human_rtt(double ms) {
  if (!(ms > 0)) return "-";
  if (ms < 10) return formatted("%.2f ms", ms);
  if (ms < 1000) return formatted("%.0f ms", ms);
  return formatted("%.1f s", ms / 1000);
}

std::string human_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "-";
  auto s = static_cast<long long>(std::llround(seconds));
  if (s < 60) return formatted("%llds", s);
  if (s < 3600) return formatted("%lldm%02llds", s / 60, s % 60);
  if (s < 86400) return formatted("%lldh%02lldm", s / 3600, s / 60 % 60);
  return formatted("%lldd%lldh", s / 86400, s / 3600 % 24);
}

std::string human_time(std::int64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm local{};
  std::array<char, 32> out{};
  if (!::localtime_r(&seconds, &local)) return "-";
  return {out.data(), std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M", &local)};
}

} // namespace glow::client
