#include "actors/node.hpp"

#include "actors/control/control.hpp"
#include "actors/endpoint/endpoint.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/jobs/jobs.hpp"
#include "actors/link/links.hpp"
#include "actors/mail/mail.hpp"
#include "actors/namespace/namespace.hpp"
#include "actors/router/router.hpp"
#include "actors/store/store.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "runtime/host/log.hpp"
#include "runtime/supervision/limits.hpp"

#include <caf/send.hpp>

#include <charconv>
#include <thread>

namespace glow {
namespace {

using plan_ptr = std::shared_ptr<node_plan>;
using maker = std::function<caf::actor(caf::strong_actor_ptr)>;

template <class Handle>
caf::strong_actor_ptr pointer_to(const Handle& handle) {
  return caf::actor_cast<caf::strong_actor_ptr>(handle);
}

/// An actor that must know who is a member, and who can be reached.
template <class Handle>
void subscribe(const node_plan& plan, const Handle& subscriber, bool routes) {
  caf::anon_send(plan.parts.name_space, subscribe_roster{pointer_to(subscriber)});
  if (routes) caf::anon_send(plan.parts.router, subscribe_routes{pointer_to(subscriber)});
}

caf::actor make_namespace(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  namespace_arguments arguments{
    plan.world, *plan.keys, namespace_path(plan.options.home), plan.roster->name, plan.options.node_name, parent};
  plan.parts.name_space = system.spawn(namespace_behavior, std::move(arguments));
  return caf::actor_cast<caf::actor>(plan.parts.name_space);
}

/// The epoch of the router that starts now. The calendar's second alone is not enough: it may have gone back since the last
/// start, or stand still between two, and a node whose claims look old is not believed, or worse, its ways form loops. So
/// the last one lies in a file, which must be there before the first claim is told.
std::uint64_t next_epoch(node_plan& plan) {
  auto& world = plan.world.outside();
  auto path = epoch_path(plan.options.home);
  std::uint64_t stored = 0;
  if (auto file = world.read_file(path, 32)) {
    auto text = as_text(*file);
    std::from_chars(text.data(), text.data() + text.size(), stored);
  } else if (file.why().code != error_code::not_found) {
    host::log(host::level::warning, "router", "its last epoch cannot be read: " + file.why().message);
  }
  if (stored > UINT64_MAX / 2) stored = 0; // damaged: no calendar gets there
  auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(world.wall_now()) / 1000, 0));
  plan.last_epoch = std::max({now, stored + 1, plan.last_epoch + 1});
  if (auto written = world.replace_file(path, to_bytes(std::string_view{std::to_string(plan.last_epoch)})); !written)
    host::log(host::level::warning, "router",
              "its epoch is not kept, which matters if the calendar goes back: " + written.why().message);
  return plan.last_epoch;
}

caf::actor make_router(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  router_arguments arguments{plan.world, *plan.keys, plan.roster, parent, {}, next_epoch(plan)};
  plan.parts.router = spawn_on_loop(system, plan.world.loop(), router_behavior, std::move(arguments));
  subscribe(plan, plan.parts.router, false);
  return caf::actor_cast<caf::actor>(plan.parts.router);
}

caf::actor make_endpoint(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  endpoint_arguments arguments{plan.world, plan.parts.router, plan.keys, plan.roster, parent};
  plan.parts.endpoint = spawn_on_loop(system, plan.world.loop(), endpoint_behavior, std::move(arguments));
  caf::anon_send(plan.parts.router, attach_local{pointer_to(plan.parts.endpoint)});
  caf::anon_send(plan.parts.name_space, attach_endpoint{plan.parts.endpoint, plan.parts.router, {}});
  subscribe(plan, plan.parts.endpoint, true);
  return caf::actor_cast<caf::actor>(plan.parts.endpoint);
}

caf::actor make_store(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  auto open = [directory = database_path(plan.options.home), world = plan.world] {
    return world.outside().open_database(directory);
  };
  plan.parts.store = spawn_store(
    system, {open, *plan.keys, plan.roster, plan.parts.endpoint, plan.world, parent, plan.world.outside().has_threads()});
  subscribe(plan, plan.parts.store, true);
  return caf::actor_cast<caf::actor>(plan.parts.store);
}

caf::actor make_jobs(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  auto slots = plan.options.job_slots != 0 ? plan.options.job_slots : std::max(1u, std::thread::hardware_concurrency());
  plan.parts.jobs = spawn_jobs(
    system, {work_path(plan.options.home), slots, plan.roster, plan.parts.store, plan.parts.endpoint, plan.world, parent});
  subscribe(plan, plan.parts.jobs, true);
  return caf::actor_cast<caf::actor>(plan.parts.jobs);
}

caf::actor make_mail(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  plan.parts.mail = spawn_mail(system, {plan.keys, plan.roster, plan.parts.store, plan.parts.endpoint, plan.world, parent});
  subscribe(plan, plan.parts.mail, true);
  return caf::actor_cast<caf::actor>(plan.parts.mail);
}

caf::actor make_links(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  links_arguments arguments{plan.world, plan.keys, plan.options.node_name, plan.roster, plan.parts.name_space, plan.parts.router,
                            {},         parent};
  for (auto& [scheme, factory] : plan.options.transports) arguments.schemes.insert(scheme);
  plan.parts.links = spawn_on_loop(system, plan.world.loop(), links_behavior, std::move(arguments));
  caf::anon_send(plan.parts.name_space, attach_endpoint{{}, {}, plan.parts.links});
  for (auto& each : plan.options.peers) caf::anon_send(plan.parts.links, add_peer{each, std::nullopt, true});
  return caf::actor_cast<caf::actor>(plan.parts.links);
}

/// One child for each listening URI, and one for each further medium that only dials.
caf::actor make_transports(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  supervisor_arguments arguments{"transports", {}, {}, plan.world.shared_random(), parent};
  arguments.spec.restarts_max = limits::transport_restarts_max;
  auto add = [&](std::string name, transport_factory factory, std::optional<channel_uri> listen) {
    arguments.children.push_back({{std::move(name)},
                                  [=, &system, listener = plan.parts.links, world = plan.world](caf::strong_actor_ptr) {
                                    return caf::actor_cast<caf::actor>(factory(system, listen, listener, world));
                                  },
                                  false});
  };
  std::map<std::string, int> listening;
  for (auto& uri : plan.options.listen) {
    auto count = ++listening[uri.scheme];
    add(count == 1 ? uri.scheme : uri.scheme + "-" + std::to_string(count), plan.options.transports.at(uri.scheme), uri);
  }
  for (auto& [scheme, factory] : plan.options.transports)
    if (!listening.contains(scheme)) add(scheme, factory, std::nullopt);
  return spawn_supervisor(system, std::move(arguments));
}

caf::actor make_discovery(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  auto discovery = plan.options.discover(system, plan.keys->id(), plan.parts.links, plan.world, parent);
  caf::anon_send(plan.parts.links, subscribe_addresses{pointer_to(discovery)});
  subscribe(plan, discovery, false);
  return caf::actor_cast<caf::actor>(discovery);
}

caf::actor make_gateway(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  gateway_arguments arguments{plan.world, services_path(plan.options.home), plan.parts.endpoint, parent};
  plan.parts.gateway = spawn_on_loop(system, plan.world.loop(), gateway_behavior, std::move(arguments));
  return caf::actor_cast<caf::actor>(plan.parts.gateway);
}

caf::actor make_control(caf::actor_system& system, node_plan& plan, const caf::strong_actor_ptr& parent) {
  plan.parts.supervisor = caf::actor_cast<caf::actor>(parent);
  auto control = spawn_on_loop(system, plan.world.loop(), control_behavior, plan.parts, plan.world, parent);
  caf::anon_send(plan.parts.router, subscribe_routes{pointer_to(control)});
  return caf::actor_cast<caf::actor>(control);
}

} // namespace

std::string key_path(const std::string& home) { return home + "/node.key"; }
std::string namespace_path(const std::string& home) { return home + "/namespace"; }
std::string database_path(const std::string& home) { return home + "/store"; }
std::string work_path(const std::string& home) { return home + "/work"; }
std::string epoch_path(const std::string& home) { return home + "/epoch"; }
std::string services_path(const std::string& home) { return home + "/services"; }

caf::actor start_node(caf::actor_system& system, std::shared_ptr<node_plan> plan,
                      std::function<void(const node_parts&)> published) {
  supervisor_arguments arguments{"node", {}, {}, plan->world.shared_random(), nullptr};
  // later ones hold handles of earlier ones: when one fails, those after it start anew with its successor
  arguments.spec.how = supervision::strategy::rest_for_one;
  using make_part = caf::actor (*)(caf::actor_system&, node_plan&, const caf::strong_actor_ptr&);
  auto add = [&](std::string name, make_part make, bool is_supervisor = false) {
    arguments.children.push_back({{std::move(name)},
                                  [=, &system](caf::strong_actor_ptr parent) {
                                    auto made = make(system, *plan, parent);
                                    plan->parts.supervisor = caf::actor_cast<caf::actor>(parent);
                                    published(plan->parts);
                                    return made;
                                  },
                                  is_supervisor});
  };
  add("namespace", make_namespace);
  add("router", make_router);
  add("endpoint", make_endpoint);
  add("store", make_store);
  add("jobs", make_jobs);
  add("mail", make_mail);
  add("links", make_links);
  add("transports", make_transports, true);
  if (plan->options.discovery && plan->options.discover) add("discovery", make_discovery);
  if (plan->options.control) {
    add("gateway", make_gateway);
    add("control", make_control);
  }
  return spawn_supervisor(system, std::move(arguments));
}

} // namespace glow
