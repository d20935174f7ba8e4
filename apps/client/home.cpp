#include "apps/client/home.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

namespace glow::client {
namespace {

std::string environment(const char* name) {
  auto* value = std::getenv(name);
  return value ? value : "";
}

bool is_version(std::string_view text) {
  if (text.empty()) return false;
  auto digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  auto date = text.size() >= 10 && text[4] == '-' && text[7] == '-';
  auto commit = text.size() >= 8
                && std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
  return digits || date || commit;
}

} // namespace

std::string default_home() {
  if (auto home = environment("GLOW_HOME"); !home.empty()) return absolute_path(home);
  if (auto state = environment("XDG_STATE_HOME"); !state.empty()) return absolute_path(state) + "/glow";
  auto home = environment("HOME");
  if (home.empty())
    if (auto* user = ::getpwuid(::getuid())) home = user->pw_dir;
  return absolute_path(home.empty() ? "/" : home) + "/.local/state/glow";
}

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  auto whole = std::filesystem::absolute(path, failed);
  if (failed) return path;
  auto out = whole.lexically_normal().string();
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

result<std::string> namespace_path(const std::string& text) {
  auto path = text;
  if (path.starts_with("glow://~")) path = path.substr(8);
  if (path.starts_with("glow://") || path.starts_with("@"))
    return {error_code::usage, "'" + text + "' belongs to another namespace: only paths such as /docs/a.txt can be used"};
  if (!path.starts_with('/')) path = "/" + path;
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    auto end = std::min(path.find('/', at), path.size());
    auto part = std::string_view{path}.substr(at, end - at);
    at = end + 1;
    if (part == "..") return {error_code::usage, "'" + text + "': a path in the namespace cannot contain '..'"};
    if (!part.empty() && part != ".") out.append("/").append(part);
  }
  return out.empty() ? "/" : out;
}

std::string base_name_without_version(const std::string& path) {
  auto name = path.substr(path.rfind('/') + 1);
  auto at = name.rfind('@');
  if (at != std::string::npos && at > 0 && is_version(std::string_view{name}.substr(at + 1))) name.resize(at);
  return name;
}

result<std::chrono::seconds> parse_duration(const std::string& text) {
  std::uint32_t count = 0;
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), count);
  auto unit = std::string_view{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  std::uint32_t seconds = 0;
  if (unit.empty() || unit == "s") seconds = 1;
  if (unit == "m" || unit == "min") seconds = 60;
  if (unit == "h") seconds = 3600;
  if (unit == "d") seconds = 86400;
  if (wrong != std::errc{} || seconds == 0 || count == 0 || count > 366u * 86400u / seconds)
    return {error_code::usage, "'" + text + "' is no duration: write 30s, 15m, 2h or 7d (at most 366d)"};
  return std::chrono::seconds{static_cast<std::int64_t>(count) * seconds};
}

} // namespace glow::client
