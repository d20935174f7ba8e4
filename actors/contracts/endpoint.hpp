/// What the endpoint hears: where this node's own actors attach to the mesh. Requests with deadlines, for now;
/// streams, mailboxes and remote actors become further messages here.
#pragma once

#include "actors/contracts/router.hpp"
#include "runtime/stream/limits.hpp"

namespace glow {

/// What a request asks for: names the service and its operation. Part of the wire format: never renumber.
enum class request_method : std::uint16_t {
  ping = 1,             ///< endpoint itself; body is echoed
  membership_sync = 16, ///< namespace: exchange membership records and addresses
  store_heads = 32,     ///< store: exchange heads (commits) of the namespace
  store_fetch = 33,     ///< store: objects by address
  job_offer = 64,       ///< jobs: run this step under this lease
  job_beat = 65,        ///< jobs: heartbeats of leases, load of the worker
  job_cancel = 66,      ///< jobs: give the step up
  job_result = 67,      ///< jobs: worker → coordinator, a step ended
  mail_deliver = 80,    ///< mail: a letter for a box of yours
  mail_receipt = 81,    ///< mail: which letters of this sender have you?
  mail_hold = 82,       ///< mail: keep this letter of mine for its recipient
  mail_settled = 83,    ///< mail: a receipt of the recipient, for its sender and its custodians
};

/// any actor → endpoint: ask a service on another node (or this one). Answered by response, or an error:
/// unreachable (no route within the deadline), timed_out, or whatever the service answered.
/// At most once per call: a retransmission never runs the service twice while both endpoints live.
struct send_request {
  node_id to;
  request_method method = request_method::ping;
  byte_string body; ///< ≤ limits::message_bytes_max
  duration timeout = 10s;
  traffic_class traffic = traffic_class::interactive; ///< bulk for chunks
};
struct response {
  byte_string body;
};
/// endpoint → service: a request arrived from an authenticated member. Answer with response or an error.
struct incoming_request {
  node_id from;
  request_method method = request_method::ping;
  byte_string body;
};
using service_actor = caf::typed_actor<caf::replies_to<incoming_request>::with<response>>;
/// service → endpoint: bring me every request with these methods. Forgotten when the service dies.
struct register_service {
  std::vector<request_method> methods;
  service_actor service;
};
/// control → endpoint: round trip to a node; answered by ping_report or an error.
struct ping_node {
  node_id to;
  duration timeout = 3s;
};
struct ping_report {
  duration rtt{};
  std::uint8_t hops = 0;
};
/// itself → endpoint.
struct endpoint_tick {
  std::uint64_t generation = 0;
};

using endpoint_actor =
  caf::typed_actor<caf::reacts_to<payloads_arrived>, caf::reacts_to<routes_changed>, caf::reacts_to<roster_changed>,
                   caf::replies_to<send_request>::with<response>, caf::reacts_to<register_service>,
                   caf::replies_to<ping_node>::with<ping_report>, caf::reacts_to<endpoint_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::send_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::response)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::incoming_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::register_service)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ping_node)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ping_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::endpoint_tick)
