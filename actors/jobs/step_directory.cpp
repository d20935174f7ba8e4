#include "actors/jobs/step_directory.hpp"

#include "runtime/host/log.hpp"

#include <filesystem>

#include <sys/stat.h>

namespace glow {
namespace {

namespace fs = std::filesystem;

error failed(const std::string& what, const std::error_code& why) { return {error_code::io, what + ": " + why.message()}; }

std::int64_t changed_ns(const struct stat& s) { return s.st_ctim.tv_sec * 1'000'000'000LL + s.st_ctim.tv_nsec; }

} // namespace

result<void> step_directory::make() const {
  std::error_code wrong;
  fs::remove_all(path_, wrong);
  for (auto& each : {path_, work(), outcome()}) {
    fs::create_directories(each, wrong);
    if (wrong) return failed("make directory " + each, wrong);
  }
  fs::permissions(path_, fs::perms::owner_all, wrong);
  return {};
}

void step_directory::note_input(const std::string& name) {
  input_ = name;
  struct stat now {};
  if (::lstat((work() + "/" + name).c_str(), &now) != 0) return;
  input_changed_ns_ = changed_ns(now);
  input_size_ = static_cast<std::uint64_t>(now.st_size);
  input_inode_ = now.st_ino;
}

result<void> step_directory::gather() const {
  std::error_code wrong;
  for (auto& each : fs::directory_iterator{work(), wrong}) {
    auto name = each.path().filename().string();
    struct stat now {};
    if (name == input_ && ::lstat(each.path().c_str(), &now) == 0 && changed_ns(now) == input_changed_ns_
        && static_cast<std::uint64_t>(now.st_size) == input_size_ && now.st_ino == input_inode_)
      continue;
    fs::rename(each.path(), outcome() + "/" + name, wrong);
    if (wrong) return failed("keep output " + name, wrong);
  }
  if (wrong) return failed("read directory " + work(), wrong);
  auto stem = outcome() + "/" + (input_.empty() ? "step" : input_);
  for (auto& [printed, kept] : {std::pair{output(), stem + ".stdout"}, std::pair{errors(), stem + ".stderr"}}) {
    auto size = fs::file_size(printed, wrong);
    if (wrong || size == 0) continue;
    fs::rename(printed, kept, wrong);
    if (wrong) return failed("keep what the command printed", wrong);
  }
  return {};
}

void step_directory::remove() const {
  std::error_code wrong;
  fs::remove_all(path_, wrong);
  if (wrong) host::log(host::level::warning, "glow.worker", "remove " + path_ + ": " + wrong.message());
}

} // namespace glow
