// glow-shell: looks into the actors of a running agent, and stops, suspends and resumes them.
#include "apps/client/actor_tree.hpp"
#include "apps/client/connection.hpp"
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"

#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>

using namespace glow;
using namespace glow::client;

namespace {

constexpr const char* usage =
  "usage: glow-shell [--home DIR] [COMMAND...]\n"
  "\n"
  "Looks into the actors of this device's agent. Without a command it reads lines.\n"
  "\n"
  "  tree           the supervision tree: who supervises whom, how often each was restarted\n"
  "  state PATH     what an actor says of itself\n"
  "  stats PATH     messages handled, length of the mailbox, time since its start\n"
  "  quit PATH      make an actor fail: its supervisor heals\n"
  "  suspend PATH   let an actor keep its messages and handle none\n"
  "  resume PATH    let it go on\n"
  "  help, exit\n"
  "\n"
  "PATH is the names on the way from the root: node/links/3 (see tree).\n"
  "\n"
  "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no agent is running, 4 unreachable or timed out.\n";

struct shell {
  std::string home;
  terminal out = terminal::of(STDOUT_FILENO);
};

int complain(const error& why) {
  std::fprintf(stderr, "glow-shell: %s\n", printable_line(why.message).c_str());
  return exit_status(why.code);
}

result<json> ask(const shell& in, const std::string& command, std::vector<control::argument> arguments) {
  auto agent = connection::open(in.home); // one a command: the control actor may have been restarted by the last one
  if (!agent) return agent.why();
  auto answer = agent->call(command, std::move(arguments));
  if (!answer) return answer.why();
  return parse_document(*answer);
}

int show(const result<json>& document, const std::function<std::string(const json&)>& text) {
  if (!document) return complain(document.why());
  std::fputs(text(*document).c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : complain(host::os_error("write to the output"));
}

std::string pretty(const json& document) { return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }
std::string confirmation(const json& document) { return text_of(document, "done") + ": " + text_of(document, "path") + "\n"; }

struct shell_command {
  const char* name;
  const char* asked; ///< command of the control socket
  bool takes_path;
  std::string (*text)(const json&);
};
constexpr shell_command commands[] = {
  {"state", "actor.state", true, pretty},         {"stats", "actor.stats", true, pretty},
  {"quit", "actor.quit", true, confirmation},     {"suspend", "actor.suspend", true, confirmation},
  {"resume", "actor.resume", true, confirmation},
};

int obey(const shell& in, const std::vector<std::string>& words) {
  auto& name = words.front();
  if (name == "help") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (name == "tree" && words.size() == 1)
    return show(ask(in, "supervisor-tree", {}), [&](const json& d) { return actor_tree(in.out, d); });
  auto found = std::find_if(std::begin(commands), std::end(commands), [&](auto& each) { return name == each.name; });
  if (found == std::end(commands)) return complain({error_code::usage, "unknown command '" + name + "': see glow-shell help"});
  if (words.size() != 2) return complain({error_code::usage, name + " takes one PATH, such as node/links: see glow-shell tree"});
  return show(ask(in, found->asked, {{"path", words[1]}}), found->text);
}

std::vector<std::string> split(const std::string& line) {
  std::istringstream in{line};
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

/// Status of the last command that failed, so that a script of lines can be checked.
int read_lines(const shell& in) {
  int status = 0;
  for (std::string line; std::getline(std::cin, line);) {
    auto words = split(line);
    if (words.empty() || words.front().starts_with('#')) continue;
    if (words.front() == "exit") break;
    if (auto failed = obey(in, words); failed != 0) status = failed;
  }
  return status;
}

int edit_lines(const shell& in) {
  std::unique_ptr<EditLine, decltype(&el_end)> editor{el_init("glow-shell", stdin, stdout, stderr), &el_end};
  std::unique_ptr<History, decltype(&history_end)> past{history_init(), &history_end};
  if (!editor || !past) return read_lines(in);
  HistEvent event{};
  history(past.get(), &event, H_SETSIZE, 500);
  el_set(
    editor.get(), EL_PROMPT, +[](EditLine*) -> char* {
      static char prompt[] = "glow> ";
      return prompt;
    });
  el_set(editor.get(), EL_EDITOR, "emacs");
  el_set(editor.get(), EL_SIGNAL, 1);
  el_set(editor.get(), EL_HIST, history, past.get());
  std::puts("help lists the commands, exit or ^D leaves");
  int length = 0;
  while (auto* line = el_gets(editor.get(), &length)) {
    auto words = split({line, static_cast<std::size_t>(std::max(length, 0))});
    if (words.empty()) continue;
    history(past.get(), &event, H_ENTER, line);
    if (words.front() == "exit" || (words.size() == 1 && words.front() == "quit")) break;
    obey(in, words); // a mistake is no reason to leave
  }
  return 0;
}

int run(std::vector<std::string> words) {
  shell in;
  in.home = default_home();
  while (!words.empty() && words.front().starts_with('-')) {
    auto flag = words.front();
    words.erase(words.begin());
    if (flag == "--help" || flag == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    if (flag == "--version") {
      std::puts("glow-shell " GLOW_VERSION);
      return 0;
    }
    if (flag.starts_with("--home=")) {
      in.home = absolute_path(flag.substr(7));
    } else if (flag == "--home" && !words.empty()) {
      in.home = absolute_path(words.front());
      words.erase(words.begin());
    } else {
      return complain({error_code::usage,
                       flag == "--home" ? "--home needs a directory" : "unknown option '" + flag + "': see glow-shell --help"});
    }
  }
  if (!words.empty()) return obey(in, words);
  return ::isatty(STDIN_FILENO) ? edit_lines(in) : read_lines(in);
}

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::setlocale(LC_CTYPE, "C.UTF-8"); // names are UTF-8 whatever the user's language
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& bug) {
    return complain({error_code::failed, std::string{"internal error: "} + bug.what()});
  }
}
