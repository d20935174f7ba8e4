// invite join ping trace link expel: the mesh.
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/command_line.hpp"
#include "apps/glow/mesh_text.hpp"

#include <iostream>
#include <thread>

namespace glow::cli {
namespace {

using client::printable;

struct invite_flags {
  std::string valid = "15m";
  std::string role = "member";
  bool qr = false;
};

result<int> invite(const context& with, const invite_flags& flags) {
  auto valid = client::parse_duration(flags.valid);
  if (!valid) return valid.why();
  auto document = ask_agent(with, "invite", {{"for_s", std::to_string(valid->count())}, {"role", flags.role}});
  if (!document) return document.why();
  return show(with, *document, [&] {
    auto ticket = text_of(*document, "ticket");
    if (!with.out.interactive && !flags.qr) return ticket + "\n"; // scripts want nothing else
    return client::qr_code(ticket) + ticket + "\n\nOn the other device: glow up, then glow join TICKET. It admits one "
           + text_of(*document, "role") + ", once, until " + text_of(*document, "expires") + ".\n";
  });
}

constexpr auto rejoin_patience = std::chrono::seconds{20};
constexpr auto look_again = std::chrono::milliseconds{50}; ///< the control socket itself is replaced meanwhile

/// The node restarts as a member, and its control socket with it. Waits until it runs in the namespace `id`, so that the
/// next command finds it there.
result<void> wait_for_namespace(const context& with, const std::string& id) {
  auto give_up = std::chrono::steady_clock::now() + rejoin_patience;
  while (std::chrono::steady_clock::now() < give_up) {
    auto now = ask_agent(with, "status", {});
    if (now && text_of((*now)["namespace"], "id") == id) return {};
    std::this_thread::sleep_for(look_again);
  }
  return {error_code::timed_out,
          "the ticket was accepted, but the agent does not run in its new namespace yet: see glow status and its log"};
}

result<int> join(const context& with, std::string ticket, const std::string& name) {
  if (ticket == "-" && !std::getline(std::cin, ticket)) return error{error_code::usage, "no ticket on the input"};
  client::call_options options;
  options.patience = std::chrono::seconds{100};
  std::vector<control::argument> arguments{{"ticket", ticket}};
  if (!name.empty()) arguments.push_back({"name", name});
  auto joined = ask_agent(with, "join", arguments, options);
  if (!joined) return joined.why();
  if (auto there = wait_for_namespace(with, text_of((*joined)["namespace"], "id")); !there) return there.why();
  return show(with, *joined, [&] {
    return "joined namespace " + printable(text_of((*joined)["namespace"], "name")) + " as "
           + printable(text_of((*joined)["node"], "name")) + "\n";
  });
}

struct ping_flags {
  std::string node;
  int count = 4;
  double interval_s = 1;
  std::string timeout = "3s";
};

json ping_summary(const std::string& node, int sent, const json& replies) {
  json out{{"node", node}, {"sent", sent}, {"received", replies.size()}, {"rtt_ms", nullptr}, {"replies", replies}};
  if (replies.empty()) return out;
  double least = 1e300, most = 0, sum = 0;
  for (auto& each : replies) {
    auto rtt = number_of(each, "rtt_ms", 0);
    least = std::min(least, rtt);
    most = std::max(most, rtt);
    sum += rtt;
  }
  out["rtt_ms"] = {{"min", least}, {"avg", sum / static_cast<double>(replies.size())}, {"max", most}};
  return out;
}

result<int> ping(const context& with, const ping_flags& flags) {
  auto timeout = client::parse_duration(flags.timeout);
  if (!timeout) return timeout.why();
  auto agent = connection::open(with.home);
  if (!agent) return agent.why();
  auto replies = json::array();
  error last{error_code::timed_out, "no answer from " + flags.node};
  for (int i = 0; i < flags.count; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::duration<double>(flags.interval_s));
    client::call_options options;
    options.patience = *timeout + std::chrono::seconds{15};
    auto answer = agent->call("ping", {{"node", flags.node}, {"timeout_ms", std::to_string(timeout->count() * 1000)}}, options);
    auto reply = answer ? parse_document(*answer) : result<json>{answer.why()};
    if (reply) replies.push_back(*reply);
    if (!reply) last = reply.why();
    if (!reply && exit_status(last.code) != 4) return last; // no such node, no agent: the next try would fail alike
    if (with.wants_json) continue;
    auto line = reply ? mesh_text::ping_line(*reply) : printable(flags.node) + ": " + client::printable_line(last.message) + "\n";
    if (auto printed = print(line); !printed) return printed;
  }
  auto summary = ping_summary(flags.node, flags.count, replies);
  auto shown = show(with, summary, [&] { return flags.count > 1 ? mesh_text::ping_summary(summary) : std::string{}; });
  if (!shown) return shown;
  return replies.empty() ? exit_status(last.code) : 0;
}

result<int> one_answer(const context& with, const std::string& command, std::vector<control::argument> arguments,
                       std::function<std::string(const json&)> text) {
  auto document = ask_agent(with, command, std::move(arguments));
  if (!document) return document.why();
  return show(with, *document, [&] { return text(*document); });
}

void add_invite_and_join(CLI::App& app, context& with) {
  auto flags = std::make_shared<invite_flags>();
  auto* give = add_command(app, "invite", "Print a ticket that admits one more node to this namespace",
                           "A ticket works once, until it expires. Whoever holds it can join: hand it over privately.\n"
                           "On a terminal it is shown as a QR code too; in a pipe there is the ticket and nothing else.",
                           "  glow invite --for 1h\n  ssh nas glow join \"$(glow invite)\"");
  give->add_option("--for", flags->valid, "How long it is good: 30s, 15m, 2h, 7d")->capture_default_str();
  give->add_option("--role", flags->role, "What the node becomes")
    ->check(CLI::IsMember({"admin", "member", "guest"}))
    ->capture_default_str();
  give->add_flag("--qr", flags->qr, "Show the QR code in a pipe too");
  give->callback([&with, flags] { with.action = [&with, flags] { return invite(with, *flags); }; });

  auto ticket = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  auto* take =
    add_command(app, "join", "Enter the namespace of a ticket",
                "The agent must be running. Its own namespace must be empty: one with other nodes or files is not given up.\n"
                "TICKET may be - : read it from the input, so that it does not show in the list of processes.",
                "  glow join glow:abc…\n  glow join - --name nas < ticket");
  take->add_option("TICKET", *ticket, "What glow invite printed")->required();
  take->add_option("--name", *name, "This node's name in the namespace (default: its name now)");
  take->callback([&with, ticket, name] { with.action = [&with, ticket, name] { return join(with, *ticket, *name); }; });
}

void add_ping_and_trace(CLI::App& app, context& with) {
  auto flags = std::make_shared<ping_flags>();
  auto* command = add_command(app, "ping", "Measure the round trip to a node", "Fails with status 4 when no answer came at all.",
                              "  glow ping nas\n  glow ping nas -c 1 --timeout 1s");
  command->add_option("NODE", flags->node, "Which node")->required();
  command->add_option("-c,--count", flags->count, "How many")->check(CLI::Range(1, 1000000))->capture_default_str();
  command->add_option("-i,--interval", flags->interval_s, "Seconds between two")
    ->check(CLI::Range(0.0, 3600.0))
    ->capture_default_str();
  command->add_option("--timeout", flags->timeout, "How long to wait for each")->capture_default_str();
  command->callback([&with, flags] { with.action = [&with, flags] { return ping(with, *flags); }; });

  auto node = std::make_shared<std::string>();
  auto* walk = add_command(app, "trace", "Show the way to a node, hop by hop", "", "  glow trace vps");
  walk->add_option("NODE", *node, "Which node")->required();
  walk->callback([&with, node] {
    with.action = [&with, node] {
      return one_answer(with, "trace", {{"node", *node}}, [&](const json& d) { return mesh_text::trace(with, d); });
    };
  });
}

void add_link(CLI::App& app, context& with) {
  auto* group = add_command(app, "link", "Add or remove a link to a place", "",
                            "  glow link add tcp://nas.example.org:7400\n  glow link rm 3");
  group->require_subcommand(1);
  auto uri = std::make_shared<std::string>();
  auto* add = add_command(
    *group, "add", "Keep a link to this place, redialled until it is removed",
    "It lasts until the agent stops; glow up --peer keeps it for good. glow links shows how it fares.\n"
    "tty: a serial line, given to the agents at both of its ends. exec: a command whose stdin and stdout lead\n"
    "to another agent's glow stdio; blanks are written %20. tcp goes through a proxy with ?via=: socks5://HOST:PORT\n"
    "or http://HOST:PORT, with USER:PASSWORD@ before the host if it wants one; it finds the name, .onion too.\n"
    "Any place takes ?class=control (slow or dear: control and small interactive packets only), ?bulk=yes (bulk goes\n"
    "there whatever its class) and ?bulk=no (never). The other end hears of it; the stricter word of the two holds.\n"
    "Several links of one medium to a node share its bulk where they are alike.",
    "  glow link add udp://192.168.1.5:7400\n"
    "  glow link add 'tty:/dev/ttyUSB0?baud=115200'\n"
    "  glow link add 'tcp://nas.onion:7400?via=socks5://127.0.0.1:9050'\n"
    "  glow link add exec:ssh%20nas%20glow%20stdio\n"
    "  glow link add 'udp://10.8.0.5:7400?bulk=no'");
  add->add_option("URI", *uri, "A channel URI: udp tcp unix tty exec")->required();
  add->callback([&with, uri] {
    with.action = [&with, uri] {
      return one_answer(with, "link.add", {{"uri", *uri}}, [](const json& d) {
        return "dialling " + text_of(d, "channel") + " as " + text_of(d, "id") + ": see glow links\n";
      });
    };
  });
  auto id = std::make_shared<std::uint64_t>();
  auto* rm = add_command(*group, "rm", "Close a link and dial it no more", "", "  glow link rm 3");
  rm->add_option("ID", *id, "Its number in glow links")->required();
  rm->callback([&with, id] {
    with.action = [&with, id] {
      return one_answer(with, "link.rm", {{"id", std::to_string(*id)}},
                        [](const json& d) { return "removed link " + text_of(d, "id") + "\n"; });
    };
  });
}

void add_expel(CLI::App& app, context& with) {
  auto node = std::make_shared<std::string>();
  auto* command = add_command(app, "expel", "Take a node out of this namespace, for good",
                              "Its links are refused from then on. Only an admin can do it.", "  glow expel old-phone");
  command->add_option("NODE", *node, "Which node")->required();
  command->callback([&with, node] {
    with.action = [&with, node] {
      return one_answer(with, "expel", {{"node", *node}},
                        [](const json& d) { return "expelled " + printable(text_of(d, "name")) + "\n"; });
    };
  });
}

} // namespace

void add_mesh_commands(CLI::App& app, context& with) {
  add_invite_and_join(app, with);
  add_ping_and_trace(app, with);
  add_link(app, with);
  add_expel(app, with);
}

} // namespace glow::cli
