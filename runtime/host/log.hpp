/// The agent's log: lines on stderr, for people and service managers. Pure rooms do not log; they return effects.
#pragma once

#include <string>
#include <string_view>

namespace glow::host {

enum class level { debug, info, warning, error, off };

/// Lines below this level are dropped, `off` drops all. Default: info.
void set_log_level(level least);
/// One line: time, level, who, text. Control characters in `text` are escaped. Thread-safe.
void log(level at, std::string_view who, std::string_view text);

} // namespace glow::host
