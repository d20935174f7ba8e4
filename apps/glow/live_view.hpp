/// `-w`: the same question again and again. On a terminal frames replace each other in place until ^C; elsewhere one text an
/// interval, a blank line between two; with --json one document a line.
#pragma once

#include "apps/glow/command_line.hpp"

namespace glow::cli {

struct live_question {
  std::string heading; ///< what is shown: `glow links`
  std::function<result<json>()> ask;
  std::function<std::string(const context&, const json&)> text; ///< the context's terminal is the one of this frame
};

/// Ends with 130 after ^C, 143 after SIGTERM, 129 after SIGHUP; the terminal is as before then.
/// Errors: those of the question; the terminal is as before then, too.
result<int> show_live(const context& with, std::chrono::milliseconds interval, const live_question& question);

} // namespace glow::cli
