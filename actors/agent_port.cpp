#include "actors/agent_port.hpp"

#include "actors/contracts/lifecycle.hpp"
#include "actors/contracts/limits.hpp"
#include "runtime/host/files.hpp"
#include "runtime/host/log.hpp"
#include "runtime/identity/namespace_state.hpp"

#include <filesystem>

namespace glow {

/// itself → agent port: the answer about a joined namespace has left; now restart the node in it.
struct restart_node {
  byte_string namespace_file;
  identity::roster_ptr roster;
};
/// the root supervisor's factories → agent port: the node's handles now. A copy, since the plan's own is theirs to change.
struct parts_changed {
  node_parts parts;
};

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::restart_node)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::parts_changed)

namespace glow {
namespace {

constexpr duration answer_flush_time = 100ms; // control writes the answer out before it is stopped with the node

/// Owns the node.
///   running ─► restarting (joined a namespace) ─► running        running ─► saying goodbye ─► stopping ─► ended
/// Hears    control: shut_down_agent, join_with_ticket    itself: restart_node    the node's factories: parts_changed
/// Tells    links: join_namespace, leave_mesh    store: list_path    namespace: get_roster
/// Watches  the node's root supervisor        Parent  none: agent.cpp
/// Fails    when the root supervisor gives up; the process ends with its words
struct agent_port_state : actor_lifecycle {
  static inline const char* name = "glow.agent";
  std::unique_ptr<agent_port_arguments> given;
  caf::actor root;
  node_parts parts;
  bool stopping = false;
  bool joining = false;
  std::optional<restart_node> next;
  std::function<void()> until_up; ///< a join that came before the node's actors were there
};
using agent_port_impl = agent_port_actor::extend<caf::reacts_to<restart_node>, caf::reacts_to<parts_changed>>;
using agent_port_self = caf::stateful_actor<agent_port_state, pool_hosted<agent_port_impl::base>>*;

void start(agent_port_self self);

/// The store of the namespace that is left held nothing (checked before); it is encrypted for that namespace alone.
result<void> move_to_namespace(const node_plan& plan, const restart_node& next) {
  std::error_code wrong;
  std::filesystem::remove_all(database_path(plan.options.home), wrong);
  if (wrong) return {error_code::io, "remove " + database_path(plan.options.home) + ": " + wrong.message()};
  return host::write_file_atomically(namespace_path(plan.options.home), next.namespace_file, 0600);
}

void on_root_down(agent_port_self self, const error& why) {
  auto& state = self->state;
  state.root = nullptr;
  if (state.next && !state.stopping) {
    auto next = std::move(*state.next);
    state.next.reset();
    state.joining = false;
    if (auto moved = move_to_namespace(*state.given->plan, next); !moved)
      host::log(host::level::error, state.name, "stays in its old namespace: " + moved.why().message);
    else
      state.given->plan->roster = next.roster;
    return start(self);
  }
  auto asked = state.stopping;
  if (!asked) host::log(host::level::error, state.name, "the node failed: " + why.message);
  state.given->ended(asked ? error{error_code::none, "stopped"} : why);
  self->quit();
}

void start(agent_port_self self) {
  auto& given = *self->state.given;
  given.plan->parts.agent = caf::actor_cast<agent_port_actor>(caf::actor_cast<caf::strong_actor_ptr>(self));
  auto port = caf::actor_cast<caf::typed_actor<caf::reacts_to<parts_changed>>>(caf::actor_cast<caf::strong_actor_ptr>(self));
  auto publish = [port = caf::actor_cast<caf::weak_actor_ptr>(port), told = given.published](const node_parts& now) {
    told(now);
    // weak: the factories outlive this call, and must not keep the port alive
    if (auto alive = port.lock())
      caf::anon_send(caf::actor_cast<caf::typed_actor<caf::reacts_to<parts_changed>>>(alive), parts_changed{now});
  };
  self->state.root = start_node(self->system(), given.plan, publish);
  watch(self, self->state.root, [self](const error& why) { on_root_down(self, why); });
}

void shut_down(agent_port_self self) {
  if (std::exchange(self->state.stopping, true)) return;
  auto stop_root = [self] {
    if (self->state.root) self->send_exit(self->state.root, caf::exit_reason::user_shutdown);
  };
  if (!self->state.parts.links) return stop_root();
  // neighbours hear it from us, not from silence: on a datagram channel that takes them an idle link's beat
  self->request(self->state.parts.links, limits::goodbye_timeout, leave_mesh{})
    .then([=](const mesh_left&) { stop_root(); }, [=](const caf::error&) { stop_root(); });
}

// ---- joining: is this namespace free to go? ─► redeem the ticket ─► answer ─► restart -----------------------------

using join_promise = caf::typed_response_promise<joined_namespace>;

bool is_up(const node_parts& parts) { return parts.links && parts.name_space && parts.store; }

void refuse(agent_port_self self, join_promise promise, const caf::error& why) {
  self->state.joining = false;
  promise.deliver(why);
}

void take_admission(agent_port_self self, join_promise promise, const std::string& wanted_name, const admission& got) {
  auto& plan = *self->state.given->plan;
  auto state = identity::namespace_state::decode(got.namespace_file, *plan.keys);
  if (!state) return refuse(self, promise, to_caf(state.why()));
  auto file = got;
  auto reachable = got.addresses;
  state->remember_addresses(got.admitted_by, reachable);
  auto roster = state->current_roster();
  auto* member = roster->find(plan.keys->id());
  if (!member)
    return refuse(self, promise,
                  to_caf({error_code::not_a_member, "the admission does not name this node: ask for another ticket"}));
  promise.deliver(joined_namespace{roster->id, roster->name, member->name.empty() ? wanted_name : member->name});
  self->delayed_send(self, answer_flush_time, restart_node{state->encode(), roster});
}

void redeem(agent_port_self self, join_promise promise, const join_with_ticket& asked) {
  auto name = asked.node_name.empty() ? self->state.given->plan->options.node_name : asked.node_name;
  self->request(self->state.parts.links, limits::agent_join_timeout, join_namespace{asked.ticket, name})
    .then([=](const admission& got) { take_admission(self, promise, name, got); },
          [=](const caf::error& why) { refuse(self, promise, why); });
}

caf::typed_response_promise<joined_namespace> join(agent_port_self self, const join_with_ticket& asked) {
  auto promise = self->make_response_promise<joined_namespace>();
  auto no = [=](const std::string& why) {
    refuse(self, promise, to_caf({error_code::failed, why + ": join with a fresh home (glow --home DIR up), or leave first"}));
  };
  if (self->state.joining || self->state.stopping) {
    promise.deliver(to_caf({error_code::failed, "this agent is joining or stopping already: try again in a moment"}));
    return promise;
  }
  self->state.joining = true;
  auto check_and_redeem = [=] {
    self->request(self->state.parts.name_space, limits::local_request_timeout, get_roster{})
      .then(
        [=](const roster_changed& m) {
          if (m.roster->members.size() > 1)
            return no("this node's namespace has " + std::to_string(m.roster->members.size()) + " members");
          self->request(self->state.parts.store, limits::local_request_timeout, list_path{"/"})
            .then(
              [=](const path_list& list) {
                if (!list.entries.empty()) return no("this node's namespace holds files");
                redeem(self, promise, asked);
              },
              [=](const caf::error& why) { refuse(self, promise, why); });
        },
        [=](const caf::error& why) { refuse(self, promise, why); });
  };
  if (is_up(self->state.parts))
    check_and_redeem();
  else
    self->state.until_up = check_and_redeem;
  return promise;
}

agent_port_impl::behavior_type agent_port_behavior(agent_port_self self, agent_port_arguments arguments) {
  install_lifecycle(self);
  self->state.given = std::make_unique<agent_port_arguments>(std::move(arguments));
  start(self);
  return {
    [=](const shut_down_agent&) {
      shut_down(self);
      return system_done{};
    },
    [=](const join_with_ticket& m) { return join(self, m); },
    [=](const parts_changed& m) {
      self->state.parts = m.parts;
      if (self->state.until_up && !self->state.stopping && is_up(m.parts)) std::exchange(self->state.until_up, nullptr)();
    },
    [=](restart_node& m) {
      self->state.next = std::move(m);
      if (self->state.root) self->send_exit(self->state.root, caf::exit_reason::user_shutdown);
    },
  };
}

} // namespace

agent_port_actor spawn_agent_port(caf::actor_system& system, agent_port_arguments arguments) {
  return system.spawn(agent_port_behavior, std::move(arguments));
}

} // namespace glow
