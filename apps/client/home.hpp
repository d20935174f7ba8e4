/// Where an agent's files are, and how names typed by people become what the agent understands.
#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <string>

namespace glow::client {

/// `$GLOW_HOME`, else `$XDG_STATE_HOME/glow`, else `~/.local/state/glow`; never empty.
std::string default_home();
/// Lexically absolute, against the working directory; the file need not exist. Bytes are kept as they are.
std::string absolute_path(const std::string& path);
/// `/docs/a`, `docs/a` and `glow://~/docs/a` are the same place in the namespace.
/// Errors: `usage` for another user's path, or a path with `..` in it.
result<std::string> namespace_path(const std::string& text);
/// Last component, without a version suffix (`/docs/a.txt@3` → `a.txt`); empty for the root.
std::string base_name_without_version(const std::string& path);
/// `30s`, `15m`, `2h`, `7d`, `90` (seconds).
/// Errors: `usage`.
result<std::chrono::seconds> parse_duration(const std::string& text);

} // namespace glow::client
