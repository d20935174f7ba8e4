// glow: what people and scripts type. It speaks to the agent over its control socket and does no work of its own.
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/command_line.hpp"

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <iostream>

using namespace glow;
using namespace glow::cli;

namespace {

constexpr const char* about =
  "glow joins your devices into one encrypted mesh: files, jobs and services of all of them, from each of them.\n"
  "\n"
  "Names: NODE is a node's name (nas), its id, or a unique beginning of the id. PATH is a place in your namespace\n"
  "(/docs/a.txt), PATH@3, PATH@2026-11-20 or PATH@COMMIT one of its versions.\n"
  "\n"
  "glow COMMAND --help tells more about a command.";

/// One line, whatever the text holds.
int complain(const error& why) {
  auto line = "glow: " + client::printable_line(why.message);
  std::fprintf(stderr, "%s\n", line.c_str());
  return exit_status(why.code);
}

std::string hint(const CLI::App& app) {
  std::string command = "glow";
  auto given = app.get_subcommands();
  while (!given.empty()) {
    command += " " + given.front()->get_name();
    given = given.front()->get_subcommands();
  }
  return " (see: " + command + " --help)";
}

/// Everything after the first `--` of `glow run` is the job's command, dashes and all.
void split_at_dashes(std::vector<std::string>& words, context& with) {
  auto dashes = std::find(words.begin(), words.end(), "--");
  auto run = std::find(words.begin(), dashes, "run");
  if (dashes == words.end() || run == dashes) return;
  with.has_dashes = true;
  with.after_dashes.assign(dashes + 1, words.end());
  words.erase(dashes, words.end());
}

/// The word that stands where a command should; empty if there is none.
std::string command_word(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--home")
      ++i; // and its value
    else if (!words[i].starts_with('-'))
      return words[i];
  }
  return {};
}

int run(std::vector<std::string> words) {
  context with;
  with.out = client::terminal::of(STDOUT_FILENO);
  with.err = client::terminal::of(STDERR_FILENO);
  CLI::App app{about, "glow"};
  app.set_version_flag("--version", "glow " GLOW_VERSION);
  app.add_option("--home", with.home, "The agent's home directory");
  app.add_flag("--json", with.wants_json, "One JSON document on stdout");
  app.require_subcommand(1);
  app.get_formatter()->column_width(30);
  add_agent_commands(app, with);
  add_look_commands(app, with);
  add_mesh_commands(app, with);
  add_stdio_command(app, with);
  add_store_commands(app, with);
  add_job_commands(app, with);
  add_service_commands(app, with);
  add_mail_commands(app, with);
  split_at_dashes(words, with);
  auto asked = command_word(words);
  std::reverse(words.begin(), words.end()); // CLI11 takes them from the back
  try {
    app.parse(words);
  } catch (const CLI::ParseError& wrong) {
    if (wrong.get_exit_code() == 0) return app.exit(wrong, std::cout, std::cerr); // --help, --version
    if (app.get_subcommands().empty() && !asked.empty()
        && app.get_subcommands([&](CLI::App* each) { return each->check_name(asked); }).empty())
      return complain({error_code::usage, "there is no command '" + asked + "'" + hint(app)});
    return complain({error_code::usage, wrong.what() + hint(app)});
  }
  with.home = with.home.empty() ? client::default_home() : client::absolute_path(with.home);
  auto status = with.action ? with.action() : result<int>{error{error_code::usage, "nothing to do" + hint(app)}};
  return status ? *status : complain(status.why());
}

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::setlocale(LC_CTYPE, "C.UTF-8"); // widths of characters, whatever the user's language
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& bug) { // out of memory, or a bug: still one line
    return complain({error_code::failed, std::string{"internal error: "} + bug.what()});
  }
}
