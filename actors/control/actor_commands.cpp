// Commands about actors: supervisor-tree, actor.state, actor.stats, actor.quit, actor.suspend, actor.resume, actor.trace.
// A path names an actor by the names on the way from the root of the supervision tree: node/links/3.
#include "actors/control/ask.hpp"
#include "actors/control/documents.hpp"
#include "actors/control/tree_walk.hpp"

namespace glow {
namespace {

using documents::json;

json tree_node(const tree_walk& walk, const found_actor& at) {
  json out{{"path", at.path},
           {"name", at.entry.name},
           {"kind", at.entry.kind},
           {"state", at.entry.state},
           {"restarts", at.entry.restarts},
           {"last_failure", at.entry.last_failure.empty() ? json(nullptr) : json(at.entry.last_failure)},
           {"children", json::array()}};
  auto prefix = at.path + "/";
  for (auto each = walk.found.lower_bound(prefix); each != walk.found.end() && each->first.starts_with(prefix); ++each)
    if (each->first.find('/', prefix.size()) == std::string::npos) out["children"].push_back(tree_node(walk, each->second));
  return out;
}

void supervisor_tree(const call_ptr& call) {
  walk_tree(call, [call](tree_walk& walk) { call->answer(tree_node(walk, walk.found.at(std::string{tree_root_name}))); });
}

/// Calls `then` with the actor that the argument `path` names.
void with_actor(const call_ptr& call, std::function<void(const found_actor&)> then) {
  walk_tree(call, [call, then = std::move(then)](tree_walk& walk) {
    auto path = call->text("path");
    auto at = walk.found.find(path);
    if (at == walk.found.end())
      return call->fail(
        {error_code::not_found, "no actor '" + path.substr(0, 200) + "': see the paths with glow supervisor-tree"});
    if (!at->second.entry.actor)
      return call->fail({error_code::stopped, "actor '" + path + "' is not running: " + at->second.entry.state});
    then(at->second);
  });
}

caf::actor handle_of(const found_actor& at) { return caf::actor_cast<caf::actor>(at.entry.actor); }

void state(const call_ptr& call) {
  with_actor(call, [call](const found_actor& at) {
    auto path = at.path;
    ask<state_report>(call, handle_of(at), get_state{}, [=](state_report& report) {
      auto own = json::parse(report.json, nullptr, false);
      call->answer({{"path", path}, {"actor", report.name}, {"state", own.is_discarded() ? json(report.json) : own}});
    });
  });
}

void stats(const call_ptr& call) {
  with_actor(call, [call](const found_actor& at) {
    auto out = json{{"path", at.path}, {"restarts", at.entry.restarts}};
    ask<stats_report>(call, handle_of(at), get_stats{}, [=](stats_report& report) {
      auto whole = out;
      whole.update({{"actor", report.name},
                    {"messages_handled", report.messages_handled},
                    {"mailbox_length", report.mailbox_length},
                    {"uptime_s", static_cast<double>(report.uptime_ms) / 1000}});
      call->answer(whole);
    });
  });
}

bool is_control(const call_ptr& call, const found_actor& at) { return at.entry.actor == call->self()->ctrl(); }

void quit(const call_ptr& call) {
  with_actor(call, [call](const found_actor& at) {
    // answered first: the actor may be this one, or take this one with it
    auto actor = handle_of(at);
    call->answer({{"path", at.path}, {"done", "quit"}});
    caf::anon_send(actor, quit_actor{"asked to quit through the control socket"});
  });
}

template <class Message>
void tell(const call_ptr& call, Message message, std::string done) {
  with_actor(call, [=](const found_actor& at) {
    if (is_control(call, at))
      return call->fail({error_code::usage, "the control actor cannot be suspended or resumed: it is the one that hears this"});
    auto path = at.path;
    ask<system_done>(call, handle_of(at), message, [=](system_done&) { call->answer({{"path", path}, {"done", done}}); });
  });
}

void suspend(const call_ptr& call) { tell(call, suspend_actor{}, "suspend"); }
void resume(const call_ptr& call) { tell(call, resume_actor{}, "resume"); }

constexpr command_entry table[] = {
  {"supervisor-tree", 30s, supervisor_tree},
  {"actor.state", 30s, state},
  {"actor.stats", 30s, stats},
  {"actor.quit", 30s, quit},
  {"actor.suspend", 30s, suspend},
  {"actor.resume", 30s, resume},
};

} // namespace

std::span<const command_entry> actor_commands() { return table; }

} // namespace glow
