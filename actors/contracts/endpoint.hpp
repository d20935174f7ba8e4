/// What the endpoint hears and tells: where this node's own actors attach to the mesh. Requests with deadlines, and streams;
/// remote actors become further messages here.
#pragma once

#include "actors/contracts/router.hpp"
#include "runtime/stream/limits.hpp"
#include "runtime/stream/stream_table.hpp"

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

// ---- streams: ordered bytes both ways, until an application closes them, whatever happens to links and relays ------------
/// One stream at this endpoint since its start; never reused, never 0.
using stream_id = std::uint64_t;

/// any actor → endpoint: a stream to a service of a node (this one, too). Answered by stream_opened, before the other side
/// knows of it, or an error (not_a_member, unreachable for bulk, exhausted, usage). The asker owns the stream: it is told
/// stream_received, stream_writable and stream_ended; the stream is closed when it dies.
struct open_stream {
  node_id to;
  traffic_class traffic = traffic_class::interactive; ///< bulk for much that nobody waits for
  stream::stream_terms terms;
  caf::strong_actor_ptr owner;
};
struct stream_opened {
  stream_id id = 0;
  std::size_t writable = 0; ///< bytes that may be written at once
};
/// any actor → endpoint: bring me every stream to this service as incoming_stream. Answered by streams_served, or
/// already_used. Until stop_serving, or the actor dies.
struct serve_streams {
  std::string service;
  caf::strong_actor_ptr owner;
};
struct streams_served {};
struct stop_serving {
  std::string service;
};
/// owner → endpoint: more than was allowed (stream_opened, incoming_stream, stream_writable) is taken once, and held against
/// the owner's next. `end`: nothing follows.
struct write_stream {
  stream_id id = 0;
  packet_batch bytes;
  bool end = false;
};
/// owner → endpoint: so many received bytes are dealt with: the sender may send on.
struct consume_stream {
  stream_id id = 0;
  std::size_t bytes = 0;
};
/// owner → endpoint: give the stream up, both ways; the other side's owner hears why. Nothing follows.
struct close_stream {
  stream_id id = 0;
  error why;
};
/// endpoint → service: a stream from an authenticated member; the service owns it now.
struct incoming_stream {
  stream_id id = 0;
  node_id from;
  std::string service;
  std::size_t writable = 0;
};
/// endpoint → owner: bytes in order. `end`: the other side wrote its last.
struct stream_received {
  stream_id id = 0;
  packet_batch bytes;
  bool end = false;
};
/// endpoint → owner: so many more bytes may be written.
struct stream_writable {
  stream_id id = 0;
  std::size_t bytes = 0;
};
/// endpoint → owner: the last word. Code none: all was delivered, both ways.
struct stream_ended {
  stream_id id = 0;
  error why;
};
/// Whoever owns streams.
using stream_owner_actor = caf::typed_actor<caf::reacts_to<incoming_stream>, caf::reacts_to<stream_received>,
                                            caf::reacts_to<stream_writable>, caf::reacts_to<stream_ended>>;

/// itself → endpoint.
struct endpoint_tick {
  std::uint64_t generation = 0;
};

using endpoint_actor =
  caf::typed_actor<caf::reacts_to<payloads_arrived>, caf::reacts_to<routes_changed>, caf::reacts_to<roster_changed>,
                   caf::replies_to<send_request>::with<response>, caf::reacts_to<register_service>,
                   caf::replies_to<ping_node>::with<ping_report>, caf::replies_to<open_stream>::with<stream_opened>,
                   caf::replies_to<serve_streams>::with<streams_served>, caf::reacts_to<stop_serving>,
                   caf::reacts_to<write_stream>, caf::reacts_to<consume_stream>, caf::reacts_to<close_stream>,
                   caf::reacts_to<endpoint_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::send_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::response)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::incoming_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::register_service)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ping_node)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::ping_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::endpoint_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::open_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stream_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::serve_streams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::streams_served)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stop_serving)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::write_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::consume_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::close_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::incoming_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stream_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stream_writable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stream_ended)
