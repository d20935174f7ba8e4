#include "runtime/store/version_suffix.hpp"

#include <algorithm>
#include <charconv>

namespace glow::store::version_suffix {

namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::uint32_t number_of(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::optional<wall_time> end_of_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  auto year = text.substr(0, 4), month = text.substr(5, 2), day = text.substr(8, 2);
  if (!all_digits(year) || !all_digits(month) || !all_digits(day)) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{static_cast<int>(number_of(year))}, std::chrono::month{number_of(month)},
                                   std::chrono::day{number_of(day)}};
  if (!date.ok()) return std::nullopt;
  return wall_time{std::chrono::sys_days{date} + std::chrono::days{1}} - 1ms;
}

bool base32_character(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'); }

} // namespace

result<version> parse(std::string_view text) {
  if (all_digits(text) && text.size() < commit_characters_min) return version{number_of(text)};
  if (auto day = end_of_day(text)) return version{*day};
  if (text.size() >= commit_characters_min && text.size() <= 52 && std::all_of(text.begin(), text.end(), base32_character)) {
    std::string prefix{text};
    for (auto& c : prefix)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return version{std::move(prefix)};
  }
  return error{error_code::usage, "\"" + std::string{text}
                                    + "\" is no version: give a number (@3), a day (@2026-11-20) or at least 8 "
                                    + "characters of a commit"};
}

std::optional<split_path> split(std::string_view path) {
  auto at = path.rfind('@');
  if (at == path.npos || !parse(path.substr(at + 1))) return std::nullopt;
  auto before = path.substr(0, at);
  while (before.size() > 1 && before.back() == '/') before.remove_suffix(1); // "/docs/@3" means the directory
  return split_path{before.empty() ? "/" : std::string{before}, std::string{path.substr(at + 1)}};
}

} // namespace glow::store::version_suffix
