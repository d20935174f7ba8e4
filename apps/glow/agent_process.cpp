#include "apps/glow/agent_process.hpp"

#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace glow::cli {
namespace {

constexpr auto start_patience = std::chrono::seconds{30};  ///< a big store recovers after a crash
constexpr auto look_again = std::chrono::milliseconds{20}; ///< a socket that does not exist yet cannot be waited for
constexpr std::size_t log_tail_bytes = 4096;

/// The last line of HOME/log that was written after `from`.
std::string last_log_line(const std::string& home, std::streamoff from) {
  std::ifstream log{home + "/log", std::ios::binary};
  log.seekg(0, std::ios::end);
  auto size = static_cast<std::streamoff>(log.tellg());
  log.seekg(std::max(from, size - static_cast<std::streamoff>(log_tail_bytes)));
  std::string line, last;
  while (std::getline(log, line))
    if (!line.empty()) last = line;
  return last;
}

struct spawn_actions {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  spawn_actions() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~spawn_actions() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
};

result<pid_t> spawn_in_background(const std::string& home) {
  auto program = agent_program();
  auto log = home + "/log";
  spawn_actions with;
  ::posix_spawn_file_actions_addopen(&with.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&with.files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&with.files, STDOUT_FILENO, STDERR_FILENO);
  // a pipe of the caller kept open would make `x=$(glow up)` wait for the agent's end
  ::posix_spawn_file_actions_addclosefrom_np(&with.files, STDERR_FILENO + 1);
  sigset_t usual;
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&with.attributes, &usual);
  ::posix_spawnattr_setflags(&with.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
  std::array<const char*, 4> words{"glowd", "--home", home.c_str(), nullptr};
  pid_t pid = -1;
  auto failed = ::posix_spawnp(&pid, program.c_str(), &with.files, &with.attributes, const_cast<char**>(words.data()), environ);
  if (failed != 0) return error{error_code::failed, "cannot start " + program + ": " + std::strerror(failed)};
  return pid;
}

} // namespace

std::string agent_program() {
  std::error_code failed;
  auto own = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (!failed)
    if (auto beside = own.parent_path() / "glowd"; std::filesystem::exists(beside, failed)) return beside.string();
  return "glowd";
}

result<void> make_home(const std::string& home) {
  std::error_code failed;
  auto path = std::filesystem::path{home};
  if (std::filesystem::is_directory(path, failed)) return {};
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return error{error_code::io, "create " + path.parent_path().string() + ": " + failed.message()};
  if (::mkdir(home.c_str(), 0700) != 0 && errno != EEXIST) return host::os_error("create " + home);
  return {};
}

result<pid_t> start_agent(const std::string& home) {
  std::error_code none;
  auto log_size = std::filesystem::file_size(home + "/log", none);
  auto log_from = none ? std::streamoff{0} : static_cast<std::streamoff>(log_size);
  auto pid = spawn_in_background(home);
  if (!pid) return pid.why();
  auto give_up = std::chrono::steady_clock::now() + start_patience;
  while (std::chrono::steady_clock::now() < give_up) {
    int status = 0;
    if (::waitpid(*pid, &status, WNOHANG) == *pid) {
      auto why = last_log_line(home, log_from);
      return error{error_code::failed, "the agent ended at once: " + (why.empty() ? "its log " + home + "/log is empty" : why)};
    }
    if (auto agent = client::connection::open(home, std::chrono::milliseconds{0}); agent)
      if (auto answer = agent->call("status", {}); answer) return *pid;
    std::this_thread::sleep_for(look_again);
  }
  return error{error_code::timed_out,
               "the agent (process " + std::to_string(*pid) + ") was started but does not answer: look at " + home + "/log"};
}

error become_agent(const std::string& home) {
  auto program = agent_program();
  std::signal(SIGPIPE, SIG_DFL);
  ::execlp(program.c_str(), "glowd", "--home", home.c_str(), nullptr);
  return {error_code::failed, "cannot start " + program + ": " + std::strerror(errno)};
}

result<void> wait_for_end(pid_t pid, std::chrono::milliseconds patience) {
  host::owned_fd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!process.valid()) return errno == ESRCH ? result<void>{} : result<void>{host::os_error("watch the agent's process")};
  pollfd ended{process.get(), POLLIN, 0};
  auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now()).count();
    if (left <= 0) break;
    auto ready = ::poll(&ended, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return host::os_error("wait for the agent's process");
  }
  return error{error_code::timed_out, "the agent (process " + std::to_string(pid) + ") has not ended yet: look at its log"};
}

} // namespace glow::cli
