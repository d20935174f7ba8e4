/// The directory of one step on this machine: `in/` is where the command works and finds its input, `result/` what goes
/// into the namespace. Refuses to run anything.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>

namespace glow {

class step_directory {
public:
  explicit step_directory(std::string path) : path_{std::move(path)} {}

  /// Makes it afresh. Errors: `io`.
  result<void> make() const;
  std::string work() const { return path_ + "/in"; }
  std::string output() const { return path_ + "/stdout"; }
  std::string errors() const { return path_ + "/stderr"; }
  std::string outcome() const { return path_ + "/result"; }
  /// Remembers the input as it was brought, to tell later whether the command changed it. `name`: within work().
  void note_input(const std::string& name);
  /// Moves what the command left into outcome(): new and changed files, and what it printed as NAME.stdout and
  /// NAME.stderr (NAME: the input's, or "step") where it printed anything. Errors: `io`.
  result<void> gather() const;
  void remove() const;

private:
  std::string path_;
  std::string input_;
  std::int64_t input_changed_ns_ = 0;
  std::uint64_t input_size_ = 0;
  std::uint64_t input_inode_ = 0;
};

} // namespace glow
