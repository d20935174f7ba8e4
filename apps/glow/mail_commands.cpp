// glow send, recv, mailboxes: messages to boxes of nodes that may be off.
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/command_line.hpp"
#include "runtime/base/base32.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

namespace glow::cli {
namespace {

using client::printable;
using client::table;
using client::tint;

constexpr std::chrono::seconds agent_patience{30};
/// `--follow` asks again after this, so that an agent that was replaced meanwhile is met again.
constexpr std::chrono::seconds follow_turn{3600};
/// The agent notices the end of a life within about a second.
constexpr std::chrono::seconds expiry_slack{5};
/// An agent that is down for longer than this ends `--follow`.
constexpr std::chrono::seconds restart_patience{10};

// ---- send --------------------------------------------------------------------------------------------------------

struct send_flags {
  std::string to;
  std::string file = "-";
  std::string wait;
  std::string life = "14d";
};

std::string state_text(const json& letter) {
  auto state = text_of(letter, "state");
  auto to = printable(text_of(letter, "to"));
  if (state == "expired") return "expired: nobody fetched it in its life";
  if (state == "refused") return "refused: " + client::printable_line(text_of(letter, "why"));
  if (state != "waiting" || to.empty()) return state;
  auto why = text_of(letter, "why");
  if (letter.value("online", false)) return "waiting: " + (why.empty() ? to + " is being told" : client::printable_line(why));
  auto custodians = count_of(letter, "custodians");
  return "waiting: " + to + " is off, " + std::to_string(custodians) + (custodians == 1 ? " custodian" : " custodians");
}

result<int> send(const context& with, const send_flags& flags) {
  auto slash = flags.to.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == flags.to.size())
    return error{error_code::usage, "send: write the node and its box, such as: glow send nas/inbox (see: glow send --help)"};
  auto life = client::parse_duration(flags.life);
  if (!life) return life.why();
  if (life->count() < 1) return error{error_code::usage, "send: --for needs at least a second"};
  std::vector<control::argument> arguments{
    {"node", flags.to.substr(0, slash)}, {"box", flags.to.substr(slash + 1)}, {"life_s", std::to_string(life->count())}};
  client::call_options options;
  options.patience = agent_patience;
  auto waits = !flags.wait.empty();
  if (waits) {
    auto wait =
      flags.wait == "until it expires" ? result<std::chrono::seconds>{*life + expiry_slack} : client::parse_duration(flags.wait);
    if (!wait) return wait.why();
    arguments.push_back({"wait_s", std::to_string(wait->count())});
    options.patience += *wait;
  }
  host::owned_fd file;
  options.input_fd = STDIN_FILENO;
  if (flags.file != "-") {
    file.reset(::open(flags.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return host::os_error("open " + flags.file);
    options.input_fd = file.get();
  }
  auto letter = ask_agent(with, "send", std::move(arguments), options);
  if (!letter) return letter.why();
  auto shown = show(with, *letter, [&] { return text_of(*letter, "id") + " " + state_text(*letter) + "\n"; });
  auto state = text_of(*letter, "state");
  if (!shown || !waits || state == "delivered") return shown;
  if (state == "waiting") return exit_status(error_code::timed_out);
  return exit_status(error_code::failed);
}

// ---- recv --------------------------------------------------------------------------------------------------------

struct recv_flags {
  std::string box;
  std::string timeout;
  bool follow = false;
  bool peek = false;
};

/// Puts a message together as it comes: a line of JSON about it, then its bytes. Once it is written, says so to the agent.
struct incoming {
  const context& with;
  bool as_json = false;
  host::owned_fd confirm;
  std::string bytes;
  std::optional<json> about;
  bool written = false;

  result<void> take(byte_view more) {
    bytes += as_text(more);
    if (!about) {
      auto end = bytes.find('\n');
      if (end == std::string::npos) return {};
      auto document = parse_document(bytes.substr(0, end));
      if (!document) return document.why();
      about = std::move(*document);
      bytes.erase(0, end + 1);
    }
    if (written || bytes.size() < count_of(*about, "size")) return {};
    written = true;
    if (auto done = print(as_json ? document_text() : bytes + line_end()); !done) return done.why();
    if (confirm.valid() && ::write(confirm.get(), "+", 1) != 1)
      return host::os_error("tell the agent that the message is written");
    return {};
  }
  /// On a terminal the prompt, or the next message, begins on a line of its own.
  std::string line_end() const { return with.out.interactive && !bytes.ends_with('\n') ? "\n" : ""; }
  std::string document_text() const {
    auto out = *about;
    out["body"] = bytes;
    try {
      (void)json(bytes).dump(); // throws on what is no UTF-8
    } catch (const json::type_error&) {
      out["body_hex"] = to_hex(as_bytes(bytes));
    }
    return client::to_text(out) + "\n";
  }
};

result<void> recv_one(const context& with, const recv_flags& flags, std::chrono::seconds timeout) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return host::os_error("make a pipe");
  host::owned_fd read_end{ends[0]};
  incoming message{with, with.wants_json, host::owned_fd{flags.peek ? -1 : ends[1]}, {}, {}, false};
  host::owned_fd unused{flags.peek ? ends[1] : -1};
  client::call_options options;
  options.on_output = [&](byte_view bytes) { return message.take(bytes); };
  options.input_fd = flags.peek ? -1 : read_end.get();
  options.patience = agent_patience + timeout;
  std::vector<control::argument> arguments{{"box", flags.box}, {"timeout_s", std::to_string(timeout.count())}};
  if (flags.peek) arguments.push_back({"peek", "yes"});
  auto done = ask_agent(with, "recv", std::move(arguments), options);
  if (!done) return done.why();
  return {};
}

result<int> recv(const context& with, const recv_flags& flags) {
  auto timeout =
    flags.timeout.empty() ? result<std::chrono::seconds>{std::chrono::seconds{0}} : client::parse_duration(flags.timeout);
  if (!timeout) return timeout.why();
  if (!flags.follow) {
    auto done = recv_one(with, flags, *timeout);
    return done ? result<int>{0} : done.why();
  }
  if (flags.peek) return error{error_code::usage, "recv: --follow with --peek would show the same message for ever"};
  auto turn = flags.timeout.empty() ? follow_turn : *timeout;
  auto alive = std::chrono::steady_clock::now();
  while (true) {
    auto done = recv_one(with, flags, turn);
    auto code = done ? error_code::none : done.why().code;
    if (!flags.timeout.empty() && code == error_code::timed_out) return done.why();
    if (code == error_code::none || code == error_code::timed_out) {
      alive = std::chrono::steady_clock::now();
      continue;
    }
    // the agent, or a part of it, is being started again
    auto healing = code == error_code::stopped || code == error_code::no_agent;
    if (!healing || std::chrono::steady_clock::now() - alive > restart_patience) return done.why();
    std::this_thread::sleep_for(std::chrono::milliseconds{100}); // nothing tells when it is there again
  }
}

// ---- mailboxes ---------------------------------------------------------------------------------------------------

std::string mailboxes_text(const context& with, const json& d) {
  table boxes{{{"BOX"}, {"MESSAGES", true}, {"SIZE", true}, {"OLDEST"}}};
  for (auto& each : d.value("boxes", json::array()))
    boxes.add({printable(text_of(each, "name")), text_of(each, "messages"), client::human_size(number_of(each, "bytes", 0)),
               text_of(each, "oldest").substr(0, 16)});
  table sent{{{"SENT"}, {"TO"}, {"STATE", false, true}, {"ID"}}};
  for (auto& each : d.value("sent", json::array())) {
    auto state = text_of(each, "state");
    sent.add({text_of(each, "sent").substr(0, 16),
              printable(text_of(each, "to")) + "/" + text_of(each, "box"),
              {state_text(each), state == "delivered" ? tint::good
                                 : state == "waiting" ? tint::plain
                                                      : tint::bad},
              text_of(each, "id")});
  }
  auto out = boxes.empty() ? "no messages in the boxes of this node\n" : boxes.render(with.out);
  if (!sent.empty()) out += "\n" + sent.render(with.out);
  if (auto held = count_of(d, "held_for_others"); held > 0)
    out += "\nholds " + std::to_string(held) + (held == 1 ? " message" : " messages") + " for others\n";
  return out;
}

} // namespace

void add_mail_commands(CLI::App& app, context& with) {
  auto out = std::make_shared<send_flags>();
  auto* send_it = add_command(
    app, "send", "Send a message to a box of a node, which may be off",
    "Once its id is printed, the message is on this device's disk and will be delivered exactly once. While the node is off, up\n"
    "to two other nodes of the namespace hold a sealed copy and deliver it if this device is off by then. A message holds 1 MiB\n"
    "at most; glow put takes more. With --wait: status 0 when it lies in its box, 4 when it still waits (it goes on waiting).",
    "  echo hello | glow send nas/inbox\n  glow send --wait=1m phone/notes list.txt\n  glow send --for 30d nas/backup.done "
    "report.json");
  send_it->add_option("NODE/BOX", out->to, "A node and a box: a name of a-z 0-9 . _ -")->required();
  send_it->add_option("FILE", out->file, "What to send; - is the input")->capture_default_str();
  send_it->add_flag("--wait{until it expires}", out->wait, "Stay until it was delivered; --wait=30s: for so long at most");
  send_it->add_option("--for", out->life, "How long it is worth delivering, 90d at most")->capture_default_str();
  send_it->callback([=, &with] { with.action = [=, &with] { return send(with, *out); }; });

  auto in = std::make_shared<recv_flags>();
  auto* recv_it = add_command(
    app, "recv", "Print the oldest message of a box, and remove it from there",
    "Removed only once it is written: a message is not lost when this program, or what reads from it, dies. Status 1 when the "
    "box\n"
    "is empty; 4 when nothing came within --timeout. With --json: one document per message, its bytes in body (and body_hex).",
    "  glow recv inbox\n  glow recv inbox --timeout 1h > message\n  glow --json recv inbox --follow | while read -r m; do …; "
    "done");
  recv_it->add_option("BOX", in->box, "A box of this node: glow mailboxes lists those with messages")->required();
  recv_it->add_flag("--follow", in->follow, "Print messages as they come, until it is stopped");
  recv_it->add_flag("--peek", in->peek, "Leave the message in its box");
  recv_it->add_option("--timeout", in->timeout, "Wait for a message, for so long at most");
  recv_it->callback([=, &with] { with.action = [=, &with] { return recv(with, *in); }; });

  auto* list = add_command(app, "mailboxes", "List the boxes with messages, and what became of messages sent from here", "",
                           "  glow mailboxes\n  glow mailboxes --json");
  list->callback([&with] {
    with.action = [&with]() -> result<int> {
      auto document = ask_agent(with, "mailboxes", {});
      if (!document) return document.why();
      return show(with, *document, [&] { return mailboxes_text(with, *document); });
    };
  });
}

} // namespace glow::cli
