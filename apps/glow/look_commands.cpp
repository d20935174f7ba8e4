// status nodes links routes supervisor-tree metrics: what there is, once or live.
#include "apps/client/link_rates.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/live_view.hpp"
#include "apps/glow/mesh_text.hpp"

namespace glow::cli {
namespace {

using text_function = std::string (*)(const context&, const json&);

constexpr double interval_min_s = 0.1;
constexpr double interval_max_s = 86400;

struct look_flags {
  std::vector<std::string> watch; ///< at most one: the interval
  CLI::Option* watch_given = nullptr;
  std::string why; ///< routes: the node to explain
};

result<std::chrono::milliseconds> interval_of(const look_flags& flags) {
  auto text = flags.watch.empty() ? std::string{} : flags.watch.front();
  if (text.empty()) return std::chrono::milliseconds{1000};
  char* end = nullptr;
  auto seconds = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !(seconds >= interval_min_s && seconds <= interval_max_s))
    return {error_code::usage, "-w takes seconds between two looks, 0.1 to 86400, not '" + text + "'"};
  return std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
}

/// Asks once, or again and again.
result<int> look(const context& with, const std::string& heading, const std::string& command,
                 const std::vector<control::argument>& arguments, const look_flags& flags, text_function text) {
  if (flags.watch_given->count() == 0) {
    auto document = ask_agent(with, command, arguments);
    if (!document) return document.why();
    return show(with, *document, [&] { return text(with, *document); });
  }
  auto interval = interval_of(flags);
  if (!interval) return interval.why();
  auto rates = std::make_shared<client::link_rates>();
  auto ask = [&with, command, arguments, rates]() -> result<json> {
    auto document = ask_agent(with, command, arguments);
    if (document && command == "links") rates->add_to(*document, client::link_rates::clock::now());
    return document;
  };
  return show_live(with, *interval, {heading, ask, text});
}

std::pair<CLI::App*, std::shared_ptr<look_flags>> add_look(CLI::App& app, const std::string& name, const std::string& purpose,
                                                           const std::string& details, const std::string& examples = {}) {
  auto* command =
    add_command(app, name, purpose,
                details + (details.empty() ? "" : "\n")
                  + "With -w it is shown anew every second, or at the interval given: in place on a terminal until ^C,\n"
                    "else text after text with a blank line between; with --json a document a line.",
                "  glow " + name + "\n  glow " + name + " --json\n  glow " + name + " -w 5" + examples);
  auto flags = std::make_shared<look_flags>();
  flags->watch_given =
    command->add_option("-w,--watch", flags->watch, "Show it again and again")->expected(0, 1)->option_text("[SECONDS]");
  return {command, flags};
}

void add_query(CLI::App& app, context& with, const std::string& name, const std::string& purpose, const std::string& details,
               text_function text) {
  auto made = add_look(app, name, purpose, details);
  made.first->callback([&with, name, text, flags = made.second] {
    with.action = [&with, name, text, flags] { return look(with, "glow " + name, name, {}, *flags, text); };
  });
}

void add_routes(CLI::App& app, context& with) {
  auto made = add_look(app, "routes", "List the routes, or tell why one of them is taken",
                       "METRIC: microseconds for interactive traffic, the cost of the slowest link for bulk.\n"
                       "--why NODE tells for each traffic class which way is taken and why, and what speaks against the others.",
                       "\n  glow routes --why nas");
  auto flags = made.second;
  made.first->add_option("--why", flags->why, "Explain the ways to this node")->option_text("NODE");
  made.first->callback([&with, flags] {
    with.action = [&with, flags] {
      if (flags->why.empty()) return look(with, "glow routes", "routes", {}, *flags, mesh_text::routes);
      return look(with, "glow routes --why " + client::printable(flags->why), "routes.why", {{"node", flags->why}}, *flags,
                  mesh_text::why_route);
    };
  });
}

void add_metrics(CLI::App& app, context& with) {
  auto* command =
    add_command(app, "metrics", "Print what the agent counts, as OpenMetrics text",
                "Counters and histograms of links, router, endpoint, actors and process, for Prometheus and its like.\n"
                "With --json: {content_type, text}.",
                "  glow metrics\n  glow metrics | grep glow_link_bytes");
  command->callback([&with] {
    with.action = [&with]() -> result<int> {
      auto document = ask_agent(with, "metrics", {});
      if (!document) return document.why();
      return show(with, *document, [&] { return text_of(*document, "text"); });
    };
  });
}

} // namespace

void add_look_commands(CLI::App& app, context& with) {
  add_query(app, with, "status", "Show this node, its namespace and its agent", "", mesh_text::status);
  add_query(app, with, "nodes", "List the nodes of this namespace", "", mesh_text::nodes);
  add_query(app, with, "links", "List the links to neighbours, and the places that are being dialled",
            "CLASS is measured: local, wan, control (slow or metered) or drop (store and forward); WHY says by what.\n"
            "With -w, IN/S and OUT/S are bytes per second since the look before.",
            mesh_text::links);
  add_routes(app, with);
  add_query(app, with, "supervisor-tree", "Show the agent's actors, who supervises them, and how often they were restarted", "",
            mesh_text::supervisor_tree);
  add_metrics(app, with);
}

} // namespace glow::cli
