/// The parts of one node as its actors see each other, and what the agent hears. Factories of the supervision tree fill
/// in the handles as they start actors; an actor that is restarted is replaced here before its later siblings start.
#pragma once

#include "actors/contracts/gateway.hpp"
#include "actors/contracts/jobs.hpp"
#include "actors/contracts/mail.hpp"
#include "actors/contracts/namespace.hpp"

#include <caf/actor.hpp>

namespace glow {

/// anyone → agent port: stop gracefully. Answered at once by system_done; the process ends soon after.
struct shut_down_agent {};
/// control → agent port: redeem a ticket and restart the node as a member of its namespace. Answered by
/// joined_namespace once the node runs again, or by the reason why not. A namespace with other members or with files
/// is not given up: `failed`.
struct join_with_ticket {
  std::string ticket;
  std::string node_name;
};
struct joined_namespace {
  namespace_id id;
  std::string namespace_name;
  std::string node_name;
};

using agent_port_actor = caf::typed_actor<caf::replies_to<shut_down_agent>::with<system_done>,
                                          caf::replies_to<join_with_ticket>::with<joined_namespace>>;

/// Handles and facts of one node. A value: each actor gets a copy when it is started.
struct node_parts {
  node_id self;
  std::string home;    ///< directory of the node's files
  std::string version; ///< of the agent
  steady_time started{};
  namespace_actor name_space;
  router_actor router;
  endpoint_actor endpoint;
  store_actor store;
  jobs_actor jobs;
  mail_actor mail;
  links_actor links;
  gateway_actor gateway; ///< where there is a control socket
  caf::actor supervisor; ///< root of the supervision tree
  agent_port_actor agent;
};

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::shut_down_agent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::join_with_ticket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::joined_namespace)
