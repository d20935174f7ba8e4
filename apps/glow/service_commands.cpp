// listen dial expose forward: raw streams, and plain services over the mesh.
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/command_line.hpp"

#include <unistd.h>

namespace glow::cli {
namespace {

using client::printable;

/// Joins this program's input and output to a stream; returns when both directions have ended.
result<int> join_stream(const context& with, const std::string& command, std::vector<control::argument> arguments) {
  client::call_options options;
  options.patience = std::chrono::hours{24 * 366};
  options.input_fd = STDIN_FILENO;
  options.on_output = [](byte_view bytes) -> result<void> {
    while (!bytes.empty()) {
      const auto done = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return host::os_error("write to the output");
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return {};
  };
  // at a terminal nobody types an end of input to a service that has hung up
  if (::isatty(STDIN_FILENO) == 1) arguments.push_back({"end_with_peer", "1"});
  auto document = ask_agent(with, command, std::move(arguments), options);
  if (!document) return document.why();
  return 0;
}

std::string services_table(const json& list) {
  if (list.empty()) return "nothing is exposed (glow expose NAME tcp://HOST:PORT)\n";
  std::string out;
  for (auto& each : list)
    out += printable(text_of(each, "name")) + "  " + printable(text_of(each, "target")) + "  "
           + std::to_string(count_of(each, "connections")) + " open, " + std::to_string(count_of(each, "served")) + " served\n";
  return out;
}

std::string forwards_table(const json& list) {
  if (list.empty()) return "nothing is forwarded (glow forward ADDRESS NODE/NAME)\n";
  std::string out;
  for (auto& each : list) {
    out += printable(text_of(each, "listen")) + "  " + printable(text_of(each, "node") + "/" + text_of(each, "service")) + "  "
           + std::to_string(count_of(each, "connections")) + " open, " + std::to_string(count_of(each, "served")) + " served";
    if (auto why = text_of(each, "why"); !why.empty()) out += "  (" + printable(why) + ")";
    out += "\n";
  }
  return out;
}

struct service_flags {
  std::string first;
  std::string second;
  std::string timeout = "30s";
  bool list = false;
  bool remove = false;
  bool bulk = false;
};

result<int> ask_and_show(const context& with, const std::string& command, std::vector<control::argument> arguments,
                         const std::function<std::string(const json&)>& text) {
  auto document = ask_agent(with, command, std::move(arguments));
  if (!document) return document.why();
  return show(with, *document, [&] { return text(*document); });
}

result<int> expose(const context& with, const service_flags& flags) {
  if (flags.list) return ask_and_show(with, "expose.list", {}, services_table);
  if (flags.first.empty() || flags.second.empty() != flags.remove)
    return error{error_code::usage, "write glow expose NAME tcp://HOST:PORT, glow expose --rm NAME, or glow expose --list"};
  if (flags.remove)
    return ask_and_show(with, "expose.rm", {{"name", flags.first}},
                        [](const json& d) { return "withdrew " + printable(text_of(d, "name")) + "\n"; });
  return ask_and_show(with, "expose", {{"name", flags.first}, {"target", flags.second}}, [](const json& d) {
    return "exposed " + printable(text_of(d, "target")) + " as " + printable(text_of(d, "name")) + " to this namespace\n";
  });
}

result<int> forward(const context& with, const service_flags& flags) {
  if (flags.list) return ask_and_show(with, "forward.list", {}, forwards_table);
  if (flags.first.empty() || flags.second.empty() != flags.remove)
    return error{error_code::usage, "write glow forward ADDRESS NODE/NAME, glow forward --rm ADDRESS, or glow forward --list"};
  if (flags.remove)
    return ask_and_show(with, "forward.rm", {{"listen", flags.first}},
                        [](const json& d) { return "ended " + printable(text_of(d, "listen")) + "\n"; });
  std::vector<control::argument> arguments{{"listen", flags.first}, {"service", flags.second}};
  if (flags.bulk) arguments.push_back({"bulk", "1"});
  return ask_and_show(with, "forward", std::move(arguments), [](const json& d) {
    return "forwarding " + printable(text_of(d, "listen")) + " to " + printable(text_of(d, "node") + "/" + text_of(d, "service"))
           + "\n";
  });
}

void add_listen_and_dial(CLI::App& app, context& with) {
  auto name = std::make_shared<std::string>();
  auto* listen =
    add_command(app, "listen", "Wait for one stream from another node and join it to input and output",
                "The first node that dials NAME is taken. Each direction ends by itself: the end of the input ends what\n"
                "the other side reads. The stream outlives links, relays and changes of address.",
                "  glow listen backup > backup.tar          # on nas\n  tar c ~/docs | glow dial nas/backup      # on laptop");
  listen->add_option("NAME", *name, "The name that others dial: letters, digits, dots, dashes and underscores")->required();
  listen->callback([&with, name] { with.action = [&with, name] { return join_stream(with, "listen", {{"service", *name}}); }; });

  auto flags = std::make_shared<service_flags>();
  auto* dial =
    add_command(app, "dial", "Join input and output to a stream to a service of a node",
                "NAME is what the node exposes (glow expose) or listens on (glow listen). Fails with status 4 when nothing of\n"
                "the stream is acknowledged in time.",
                "  glow dial nas/backup < backup.tar\n  ssh -o ProxyCommand='glow dial nas/ssh' nas");
  dial->add_option("NODE/NAME", flags->first, "Which service of which node")->required();
  dial->add_flag("--bulk", flags->bulk, "Take the route of the highest rate; refused over links too slow for bulk");
  dial->add_option("--timeout", flags->timeout, "How long the node may take to answer")->capture_default_str();
  dial->callback([&with, flags] {
    with.action = [&with, flags]() -> result<int> {
      auto timeout = client::parse_duration(flags->timeout);
      if (!timeout) return timeout.why();
      std::vector<control::argument> arguments{{"service", flags->first},
                                               {"timeout_ms", std::to_string(timeout->count() * 1000)}};
      if (flags->bulk) arguments.push_back({"bulk", "1"});
      return join_stream(with, "dial", std::move(arguments));
    };
  });
}

void add_expose_and_forward(CLI::App& app, context& with) {
  auto offered = std::make_shared<service_flags>();
  auto* offer =
    add_command(app, "expose", "Offer a service of this machine to the namespace",
                "Members reach it as NODE/NAME, with glow forward or glow dial. It stays exposed until it is withdrawn.",
                "  glow expose ssh tcp://127.0.0.1:22\n  glow expose db unix:/run/postgresql/.s.PGSQL.5432\n"
                "  glow expose --list\n  glow expose --rm ssh");
  offer->add_option("NAME", offered->first, "Its name: letters, digits, dots, dashes and underscores");
  offer->add_option("TARGET", offered->second, "tcp://HOST:PORT, HOST:PORT, unix:/PATH or /PATH");
  offer->add_flag("--list", offered->list, "List what is exposed");
  offer->add_flag("--rm", offered->remove, "Withdraw NAME; connections that are open stay");
  offer->callback([&with, offered] { with.action = [&with, offered] { return expose(with, *offered); }; });

  auto flags = std::make_shared<service_flags>();
  auto* take =
    add_command(app, "forward", "Bring a service of another node to an address of this machine",
                "Each connection to ADDRESS becomes a stream to the service; it outlives changes of path. It stays until it is\n"
                "removed. ADDRESS is HOST:PORT, a PORT of this machine only, *:PORT for every address, or unix:/PATH; port 0\n"
                "takes a free one, which is printed.",
                "  glow forward 2222 nas/ssh && ssh -p 2222 127.0.0.1\n  glow forward --list\n  glow forward --rm 2222");
  take->add_option("ADDRESS", flags->first, "Where to listen");
  take->add_option("NODE/NAME", flags->second, "Which service of which node");
  take->add_flag("--list", flags->list, "List what is forwarded");
  take->add_flag("--rm", flags->remove, "Stop listening on ADDRESS; connections that are open stay");
  take->add_flag("--bulk", flags->bulk, "Take the route of the highest rate; refused over links too slow for bulk");
  take->callback([&with, flags] { with.action = [&with, flags] { return forward(with, *flags); }; });
}

} // namespace

void add_service_commands(CLI::App& app, context& with) {
  add_listen_and_dial(app, with);
  add_expose_and_forward(app, with);
}

} // namespace glow::cli
