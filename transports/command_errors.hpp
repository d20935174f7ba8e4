/// What a command says on stderr, as lines for a log: bounded in length and number. Remembers the last one, which usually
/// tells why the command ended. A value; refuses to log.
#pragma once

#include "runtime/base/time.hpp"
#include "transports/limits.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace glow::transports {

class command_errors {
public:
  /// Appends to `lines` what is to be logged now.
  void feed(std::string_view text, steady_time now, std::vector<std::string>& lines) {
    for (char each : text) {
      if (each == '\n')
        end_line(now, lines);
      else if (partial_.size() < limits::command_line_bytes_max)
        partial_ += each; // the rest of a longer line is left out
    }
  }
  /// The last line, whole or not; empty if the command said nothing.
  const std::string& last() const { return partial_.empty() ? last_ : partial_; }

private:
  void end_line(steady_time now, std::vector<std::string>& lines) {
    while (!partial_.empty() && (partial_.back() == '\r' || partial_.back() == ' ')) partial_.pop_back();
    if (partial_.empty()) return;
    last_ = std::move(partial_);
    partial_.clear();
    if (now - since_ >= limits::command_lines_time || logged_ == 0) {
      since_ = now;
      logged_ = 0;
    }
    if (++logged_ < limits::command_lines_max) lines.push_back(last_);
    if (logged_ == limits::command_lines_max) lines.push_back("… and more, which is left out for a while");
  }

  std::string partial_;
  std::string last_;
  steady_time since_{};
  std::size_t logged_ = 0;
};

} // namespace glow::transports
