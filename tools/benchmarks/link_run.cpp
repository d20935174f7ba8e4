#include "tools/benchmarks/link_run.hpp"

#include "runtime/host/event_loop.hpp"
#include "runtime/host/limits.hpp"
#include "tools/benchmarks/network_namespace.hpp"
#include "transports/catalog.hpp"

#include <csignal>
#include <fstream>
#include <future>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace glow::benchmarks {
namespace {

/// An agent's actor system and event loop with nothing but a meter and a transport on it.
class measuring_process {
public:
  measuring_process() {
    config_.set("scheduler.policy", caf::atom("sharing"));
    config_.set("scheduler.max-threads", 1);
    config_.set("scheduler.max-throughput", limits::messages_per_turn);
    system_ = std::make_unique<caf::actor_system>(config_);
    loop_ = std::make_unique<host::event_loop>(*system_);
  }
  ~measuring_process() {
    if (meter_) caf::anon_send_exit(meter_, caf::exit_reason::kill);
    meter_ = nullptr;
    system_->await_all_actors_done(); // transport and link end with their listener
    loop_.reset();
  }
  surroundings world() { return host::system_surroundings(*loop_); }
  /// Errors: `usage` when no transport speaks the scheme.
  result<void> start(const std::string& scheme, std::optional<channel_uri> listen, meter_arguments arguments) {
    auto catalog = transports::production_catalog();
    auto found = catalog.find(scheme);
    if (found == catalog.end()) return error{error_code::usage, "no transport speaks '" + scheme + "'"};
    meter_ = spawn_on_loop(*system_, *loop_, meter_behavior, std::move(arguments));
    found->second(*system_, std::move(listen), meter_, world());
    return {};
  }

private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<host::event_loop> loop_;
  meter_actor meter_;
};

/// The child: writes its URI, or the reason why it has none, and serves until it is killed.
void serve(const link_run& run, const channel_uri& listen, int write_end) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto say = [write_end](const std::string& line) {
    auto text = line + "\n";
    if (::write(write_end, text.data(), text.size()) < 0) ::_exit(1);
  };
  if (auto entered = enter_network_namespace(run.netns_there); !entered) return say("error " + entered.why().message);
  measuring_process process;
  meter_arguments with{process.world(),
                       std::nullopt,
                       {},
                       {},
                       run.window_bytes,
                       [say](result<std::vector<channel_uri>> uris) {
                         if (uris && !uris->empty()) return say(to_string(uris->front()));
                         say("error " + (uris ? "it listens nowhere" : uris.why().message));
                       },
                       [say](const result<link_figures>& outcome) { // only a failure ends the serving side
                         say("error " + (outcome ? "" : outcome.why().message));
                       }};
  if (auto started = process.start(listen.scheme, listen, std::move(with)); !started) say("error " + started.why().message);
  for (;;) ::pause();
}

result<channel_uri> read_uri(int read_end) {
  std::string line;
  for (char c = 0; line.size() < limits::uri_bytes_max && ::read(read_end, &c, 1) == 1 && c != '\n';) line.push_back(c);
  if (line.starts_with("error ")) return {error_code::failed, "the serving side: " + line.substr(6)};
  return parse_channel_uri(line);
}

result<link_figures> dial(const link_run& run, const channel_uri& remote) {
  if (auto entered = enter_network_namespace(run.netns_here); !entered) return entered.why();
  std::promise<result<link_figures>> outcome; // outlives the process that fulfils it
  measuring_process process;
  auto waiting = outcome.get_future();
  meter_arguments with{process.world(),
                       remote,
                       std::min<duration>(run.seconds, 2s),
                       run.seconds,
                       run.window_bytes,
                       {},
                       [&](result<link_figures> figures) { outcome.set_value(std::move(figures)); }};
  if (auto started = process.start(remote.scheme, std::nullopt, std::move(with)); !started) return started.why();
  if (waiting.wait_for(run.seconds * 3 + 10s) != std::future_status::ready)
    return {error_code::timed_out, "no figures of " + to_string(remote) + " came in time"};
  return waiting.get();
}

/// VmHWM, in MB.
double most_memory_mb(pid_t process) {
  std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) * 1024 / 1e6;
  return 0;
}

} // namespace

result<link_figures> measure_link(const link_run& run) {
  auto listen = parse_channel_uri(run.listen);
  if (!listen) return listen.why();
  int ends[2];
  if (::pipe(ends) != 0) return {error_code::io, "no pipe to the serving process"};
  auto child = ::fork();
  if (child < 0) return {error_code::io, "cannot fork a serving process"};
  if (child == 0) {
    ::close(ends[0]);
    serve(run, *listen, ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  auto remote = read_uri(ends[0]);
  auto figures = remote ? dial(run, *remote) : result<link_figures>{remote.why()};
  if (figures) figures->rss_mb_there = most_memory_mb(child);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  return figures;
}

} // namespace glow::benchmarks
