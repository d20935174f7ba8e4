// glowd: the agent as a process, for service managers and for glow up. Reads its config, starts one agent, ends on
// SIGTERM, SIGINT or glow down.
#include "actors/agent.hpp"
#include "apps/client/config.hpp"
#include "apps/client/home.hpp"
#include "apps/glowd/service_notifier.hpp"
#include "runtime/host/home_files.hpp"
#include "runtime/host/log.hpp"
#include "runtime/host/memory.hpp"
#include "transports/catalog.hpp"
#include "transports/production_discovery.hpp"

#include <CLI/CLI.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <thread>

using namespace glow;

namespace {

int complain(const error& why) {
  auto line = why.message;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "glowd: %s\n", line.c_str());
  return exit_status(why.code);
}

// A handler can only write to a pipe: the other end is read by a thread. Signals are not blocked, since the processes of
// job steps would inherit that.
int signal_pipe = -1;
extern "C" void on_signal(int number) {
  auto before = errno;
  auto byte = static_cast<char>(number);
  [[maybe_unused]] auto written = ::write(signal_pipe, &byte, 1);
  errno = before;
}

/// Stops the agent on SIGTERM and SIGINT, as long as this object lives. A second one ends the process at once.
class signal_watch {
public:
  explicit signal_watch(agent& watched) : watched_{watched} {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    signal_pipe = write_.get();
    set_handlers(on_signal);
    thread_ = std::thread{[this] { listen(); }};
  }
  ~signal_watch() {
    on_signal(0); // wakes the thread for the last time
    if (thread_.joinable()) thread_.join();
    set_handlers(SIG_DFL); // before the pipe closes
  }
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

private:
  static void set_handlers(void (*handler)(int)) {
    for (auto number : {SIGTERM, SIGINT, SIGHUP}) {
      struct sigaction action {};
      action.sa_handler = handler;
      action.sa_flags = number == SIGHUP ? SA_RESTART : static_cast<int>(SA_RESETHAND | SA_RESTART);
      ::sigaction(number, &action, nullptr);
    }
  }
  void listen() {
    char number = 0;
    while (::read(read_.get(), &number, 1) == 1 || errno == EINTR) {
      if (number == 0) return;
      if (number == SIGHUP) {
        host::log(host::level::info, "glowd", "ignores SIGHUP: the config is read at the start only");
        continue;
      }
      host::log(host::level::info, "glowd", "stops: asked by a signal");
      daemon::notify_service("STOPPING=1");
      watched_.stop();
    }
  }

  agent& watched_;
  host::owned_fd read_;
  host::owned_fd write_;
  std::thread thread_;
};

result<std::vector<channel_uri>> parsed(const std::optional<std::vector<std::string>>& texts) {
  std::vector<channel_uri> out;
  for (auto& each : texts.value_or(std::vector<std::string>{})) {
    auto uri = parse_channel_uri(each);
    if (!uri) return uri.why();
    out.push_back(std::move(*uri));
  }
  return out;
}

result<agent_options> options_of(const std::string& home, const std::string& config_path) {
  auto config = client::read_config(config_path.empty() ? home + "/config.toml" : config_path);
  if (!config) return config.why();
  auto listen = parsed(config->listen);
  auto peers = parsed(config->peer);
  if (!listen) return listen.why();
  if (!peers) return peers.why();
  agent_options out;
  out.home = home;
  out.node_name = config->name.value_or("");
  out.listen = std::move(*listen);
  out.peers = std::move(*peers);
  out.discovery = config->discovery.value_or(true);
  out.transports = transports::production_catalog();
  if (config->media) {
    for (auto& each : *config->media)
      if (!out.transports.contains(each)) return error{error_code::usage, "this agent does not know the medium '" + each + "'"};
    std::erase_if(out.transports, [&](auto& known) {
      return std::find(config->media->begin(), config->media->end(), known.first) == config->media->end();
    });
  }
  out.discover = transports::production_discovery();
  return out;
}

int serve(const std::string& home, const std::string& config_path) {
  if (!config_path.empty() && ::access(config_path.c_str(), R_OK) != 0) return complain(host::os_error("read " + config_path));
  auto options = options_of(home, config_path);
  if (!options) return complain(options.why());
  auto started = agent::start(std::move(*options));
  if (!started) return complain(started.why());
  auto& running = **started;
  error ended;
  {
    signal_watch signals{running};
    daemon::notify_service("READY=1");
    ended = running.wait();
  }
  daemon::notify_service("STOPPING=1");
  started->reset();
  if (ended.code == error_code::none || ended.code == error_code::stopped) return 0;
  return complain(ended);
}

int run(int argc, char** argv) {
  std::string home;
  std::string config;
  CLI::App app{"glowd is Glow's agent: one node of your mesh, for as long as it runs. glow up starts one in the background;\n"
               "service managers run this program (glowd.service is a unit for systemd). It logs to stderr, tells READY=1\n"
               "and STOPPING=1 to $NOTIFY_SOCKET, and ends gracefully on SIGTERM, SIGINT and glow down.",
               "glowd"};
  app.set_version_flag("--version", "glowd " GLOW_VERSION);
  app.add_option("--home", home, "The agent's home (default: $GLOW_HOME, $XDG_STATE_HOME/glow, ~/.local/state/glow)");
  app.add_option("--config", config, "TOML: name, listen, peer, media, discovery (default: HOME/config.toml, if it exists)");
  app.footer("\nExit status: 0 asked to stop, 1 failed, 2 wrong usage or config.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    if (wrong.get_exit_code() == 0) return app.exit(wrong);
    return complain({error_code::usage, std::string{wrong.what()} + " (see: glowd --help)"});
  }
  return serve(home.empty() ? client::default_home() : client::absolute_path(home), config);
}

} // namespace

int main(int argc, char** argv) {
  host::keep_free_memory();
  try {
    return run(argc, argv);
  } catch (const std::exception& bug) {
    return complain({error_code::failed, std::string{"internal error: "} + bug.what()});
  }
}
