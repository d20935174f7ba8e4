/// The face for embedding: an agent inside a C++ program.
///
///   glow::agent_options options;
///   options.home = "/var/lib/my-program/glow";
///   options.transports = glow::transports::production_catalog();
///   auto agent = glow::agent::start(std::move(options));
///   if (!agent) report(agent.why().message);
///
/// One process may hold several agents with homes of their own. Refuses to speak for the user: commands go through the
/// actors in parts(), or through HOME/control.sock.
#pragma once

#include "actors/contracts/discovery.hpp"
#include "actors/contracts/node.hpp"
#include "actors/contracts/transport_catalog.hpp"
#include "runtime/host/actor_loop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace glow {

struct agent_options {
  std::string home;                ///< directory of its own; made with mode 0700 at the first start
  std::string node_name;           ///< of a new identity; default: the host's name
  std::vector<channel_uri> listen; ///< empty: udp and tcp on any free port of all addresses
  std::vector<channel_uri> peers;  ///< kept linked, besides the members that are known
  bool discovery = true;           ///< look for members on the attached networks
  bool control = true;             ///< serve HOME/control.sock, and what is exposed and forwarded
  transport_catalog transports;    ///< what this program can speak
  discovery_factory discover;      ///< may be empty: no discovery
  std::uint32_t job_slots = 0;     ///< steps run at once; 0: one per core
};

class agent {
public:
  /// Makes or reads the node's identity and namespace, opens its store and starts its actors.
  /// Errors: `already_used` (another agent runs in this home), `usage` (a URI no transport takes), `io`, `failed`
  /// (a key that others can read), `malformed` or `tampered` (damaged files).
  static result<std::unique_ptr<agent>> start(agent_options options);
  /// Stops gracefully if that has not happened yet.
  ~agent();
  agent(const agent&) = delete;
  agent& operator=(const agent&) = delete;

  const node_id& id() const;
  /// The node's actors now; they change when the node is restarted (a namespace joined).
  node_parts parts() const;
  /// Where links, router and endpoint live: an actor spawned there (spawn_on_loop) hears from them without a thread's switch,
  /// and must never block. Ends with the agent.
  host::actor_loop& loop();
  /// Asks the node to stop: links say goodbye, the store closes. Returns at once; thread- and signal-handler-thread-safe.
  void stop();
  /// Blocks until the agent has stopped; `none` when it was asked to, else what its supervisor gave up on.
  error wait();

private:
  struct running;
  explicit agent(std::unique_ptr<running> held);
  std::unique_ptr<running> held_;
};

} // namespace glow
