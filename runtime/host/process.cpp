#include "runtime/host/process.hpp"

#include "runtime/host/home_files.hpp"
#include "runtime/host/piped_process.hpp"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

extern char** environ;

namespace glow::host {

namespace {

struct process_handle {
  uv_process_t uv{};
  std::function<void(int)> on_exit;
  bool exited = false;
};

void free_closed(uv_handle_t* uv) { delete static_cast<process_handle*>(uv->data); }

class system_process final : public process {
public:
  explicit system_process(process_handle* held) : held_{held} {}
  ~system_process() override {
    end_group();
    held_->on_exit = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&held_->uv), free_closed);
  }
  system_process(const system_process&) = delete;
  system_process& operator=(const system_process&) = delete;
  void kill() override { end_group(); }

private:
  void end_group() {
    if (!held_->exited) ::kill(-held_->uv.pid, SIGKILL);
  }
  process_handle* held_;
};

constexpr const char* pdeathsig_program = "/usr/bin/setpriv"; // util-linux: essential in Debian

/// The first executable of that name in PATH, or the name itself when it has a slash; empty if there is none.
std::string find_program(const std::string& name) {
  auto runs = [](const std::string& path) { return ::access(path.c_str(), X_OK) == 0; };
  if (name.find('/') != std::string::npos) return name; // relative to the child's directory: exec itself tells
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    auto colon = rest.find(':');
    auto candidate = std::string{rest.substr(0, colon)} + "/" + name;
    if (runs(candidate)) return candidate;
    rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  }
  return {};
}

std::vector<std::string> child_environment(const process_spec& spec) {
  std::vector<std::string> out;
  for (char** each = environ; *each; ++each) out.emplace_back(*each);
  for (auto& [key, value] : spec.environment) out.push_back(key + "=" + value);
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& each : texts) out.push_back(each.data());
  out.push_back(nullptr);
  return out;
}

result<owned_fd> open_for_child(const std::string& path, int flags) {
  owned_fd fd{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
  if (!fd.valid()) return os_error("open " + path);
  return fd;
}

} // namespace

namespace {

/// `directory`: null for this process's own.
result<std::unique_ptr<process>> spawn(uv_loop_t* loop, const process_spec& spec, const char* directory, const child_ends& ends,
                                       std::function<void(int)> on_exit) {
  auto program = find_program(spec.argv.at(0));
  if (program.empty()) return {error_code::not_found, "no command '" + spec.argv[0] + "' on this machine"};
  std::vector<std::string> argv;
  if (::access(pdeathsig_program, X_OK) == 0)
    argv = {pdeathsig_program, "--pdeathsig", "KILL", "--", program};
  else
    argv = {program};
  argv.insert(argv.end(), spec.argv.begin() + 1, spec.argv.end());
  auto environment = child_environment(spec);
  auto argv_pointers = pointers_to(argv);
  auto environment_pointers = pointers_to(environment);

  uv_stdio_container_t stdio[3]{};
  const int fds[3] = {ends.input, ends.output, ends.errors};
  for (int i = 0; i < 3; ++i) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = fds[i];
  }
  uv_process_options_t options{};
  options.file = argv_pointers[0];
  options.args = argv_pointers.data();
  options.env = environment_pointers.data();
  options.cwd = directory;
  options.flags = UV_PROCESS_DETACHED; // a group of its own, so that kill() reaches what the command started
  options.stdio_count = 3;
  options.stdio = stdio;
  options.exit_cb = [](uv_process_t* uv, std::int64_t status, int signal) {
    auto* held = static_cast<process_handle*>(uv->data);
    held->exited = true;
    if (held->on_exit) held->on_exit(signal != 0 ? 128 + signal : static_cast<int>(status));
  };
  auto held = std::make_unique<process_handle>();
  held->on_exit = std::move(on_exit);
  held->uv.data = held.get();
  auto* raw = held.release();
  if (int wrong = uv_spawn(loop, &raw->uv, &options); wrong != 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(&raw->uv), free_closed);
    return {wrong == UV_ENOENT ? error_code::not_found : error_code::io,
            "start '" + spec.argv[0] + "': " + std::string{uv_strerror(wrong)}};
  }
  return std::unique_ptr<process>{std::make_unique<system_process>(raw)};
}

} // namespace

result<std::unique_ptr<process>> start_process(actor_loop& loop, const process_spec& spec, std::function<void(int)> on_exit) {
  auto input = open_for_child("/dev/null", O_RDONLY);
  auto output = open_for_child(spec.output_path, O_WRONLY | O_CREAT | O_TRUNC);
  auto errors = open_for_child(spec.error_path, O_WRONLY | O_CREAT | O_TRUNC);
  for (auto* each : {&input, &output, &errors})
    if (!*each) return each->why();
  return spawn(loop.uv(), spec, spec.directory.c_str(), {input->get(), output->get(), errors->get()}, std::move(on_exit));
}

result<std::unique_ptr<process>> start_piped_process(uv_loop_t* loop, const std::vector<std::string>& argv,
                                                     const child_ends& ends, std::function<void(int status)> on_exit) {
  return spawn(loop, process_spec{argv, {}, {}, {}, {}}, nullptr, ends, std::move(on_exit));
}

} // namespace glow::host
