#include "apps/glow/mesh_text.hpp"

#include "apps/client/actor_tree.hpp"
#include "apps/client/text.hpp"

namespace glow::cli::mesh_text {
namespace {

using client::printable;
using client::table;
using client::tint;

std::string or_dash(std::string text) { return text.empty() ? "-" : printable(text); }

std::string row(const char* label, const std::string& value) {
  std::string out = label;
  out.append(out.size() < 11 ? 11 - out.size() : 1, ' ');
  return out + value + "\n";
}

} // namespace

std::string status(const context&, const json& d) {
  auto& node = d["node"];
  auto& space = d["namespace"];
  auto& agent = d["agent"];
  return row("node", printable(text_of(node, "name")) + "  " + text_of(node, "id"))
         + row("namespace", printable(text_of(space, "name")) + "  " + text_of(space, "id"))
         + row("agent", "version " + text_of(agent, "version") + ", process " + text_of(agent, "pid") + ", up "
                          + client::human_duration(number_of(agent, "uptime_s")) + ", home " + printable(text_of(agent, "home")))
         + row("links", std::to_string(count_of(d, "links")) + " up")
         + row("nodes", std::to_string(count_of(d, "nodes")) + ", " + std::to_string(count_of(d, "online")) + " online");
}

std::string nodes(const context& with, const json& d) {
  table out{{{"NAME", false, true},
             {"ID"},
             {"ROLE"},
             {"STATE"},
             {"HOPS", true},
             {"VIA", false, true},
             {"RTT", true},
             {"LAST SEEN", false, true}}};
  for (auto& each : d) {
    auto online = each.value("online", false);
    auto self = each.value("self", false);
    auto hops = number_of(each, "hops");
    out.add({printable(text_of(each, "name")),
             text_of(each, "id").substr(0, 8),
             text_of(each, "role"),
             {self     ? "here"
              : online ? "online"
                       : "offline",
              online ? tint::good : tint::faint},
             hops < 0 ? "-" : std::to_string(static_cast<int>(hops)),
             or_dash(text_of(each, "via")),
             client::human_rtt(number_of(each, "rtt_ms")),
             online ? "now" : or_dash(text_of(each, "last_seen"))});
  }
  return out.render(with.out);
}

std::string links(const context& with, const json& d) {
  const bool live = !d.empty() && d.front().contains("bytes_in_per_s"); // -w
  std::vector<table::column> columns{{"ID", true},  {"PEER", false, true}, {"STATE"},      {"CLASS"},    {"CHANNEL", false, true},
                                     {"RTT", true}, {"RATE", true},        {"LOSS", true}, {"IN", true}, {"OUT", true},
                                     {"UP", true},  {"WHY", false, true}};
  if (live) columns.insert(columns.end() - 2, {{"IN/S", true}, {"OUT/S", true}});
  table out{columns};
  auto per_second = [](const json& each, const char* key) {
    auto rate = number_of(each, key);
    return rate < 0 ? std::string{"-"} : client::human_size(rate);
  };
  for (auto& each : d) {
    auto state = text_of(each, "state");
    auto up = state == "up";
    auto loss = std::to_string(static_cast<int>(number_of(each, "loss", 0) * 100 + 0.5)) + " %";
    std::vector<table::cell> row{text_of(each, "id"),
                                 or_dash(text_of(each, "peer")),
                                 {state, client::tint_of_state(state)},
                                 or_dash(text_of(each, "class")),
                                 printable(text_of(each, "channel")),
                                 client::human_rtt(number_of(each, "rtt_ms")),
                                 client::human_rate(number_of(each, "rate_bps")),
                                 up ? loss : "-",
                                 client::human_size(number_of(each, "bytes_in", 0)),
                                 client::human_size(number_of(each, "bytes_out", 0))};
    if (live) {
      row.emplace_back(per_second(each, "bytes_in_per_s"));
      row.emplace_back(per_second(each, "bytes_out_per_s"));
    }
    row.emplace_back(up ? client::human_duration(number_of(each, "up_s")) : "-");
    auto why = text_of(each, "why");
    if (auto share = number_of(each, "bulk_share", 0); share > 0)
      why += "; carries " + std::to_string(static_cast<int>(share * 100 + 0.5)) + " % of the bulk to its peer";
    row.emplace_back(or_dash(why));
    out.add(std::move(row));
  }
  return out.empty() ? "no links: glow up --peer URI, glow link add URI, or wait for discovery\n" : out.render(with.out);
}

std::string routes(const context& with, const json& d) {
  table out{
    {{"NODE", false, true}, {"CLASS"}, {"NEXT", false, true}, {"LINK", true}, {"METRIC", true}, {"HOPS", true}, {"FEASIBLE"}}};
  for (auto& each : d) {
    auto feasible = each.value("feasible", false);
    out.add({printable(text_of(each, "node")),
             text_of(each, "class"),
             printable(text_of(each, "next")),
             text_of(each, "link"),
             text_of(each, "metric"),
             text_of(each, "hops"),
             {feasible ? "yes" : "no", feasible ? tint::good : tint::warning}});
  }
  return out.empty() ? "no routes: this node is alone for now\n" : out.render(with.out);
}

namespace {

/// Classes whose ways are the same are told of together: control traffic goes the interactive way.
bool same_ways(const json& a, const json& b) {
  auto ways = [](const json& of) {
    auto out = json::array();
    for (auto& each : of["ways"]) out.push_back({each["next_id"], each["metric"], each["taken"], each["feasible"]});
    return out;
  };
  return a["link"] == b["link"] && ways(a) == ways(b);
}

std::string ways_table(const context& with, const json& of) {
  table out{{{"VIA"}, {"LINK", true}, {"CLASS"}, {"METRIC", true}, {"HOPS", true}, {"FEASIBLE"}, {"WHY"}}}; // reasons are not cut
  auto dash = [](const std::string& text) { return text.empty() ? std::string{"-"} : text; };
  for (auto& way : of["ways"]) {
    auto taken = way.value("taken", false);
    auto feasible = way.value("feasible", false);
    auto& links = way["links"];
    auto add = [&](const json* link, bool leads) {
      out.add({leads ? table::cell{printable(text_of(way, "next")), taken ? tint::good : tint::plain} : table::cell{""},
               link ? text_of(*link, "id") : "-", link ? printable(text_of(*link, "class")) : "-",
               leads ? dash(text_of(way, "metric")) : std::string{}, leads ? dash(text_of(way, "hops")) : std::string{},
               leads ? table::cell{feasible ? "yes" : "no", feasible ? tint::good : tint::warning} : table::cell{""},
               client::printable_line(leads ? text_of(way, "why") : text_of(*link, "why"))});
    };
    const json* carrier = nullptr; // the link that takes this traffic to that neighbour, else any
    for (auto& each : links)
      if (!carrier || each.value("taken", false)) carrier = &each;
    add(carrier, true);
    for (auto& each : links)
      if (&each != carrier) add(&each, false);
  }
  return out.empty() ? "" : out.render(with.out);
}

} // namespace

std::string why_route(const context& with, const json& d) {
  auto out = with.out.painted("to " + printable(text_of(d, "node")), tint::bold) + " (" + text_of(d, "id").substr(0, 8) + ")\n";
  auto& classes = d["classes"];
  for (std::size_t i = 0; i < classes.size();) {
    auto& first = classes[i];
    auto name = text_of(first, "class");
    std::size_t next = i + 1;
    for (; next < classes.size() && same_ways(first, classes[next]) && text_of(first, "why") == text_of(classes[next], "why");
         ++next)
      name +=
        (next + 1 < classes.size() && same_ways(first, classes[next + 1]) ? ", " : " and ") + text_of(classes[next], "class");
    out += "\n" + with.out.painted(name, tint::bold) + ": " + client::printable_line(text_of(first, "why")) + "\n";
    out += ways_table(with, first);
    i = next;
  }
  return out;
}

std::string trace(const context& with, const json& d) {
  table out{{{"HOP", true}, {"NODE", false, true}, {"ID"}, {"RTT", true}, {"CLASS"}, {"LINK", false, true}}};
  int hop = 0;
  for (auto& each : d["hops"])
    out.add({std::to_string(++hop), printable(text_of(each, "node")), text_of(each, "id").substr(0, 8),
             client::human_rtt(number_of(each, "rtt_ms")), or_dash(text_of(each, "class")), or_dash(text_of(each, "link"))});
  return out.render(with.out);
}

std::string supervisor_tree(const context& with, const json& d) { return client::actor_tree(with.out, d); }

std::string ping_line(const json& reply) {
  auto hops = count_of(reply, "hops");
  return "answer from " + printable(text_of(reply, "node")) + ": " + client::human_rtt(number_of(reply, "rtt_ms")) + ", "
         + std::to_string(hops) + (hops == 1 ? " hop\n" : " hops\n");
}

std::string ping_summary(const json& summary) {
  auto out = printable(text_of(summary, "node")) + ": " + std::to_string(count_of(summary, "received")) + " of "
             + text_of(summary, "sent") + " answered";
  auto& rtt = summary["rtt_ms"];
  if (!rtt.is_null())
    out += ", " + client::human_rtt(number_of(rtt, "min")) + " at least, " + client::human_rtt(number_of(rtt, "avg"))
           + " on average, " + client::human_rtt(number_of(rtt, "max")) + " at most";
  return out + "\n";
}

} // namespace glow::cli::mesh_text
