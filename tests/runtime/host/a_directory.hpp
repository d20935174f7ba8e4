/// A directory of its own for one test, gone afterwards.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace glow::host::testing {

class a_directory {
public:
  a_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "glow-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  a_directory(const a_directory&) = delete;
  a_directory& operator=(const a_directory&) = delete;
  ~a_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace glow::host::testing
