#include "actors/agent.hpp"

#include "actors/agent_port.hpp"
#include "actors/contracts/limits.hpp"
#include "actors/node.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/event_loop.hpp"
#include "runtime/host/files.hpp"
#include "runtime/host/home_files.hpp"
#include "runtime/host/key_file.hpp"
#include "runtime/host/limits.hpp"
#include "runtime/host/log.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/namespace_state.hpp"
#include "runtime/link/proxy.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <condition_variable>
#include <mutex>

#include <unistd.h>

namespace glow {

struct agent::running {
  explicit running(host::home_lock taken) : lock{std::move(taken)} {}

  host::home_lock lock;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<host::event_loop> loop;
  node_id id;
  agent_port_actor port;

  mutable std::mutex mutex;
  std::condition_variable changed;
  node_parts parts;
  std::optional<error> ended;
};

namespace {

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == 0) return "node";
  return name;
}

/// The namespace as its file has it; founded and written at the first start.
result<identity::roster_ptr> load_namespace(const agent_options& options, const identity::node_keys& keys) {
  auto path = namespace_path(options.home);
  auto file = host::read_file(path, limits::namespace_file_bytes_max);
  if (!file && file.why().code != error_code::not_found) return file.why();
  if (!file) {
    auto random = host::system_random();
    auto founded = identity::namespace_state::found(options.node_name, keys, options.node_name, host::system_wall_now(), *random);
    auto bytes = founded.encode();
    if (auto written = host::write_file_atomically(path, bytes, 0600); !written) return written.why();
    return founded.current_roster();
  }
  auto state = identity::namespace_state::decode(*file, keys);
  if (!state) return error{state.why().code, path + ": " + state.why().message};
  return state->current_roster();
}

result<void> complete(agent_options& options) {
  if (options.node_name.empty()) options.node_name = host_name();
  if (options.listen.empty())
    for (auto* scheme : {"udp", "tcp"})
      if (options.transports.contains(scheme)) options.listen.push_back({scheme, "::", 0, "", {}});
  // where `glow stdio` joins what another agent runs as exec:… glow stdio; never told to anybody (link::is_shareable)
  if (options.transports.contains("stdio"))
    options.listen.push_back({"stdio", "", 0, options.home + "/" + host::link_socket_name, {}});
  for (auto& uri : options.listen)
    if (link::goes_through_proxy(uri))
      return error{error_code::usage, "cannot listen on " + link::to_shown_text(uri) + ": a proxy is for dialling only"};
  for (auto& uri : options.peers)
    if (auto proxy = link::proxy_of(uri); !proxy)
      return error{error_code::usage, "cannot dial " + link::to_shown_text(uri) + ": " + proxy.why().message};
  for (auto* uris : {&options.listen, &options.peers})
    for (auto& uri : *uris)
      if (!options.transports.contains(uri.scheme)) {
        std::string known;
        for (auto& [scheme, factory] : options.transports) known += (known.empty() ? "" : ", ") + scheme;
        return error{error_code::usage, "no transport speaks '" + link::to_shown_text(uri) + "': this agent knows " + known};
      }
  return {};
}

} // namespace

agent::agent(std::unique_ptr<running> held) : held_{std::move(held)} {}

result<std::unique_ptr<agent>> agent::start(agent_options options) {
  if (auto whole = complete(options); !whole) return whole.why();
  if (auto made = host::make_private_directory(options.home); !made) return made.why();
  auto lock = host::home_lock::take(options.home);
  if (!lock) return lock.why();
  auto random = host::system_random();
  if (!random) return {error_code::io, "the operating system gives no randomness"};
  auto keys = host::load_or_create_node_keys(key_path(options.home), *random);
  if (!keys) return keys.why();
  auto roster = load_namespace(options, *keys);
  if (!roster) return roster.why();

  auto held = std::make_unique<running>(std::move(*lock));
  auto* raw = held.get();
  raw->id = keys->id();
  // work stealing polls, which costs milliseconds when idle and wakes sleeping machines; `sharing` does neither
  raw->config.set("scheduler.policy", caf::atom("sharing"));
  raw->config.set("scheduler.max-threads", limits::pool_threads);
  raw->config.set("scheduler.max-throughput", limits::messages_per_turn);
  raw->system = std::make_unique<caf::actor_system>(raw->config);
  raw->loop = std::make_unique<host::event_loop>(*raw->system);
  auto world = host::system_surroundings(*raw->loop);
  auto plan = std::make_shared<node_plan>(
    node_plan{std::move(options), std::make_shared<identity::node_keys>(std::move(*keys)), *roster, world, {}});
  plan->parts.self = raw->id;
  plan->parts.home = plan->options.home;
  plan->parts.version = GLOW_VERSION;
  plan->parts.started = std::chrono::steady_clock::now();
  agent_port_arguments port{
    plan,
    [raw](const node_parts& now) {
      std::lock_guard guard{raw->mutex};
      raw->parts = now;
      raw->changed.notify_all();
    },
    [raw](const error& why) {
      std::lock_guard guard{raw->mutex};
      raw->ended = why;
      raw->changed.notify_all();
    },
  };
  raw->port = spawn_agent_port(*raw->system, std::move(port));
  std::unique_ptr<agent> made{new agent{std::move(held)}};
  {
    // whole once control (or the last actor without it) is there: parts() is complete then
    std::unique_lock guard{raw->mutex};
    raw->changed.wait_for(guard, limits::node_start_timeout,
                          [raw] { return raw->ended || (raw->parts.links && raw->parts.supervisor); });
    if (raw->ended) return *raw->ended;
  }
  host::log(host::level::info, "agent",
            "node " + plan->options.node_name + " (" + to_short_string(raw->id) + ") runs in " + plan->options.home);
  return made;
}

agent::~agent() {
  stop();
  wait();
  held_->port = nullptr;
  held_->parts = {};
  held_->system->await_all_actors_done();
  held_->loop.reset();
  held_->system.reset();
}

const node_id& agent::id() const { return held_->id; }

host::actor_loop& agent::loop() { return *held_->loop; }

node_parts agent::parts() const {
  std::lock_guard guard{held_->mutex};
  return held_->parts;
}

void agent::stop() { caf::anon_send(held_->port, shut_down_agent{}); }

error agent::wait() {
  std::unique_lock guard{held_->mutex};
  held_->changed.wait(guard, [this] { return held_->ended.has_value(); });
  return *held_->ended;
}

} // namespace glow
