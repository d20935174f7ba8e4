#include "actors/control/tree_walk.hpp"

#include "runtime/control/limits.hpp"

namespace glow {

void tree_walk::visit(const std::string& path, const child_entry& entry) {
  if (found.size() >= limits::control_tree_actors_max || !found.emplace(path, found_actor{path, entry}).second) return;
  if (!entry.actor) return;
  ++waiting;
  auto me = shared_from_this();
  call->self()
    ->request(caf::actor_cast<caf::actor>(entry.actor), caf::duration{1s}, get_children{})
    .then(
      [me, path](children_list& list) {
        for (auto& each : list.entries) me->visit(path + "/" + each.name, each);
        me->arrived();
      },
      [me](caf::error&) { me->arrived(); });
}

void tree_walk::arrived() {
  if (--waiting == 0 && !call->ended()) then(*this);
}

void walk_tree(const call_ptr& call, std::function<void(tree_walk&)> then) {
  auto walk = std::make_shared<tree_walk>();
  walk->call = call;
  walk->then = std::move(then);
  auto root = caf::actor_cast<caf::strong_actor_ptr>(call->parts().supervisor);
  if (!root) return call->fail({error_code::stopped, "the agent is starting or healing: try again"});
  walk->visit(std::string{tree_root_name}, {std::string{tree_root_name}, "supervisor", "running", 0, root, {}});
}

} // namespace glow
