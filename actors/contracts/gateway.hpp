/// What the gateway hears: which plain sockets of this node lead into the mesh, and which services of it lead out.
#pragma once

#include "actors/contracts/endpoint.hpp"
#include "runtime/gateway/gateway_file.hpp"

namespace glow {

/// control → gateway: streams to this service go to the target from now on, until withdrawn; kept over restarts.
/// Answered by gateway_done, or already_used, exhausted, io (cannot be kept).
struct expose_service {
  gateway::exposed_service service;
};
/// control → gateway: answered by gateway_done or not_found.
struct withdraw_service {
  std::string name;
};
/// control → gateway: connections to the address go to that service from now on; kept over restarts.
/// Answered by forward_added, or an error: already_used, io (the address cannot be listened on).
struct add_forward {
  gateway::forward forward;
};
struct forward_added {
  channel_uri listen; ///< with the port that was taken
};
/// control → gateway: by the address as it was given or as it was taken. Answered by gateway_done or not_found.
struct remove_forward {
  channel_uri listen;
};
struct gateway_done {};
/// control → gateway: answered by gateway_report.
struct get_gateway {};
struct gateway_report {
  struct exposed_line {
    gateway::exposed_service service;
    std::uint64_t connections = 0; ///< now
    std::uint64_t served = 0;      ///< since the start
  };
  struct forward_line {
    gateway::forward forward;
    channel_uri listen;  ///< with the port that was taken
    std::string trouble; ///< why it does not listen; empty when it does
    std::uint64_t connections = 0;
    std::uint64_t served = 0;
  };
  std::vector<exposed_line> exposed;
  std::vector<forward_line> forwards;
};
/// itself → gateway: try again to listen where that failed.
struct gateway_tick {
  std::uint64_t generation = 0;
};

using gateway_actor = stream_owner_actor::extend<
  caf::replies_to<expose_service>::with<gateway_done>, caf::replies_to<withdraw_service>::with<gateway_done>,
  caf::replies_to<add_forward>::with<forward_added>, caf::replies_to<remove_forward>::with<gateway_done>,
  caf::replies_to<get_gateway>::with<gateway_report>, caf::reacts_to<gateway_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::expose_service)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::withdraw_service)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::add_forward)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::forward_added)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::remove_forward)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::gateway_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_gateway)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::gateway_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::gateway_tick)
