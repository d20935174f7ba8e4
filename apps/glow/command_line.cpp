#include "apps/glow/command_line.hpp"

#include <cstdio>
#include <set>
#include <thread>

namespace glow::cli {

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& purpose, const std::string& details,
                      const std::string& examples) {
  auto* command = app.add_subcommand(name, purpose);
  command->fallthrough(); // --home and --json belong to glow, and may stand anywhere
  std::string footer = details.empty() ? "" : details + "\n\n";
  if (!examples.empty()) footer += "Examples:\n" + examples + "\n\n";
  command->footer("\n" + footer
                  + "Everywhere:\n"
                    "  --home DIR                  The agent's home (default: $GLOW_HOME, $XDG_STATE_HOME/glow,\n"
                    "                              ~/.local/state/glow)\n"
                    "  --json                      One JSON document on stdout (apps/README.md describes it)\n\n"
                    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no agent is running, 4 unreachable or timed out.");
  return command;
}

namespace {

constexpr auto retry_patience = std::chrono::seconds{5};
constexpr auto retry_pause = std::chrono::milliseconds{50}; ///< a supervisor heals within tens of milliseconds

/// Commands that may be asked twice: they change nothing.
bool only_looks(const std::string& command) {
  static const std::set<std::string> looking{"status",     "nodes",   "links",     "routes",      "trace",
                                             "ls",         "log",     "jobs",      "job",         "supervisor-tree",
                                             "routes.why", "metrics", "mailboxes", "expose.list", "forward.list"};
  return looking.contains(command);
}

result<json> ask_once(const context& with, const std::string& command, const std::vector<control::argument>& arguments,
                      const client::call_options& options) {
  auto agent = connection::open(with.home);
  if (!agent) return agent.why();
  auto answer = agent->call(command, arguments, options);
  if (!answer) return answer.why();
  return parse_document(*answer);
}

} // namespace

result<json> ask_agent(const context& with, const std::string& command, std::vector<control::argument> arguments,
                       const client::call_options& options) {
  auto give_up = std::chrono::steady_clock::now() + retry_patience;
  while (true) {
    auto answer = ask_once(with, command, arguments, options);
    // an actor of the agent, perhaps the one that listens, was restarted meanwhile
    auto healing = !answer && answer.why().code == error_code::stopped;
    if (!healing || !only_looks(command) || std::chrono::steady_clock::now() >= give_up) return answer;
    std::this_thread::sleep_for(retry_pause);
  }
}

result<int> print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return 0;
  return host::os_error("write to the output");
}

result<int> show(const context& with, const json& document, const std::function<std::string()>& text) {
  return print(with.wants_json ? client::to_text(document) + "\n" : text());
}

} // namespace glow::cli
