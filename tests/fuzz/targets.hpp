/// Every fuzz target, by room. README.md tells which decoder is covered where.
#pragma once

#include "tests/fuzz/target.hpp"

namespace glow::fuzz {

// base: targets_text.cpp
extern const target text_target;
extern const target uri_target;
// link: targets_link.cpp, targets_handshake.cpp, targets_link_machine.cpp, targets_proxy.cpp
extern const target datagram_target;
extern const target framing_target;
extern const target serial_framing_target;
extern const target link_frames_target;
extern const target handshake_payload_target;
extern const target sealed_packet_target;
extern const target records_target;
extern const target handshake_target;
extern const target link_machine_target;
extern const target link_member_target;
extern const target proxy_handshake_target;
// route: targets_route.cpp, targets_router_machine.cpp
extern const target overlay_header_target;
extern const target routing_packet_target;
extern const target router_machine_target;
// stream: targets_stream.cpp, targets_endpoint_machine.cpp
extern const target stream_packet_target;
extern const target endpoint_machine_target;
// identity: targets_identity.cpp
extern const target membership_target;
extern const target certificate_target;
extern const target namespace_file_target;
extern const target membership_sync_target;
extern const target ticket_target;
extern const target beacon_target;
// store: targets_store.cpp
extern const target sealed_object_target;
extern const target tree_node_target;
extern const target tree_target;
extern const target commit_target;
extern const target store_sync_target;
// jobs, control: targets_jobs.cpp, targets_control.cpp
extern const target job_records_target;
extern const target control_socket_target;
// mail: targets_mail.cpp
extern const target mail_target;

inline std::vector<const target*> all_targets() {
  return {&text_target,
          &uri_target,
          &datagram_target,
          &framing_target,
          &serial_framing_target,
          &link_frames_target,
          &handshake_payload_target,
          &sealed_packet_target,
          &records_target,
          &handshake_target,
          &link_machine_target,
          &link_member_target,
          &proxy_handshake_target,
          &overlay_header_target,
          &routing_packet_target,
          &router_machine_target,
          &stream_packet_target,
          &endpoint_machine_target,
          &membership_target,
          &certificate_target,
          &namespace_file_target,
          &membership_sync_target,
          &ticket_target,
          &beacon_target,
          &sealed_object_target,
          &tree_node_target,
          &tree_target,
          &commit_target,
          &store_sync_target,
          &job_records_target,
          &control_socket_target,
          &mail_target};
}

} // namespace glow::fuzz
