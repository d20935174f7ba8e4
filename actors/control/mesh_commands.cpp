// Commands about the mesh: status nodes links routes invite join ping trace link.add link.rm expel down.
#include "actors/contracts/limits.hpp"
#include "actors/control/ask.hpp"
#include "actors/control/documents.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/link/proxy.hpp"

#include <unistd.h>

namespace glow {
namespace {

using documents::json;

constexpr std::size_t id_prefix_chars_min = 4; ///< shorter ones are typing mistakes

duration seconds(std::uint64_t count) { return std::chrono::seconds{count}; }

/// The node's roster, links and routes, asked for side by side; `then` runs once all are there.
struct mesh_view {
  identity::roster_ptr roster;
  link_list links;
  std::vector<route_info> routes;
  int missing = 3;
};

void with_mesh(const call_ptr& call, std::function<void(const mesh_view&)> then) {
  auto view = std::make_shared<mesh_view>();
  auto arrived = [view, then = std::move(then)] {
    if (--view->missing == 0) then(*view);
  };
  auto& parts = call->parts();
  ask<roster_changed>(call, parts.name_space, get_roster{}, [=](roster_changed& m) {
    if (!m.roster) return call->fail({error_code::failed, "this node has no namespace yet"});
    view->roster = m.roster;
    arrived();
  });
  ask<link_list>(call, parts.links, get_links{}, [=](link_list& m) {
    view->links = std::move(m);
    arrived();
  });
  ask<route_list>(call, parts.router, get_routes{}, [=](route_list& m) {
    view->routes = std::move(m.routes);
    arrived();
  });
}

documents::known_node known_of(const call_ptr& call, const mesh_view& view, const node_id& node) {
  documents::known_node out;
  for (auto& each : view.routes)
    if (each.feasible && each.destination == node) out.routes.push_back(each);
  for (auto& each : view.links.links)
    if (each.peer == node && each.state == "up" && (!out.link || each.rtt < out.link->rtt)) out.link = each;
  auto& state = call->self()->state;
  if (!out.routes.empty() || node == view.roster->self)
    out.last_seen = state.world->wall_now();
  else if (auto seen = state.last_seen.find(node); seen != state.last_seen.end())
    out.last_seen = seen->second;
  return out;
}

void status(const call_ptr& call) {
  with_mesh(call, [call](const mesh_view& view) {
    std::uint64_t links = 0, online = 0;
    for (auto& each : view.links.links) links += each.state == "up";
    for (auto& each : view.roster->members)
      online += each.id == view.roster->self || !known_of(call, view, each.id).routes.empty();
    auto& parts = call->parts();
    auto up = call->self()->clock().now() - parts.started;
    call->answer({{"node", {{"id", to_string(parts.self)}, {"name", view.roster->name_of(parts.self)}}},
                  {"namespace", {{"id", to_string(view.roster->id)}, {"name", view.roster->name}}},
                  {"agent",
                   {{"pid", ::getpid()},
                    {"version", parts.version},
                    {"uptime_s", std::chrono::duration<double>(up).count()},
                    {"home", parts.home}}},
                  {"links", links},
                  {"nodes", view.roster->members.size()},
                  {"online", online}});
  });
}

void nodes(const call_ptr& call) {
  with_mesh(call, [call](const mesh_view& view) {
    auto out = json::array();
    for (auto& each : view.roster->members) out.push_back(documents::node(each, *view.roster, known_of(call, view, each.id)));
    call->answer(out);
  });
}

void links(const call_ptr& call) {
  auto show = [call](link_list list, const std::map<link_id, double>& bulk_shares) {
    auto out = json::array();
    std::sort(list.links.begin(), list.links.end(), [](auto& a, auto& b) { return a.id < b.id; }); // rows keep their places
    for (auto& each : list.links) {
      auto share = bulk_shares.find(each.id);
      out.push_back(documents::link(each, share == bulk_shares.end() ? std::nullopt : std::optional{share->second}));
    }
    for (auto& each : list.waiting) out.push_back(documents::waiting(each));
    call->answer(out);
  };
  ask<link_list>(call, call->parts().links, get_links{}, [=](link_list& list) {
    auto links = std::make_shared<link_list>(std::move(list));
    ask<route_list>(call, call->parts().router, get_routes{},
                    [=](route_list& known) { show(std::move(*links), known.bulk_shares); });
  });
}

void routes(const call_ptr& call) {
  with_mesh(call, [call](const mesh_view& view) {
    auto out = json::array();
    for (auto& each : view.routes) out.push_back(documents::route(each, *view.roster));
    call->answer(out);
  });
}

void why_route(const call_ptr& call) {
  with_node(call, "node", [=](const node_id& node, const identity::roster& known) {
    auto roster = std::make_shared<identity::roster>(known);
    ask<route_explanation>(call, call->parts().router, explain_route{node},
                           [=](route_explanation& why) { call->answer(documents::explanation(why.what, *roster)); });
  });
}

void invite(const call_ptr& call) {
  constexpr std::uint64_t year = 366 * 86400;
  auto valid = call->number("for_s", 15 * 60, year);
  if (!valid) return call->fail(valid.why());
  auto role = identity::role_from_text(call->text("role", "member"));
  if (!role || *valid == 0)
    return call->fail({error_code::usage, "a ticket needs a role (admin, member or guest) and a time to live"});
  ask<ticket_created>(call, call->parts().name_space, create_ticket{seconds(*valid), *role}, [=](ticket_created& made) {
    call->answer({{"ticket", made.ticket}, {"expires", documents::time(made.expires)}, {"role", identity::to_string(*role)}});
  });
}

void join(const call_ptr& call) {
  join_with_ticket message{call->text("ticket"), call->text("name")};
  ask<joined_namespace>(
    call, call->parts().agent, std::move(message),
    [call](joined_namespace& joined) {
      call->answer({{"namespace", {{"id", to_string(joined.id)}, {"name", joined.namespace_name}}},
                    {"node", {{"id", to_string(call->parts().self)}, {"name", joined.node_name}}}});
    },
    caf::infinite);
}

void ping(const call_ptr& call) {
  auto timeout = call->number("timeout_ms", 3000, 600'000);
  if (!timeout) return call->fail(timeout.why());
  with_node(call, "node", [=](const node_id& node, const identity::roster& roster) {
    auto name = roster.name_of(node);
    auto wait = std::chrono::milliseconds{*timeout};
    ask<ping_report>(
      call, call->parts().endpoint, ping_node{node, wait},
      [=](ping_report& report) {
        call->answer({{"node", name}, {"id", to_string(node)}, {"rtt_ms", to_ms(report.rtt)}, {"hops", report.hops}});
      },
      caf::duration{wait + limits::local_request_timeout});
  });
}

/// The router knows ids only; people know names.
std::string with_names(std::string text, const identity::roster& roster) {
  for (auto& each : roster.members) {
    const auto id = to_short_string(each.id);
    for (auto at = text.find(id); at != std::string::npos && !each.name.empty(); at = text.find(id, at + each.name.size()))
      text.replace(at, id.size(), each.name);
  }
  return text;
}

void trace(const call_ptr& call) {
  auto timeout = call->number("timeout_ms", 3000, 600'000);
  if (!timeout) return call->fail(timeout.why());
  with_node(call, "node", [=](const node_id& node, const identity::roster& known) {
    auto roster = std::make_shared<identity::roster>(known);
    auto wait = std::chrono::milliseconds{*timeout};
    if (!call->parts().router) return call->fail({error_code::stopped, "the agent is starting or healing: try again"});
    call->self()
      ->request(caf::actor_cast<caf::actor>(call->parts().router), caf::duration{wait + limits::local_request_timeout},
                trace_route{node, wait})
      .then(
        [=](trace_report& report) {
          if (!call->ended()) call->answer(documents::trace(report, node, *roster));
        },
        [=](caf::error& why) {
          auto failed = from_caf(why);
          failed.message = with_names(std::move(failed.message), *roster);
          if (!call->ended()) call->fail(std::move(failed));
        });
  });
}

void link_add(const call_ptr& call) {
  auto uri = parse_channel_uri(call->text("uri"));
  if (!uri) return call->fail(uri.why());
  ask<peer_added>(call, call->parts().links, add_peer{*uri, std::nullopt, true}, [=](peer_added& added) {
    call->answer({{"id", added.dial}, {"channel", link::to_shown_text(*uri)}});
  });
}

void link_rm(const call_ptr& call) {
  auto id = call->number("id", 0, ~0ull);
  if (!id) return call->fail(id.why());
  ask<link_removed>(call, call->parts().links, remove_link{*id}, [=](link_removed&) { call->answer({{"id", *id}}); });
}

void expel(const call_ptr& call) {
  with_node(call, "node", [=](const node_id& node, const identity::roster& roster) {
    if (node == roster.self) return call->fail({error_code::usage, "a node cannot expel itself: do it on another admin's node"});
    auto name = roster.name_of(node);
    ask<member_expelled>(call, call->parts().name_space, expel_member{node}, [=](member_expelled&) {
      call->answer({{"id", to_string(node)}, {"name", name}});
    });
  });
}

void down(const call_ptr& call) {
  ask<system_done>(call, call->parts().agent, shut_down_agent{}, [call](system_done&) { call->answer({{"pid", ::getpid()}}); });
}

result<node_id> find_node(const std::string& text, const identity::roster& roster) {
  if (auto* named = roster.find_by_name(text)) return named->id;
  std::vector<node_id> alike;
  if (text.size() >= id_prefix_chars_min)
    for (auto& each : roster.members)
      if (to_string(each.id).starts_with(text)) alike.push_back(each.id);
  if (alike.size() == 1) return alike.front();
  if (alike.size() > 1) return {error_code::usage, "several nodes begin with '" + text + "': type more of the id"};
  std::string known;
  constexpr std::size_t names_shown_max = 8;
  for (std::size_t i = 0; i < std::min(roster.members.size(), names_shown_max); ++i)
    known += (i ? ", " : "") + roster.members[i].name;
  return {error_code::not_found, "no node '" + text.substr(0, 80) + "' in this namespace (known: " + known
                                   + (roster.members.size() > names_shown_max ? ", …" : "") + ")"};
}

constexpr command_entry table[] = {
  {"status", 10s, status},        {"nodes", 10s, nodes},     {"links", 10s, links}, {"routes", 10s, routes},
  {"invite", 10s, invite},        {"join", 90s, join},       {"ping", 620s, ping},  {"trace", 620s, trace},
  {"link.add", 10s, link_add},    {"link.rm", 10s, link_rm}, {"expel", 10s, expel}, {"down", 10s, down},
  {"routes.why", 10s, why_route},
};

} // namespace

void with_node(const call_ptr& call, std::string_view key, std::function<void(const node_id&, const identity::roster&)> then) {
  with_node_named(call, call->text(key), std::move(then));
}

void with_node_named(const call_ptr& call, const std::string& text,
                     std::function<void(const node_id&, const identity::roster&)> then) {
  ask<roster_changed>(call, call->parts().name_space, get_roster{}, [=](roster_changed& m) {
    if (!m.roster) return call->fail({error_code::failed, "this node has no namespace yet"});
    auto node = find_node(text, *m.roster);
    if (!node) return call->fail(node.why());
    then(*node, *m.roster);
  });
}

std::span<const command_entry> mesh_commands() { return table; }

} // namespace glow
