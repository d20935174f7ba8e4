#include "apps/glow/transfer.hpp"

#include "apps/client/home.hpp"
#include "runtime/base/base32.hpp"

#include <glob.h>
#include <sys/random.h>

#include <filesystem>
#include <set>

namespace glow::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t staged_files_max = 10'000; ///< each is a commit of its own; more belong into one directory

struct staged_file {
  std::string source;
  std::string name; ///< below /jobs/in/RANDOM
};

std::vector<std::string> matches(const std::string& pattern) {
  std::error_code none;
  if (fs::exists(fs::symlink_status(pattern, none))) return {pattern};
  glob_t found{};
  std::vector<std::string> out;
  if (::glob(pattern.c_str(), GLOB_TILDE | GLOB_BRACE, nullptr, &found) == 0)
    out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return out;
}

/// The path without its root and without steps upwards, so that it names a place below another.
std::string inner_path(const std::string& path) {
  fs::path out;
  for (auto& part : fs::path{path}.lexically_normal().relative_path())
    if (part != ".." && part != ".") out /= part;
  return out.string();
}

/// Base names where they differ, whole paths where they do not.
result<std::vector<staged_file>> named(const std::vector<std::string>& sources) {
  for (bool whole : {false, true}) {
    std::vector<staged_file> out;
    std::set<std::string> names;
    for (auto& each : sources) {
      auto absolute = client::absolute_path(each);
      out.push_back({absolute, whole ? inner_path(each) : fs::path{absolute}.filename().string()});
      names.insert(out.back().name);
    }
    if (names.size() == out.size()) return out;
  }
  return error{error_code::usage, "--each: some inputs have the same name: put them into one directory and give that"};
}

result<std::string> random_name() {
  byte_string bytes(10);
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return host::os_error("get random bytes");
  return to_base32(bytes);
}

} // namespace

std::function<void(const control::progress_made&)> shown_on(const std::shared_ptr<client::progress_bar>& bar) {
  return [bar](const control::progress_made& made) { bar->update(made.what, made.done, made.total, made.unit); };
}

result<json> put_local(const context& with, const std::string& source, const std::string& path, bool skip_unreadable) {
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(source, failed)))
    return error{error_code::io, source + ": " + (failed ? failed.message() : "no such file or directory")};
  auto bar = std::make_shared<client::progress_bar>(with.err);
  client::call_options options;
  options.on_progress = shown_on(bar);
  options.patience = transfer_patience;
  std::vector<control::argument> arguments{{"source", source}, {"path", path}};
  if (skip_unreadable) arguments.push_back({"skip_unreadable", "yes"});
  return ask_agent(with, "put", std::move(arguments), options);
}

result<std::string> staged_inputs(const context& with, const std::vector<std::string>& given) {
  std::vector<std::string> sources;
  for (auto& each : given) {
    auto local = matches(each);
    if (local.empty() && given.size() == 1) return client::namespace_path(each);
    if (local.empty()) return error{error_code::io, "--each: no file matches '" + each + "'"};
    sources.insert(sources.end(), local.begin(), local.end());
  }
  if (sources.size() > staged_files_max)
    return error{error_code::usage,
                 "--each: " + std::to_string(sources.size()) + " files are too many to name one by one: give their directory"};
  auto random = random_name();
  if (!random) return random;
  auto path = "/jobs/in/" + *random;
  std::error_code none;
  if (sources.size() == 1 && fs::is_directory(sources.front(), none)) {
    auto done = put_local(with, client::absolute_path(sources.front()), path, false);
    return done ? result<std::string>{path} : done.why();
  }
  auto files = named(sources);
  if (!files) return files.why();
  for (auto& each : *files)
    if (auto done = put_local(with, each.source, path + "/" + each.name, false); !done) return done.why();
  return path;
}

} // namespace glow::cli
