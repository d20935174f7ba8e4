// up, down: the agent itself.
#include "apps/client/config.hpp"
#include "apps/client/home.hpp"
#include "apps/glow/agent_process.hpp"
#include "apps/glow/command_line.hpp"

namespace glow::cli {
namespace {

constexpr auto stop_patience = std::chrono::seconds{30};

struct up_flags {
  std::string name;
  std::vector<std::string> listen;
  std::vector<std::string> peer;
  std::vector<std::string> media;
  bool discovery = true;
  bool foreground = false;
  CLI::Option* discovery_given = nullptr;
};

client::agent_config config_of(const up_flags& flags) {
  client::agent_config out;
  if (!flags.name.empty()) out.name = flags.name;
  if (!flags.listen.empty()) out.listen = flags.listen;
  if (!flags.peer.empty()) out.peer = flags.peer;
  if (!flags.media.empty()) out.media = flags.media;
  if (flags.discovery_given->count() > 0) out.discovery = flags.discovery;
  return out;
}

/// What was given stays: the next `glow up` without flags starts the same agent.
result<void> keep_flags(const std::string& home, const client::agent_config& given) {
  if (given.empty()) return {};
  auto path = home + "/config.toml";
  auto config = client::read_config(path);
  if (!config) return config.why();
  config->apply(given);
  return client::write_config(path, *config);
}

result<int> show_started(const context& with, const json& status, pid_t pid, bool already, bool kept) {
  json out{{"pid", pid},
           {"home", with.home},
           {"already_running", already},
           {"node", status["node"]},
           {"namespace", status["namespace"]}};
  return show(with, out, [&] {
    auto who = text_of(out["node"], "name") + " (" + text_of(out["node"], "id").substr(0, 8) + ") in namespace "
               + text_of(out["namespace"], "name");
    auto head = already ? "an agent is already running: " : "the agent is up: ";
    return head + who + ", process " + std::to_string(pid) + ", home " + with.home + "\n"
           + (already && kept ? "the flags are kept for its next start: glow down, then glow up\n" : "");
  });
}

result<int> up(const context& with, const up_flags& flags) {
  auto given = config_of(flags);
  if (auto good = client::check(given); !good) return good.why();
  if (auto made = make_home(with.home); !made) return made.why();
  if (auto kept = keep_flags(with.home, given); !kept) return kept.why();
  auto running = connection::open(with.home);
  if (running) {
    auto status = ask_agent(with, "status", {});
    if (status) return show_started(with, *status, running->agent_pid(), true, !given.empty());
    if (status.why().code != error_code::no_agent) return status.why(); // else it was killed, and its socket was still open
  } else if (running.why().code != error_code::no_agent) {
    return running.why();
  }
  if (flags.foreground) return become_agent(with.home);
  auto pid = start_agent(with.home);
  if (!pid) return pid.why();
  auto status = ask_agent(with, "status", {});
  if (!status) return status.why();
  return show_started(with, *status, *pid, false, false);
}

result<int> down(const context& with) {
  auto agent = connection::open(with.home);
  if (!agent) return agent.why();
  auto pid = agent->agent_pid();
  auto answer = agent->call("down", {});
  // an agent that ends before its answer left has done what was asked
  if (!answer && answer.why().code != error_code::stopped) return answer.why();
  if (auto ended = wait_for_end(pid, stop_patience); !ended) return ended.why();
  return show(with, {{"pid", pid}, {"stopped", true}}, [] { return std::string{"the agent has stopped\n"}; });
}

} // namespace

void add_agent_commands(CLI::App& app, context& with) {
  auto flags = std::make_shared<up_flags>();
  auto* start =
    add_command(app, "up", "Start this device's agent in the background",
                "The first start makes the device's identity and a namespace of its own; glow join enters another one.\n"
                "The flags are kept in HOME/config.toml, so that the next glow up needs none. Output goes to HOME/log.\n"
                "If the agent is running already, this says so and succeeds.",
                "  glow up --name laptop\n"
                "  glow up --listen udp://[::]:7400 --listen tcp://[::]:7400\n"
                "  glow up --peer udp://nas.example.org:7400 --no-discovery");
  start->add_option("--name", flags->name, "This node's name (default: the host's name)");
  start->add_option("--listen", flags->listen, "Where to listen, a channel URI; may be repeated")
    ->take_all()
    ->allow_extra_args(false);
  start->add_option("--peer", flags->peer, "A place to keep a link to, a channel URI; may be repeated")
    ->take_all()
    ->allow_extra_args(false);
  start
    ->add_option("--media", flags->media,
                 "Speak only these media (udp, tcp, unix, tty, exec, stdio); may be repeated; default: all")
    ->take_all()
    ->allow_extra_args(false);
  flags->discovery_given =
    start->add_flag("--discovery,!--no-discovery", flags->discovery, "Find other nodes on the local network, or do not");
  start->add_flag("--foreground", flags->foreground, "Stay in the foreground and log to stderr");
  start->callback([&with, flags] { with.action = [&with, flags] { return up(with, *flags); }; });
  auto* stop = add_command(app, "down", "Stop this device's agent, gracefully",
                           "Waits until its process has gone. Nothing that was acknowledged is lost.", "  glow down");
  stop->callback([&with] { with.action = [&with] { return down(with); }; });
}

} // namespace glow::cli
