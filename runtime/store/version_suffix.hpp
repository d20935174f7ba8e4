/// `PATH@VERSION` as text: which '@' starts a version, and what the version is. Refuses to know whether it exists.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace glow::store::version_suffix {

/// 40 bits of a commit's base32 text: enough to be unique among a million commits, nearly always.
inline constexpr std::size_t commit_characters_min = 8;

struct split_path {
  std::string path; ///< "/" where nothing stands before the '@'
  std::string version;
};
/// Splits at the last '@' if what follows looks like a version. None: the whole text is a path.
std::optional<split_path> split(std::string_view path);

/// A number in the path's log; the last millisecond of a day (UTC); the beginning of a commit id.
using version = std::variant<std::uint32_t, wall_time, std::string>;
/// Digits (≤ 7); YYYY-MM-DD; 8 … 52 characters of base32. Errors: `usage`.
result<version> parse(std::string_view text);

} // namespace glow::store::version_suffix
