/// The control actor: the socket that glow, glow-shell and other programs of this device talk to.
/// Refuses to decide anything about the mesh: commands ask the other actors and turn their answers into JSON.
#pragma once

#include "actors/control/command_call.hpp"
#include "runtime/control/session.hpp"

namespace glow {

/// One connected program.
struct control_client {
  control::session session;
  std::map<control::command_id, call_ptr> calls;
  std::size_t input_held = 0; ///< bytes of input that commands have not dealt with
  bool paused = false;
  std::optional<steady_time> unread_since; ///< answers wait for the program since then
};

class stream_session; // stream_commands.cpp

struct control_state : actor_lifecycle {
  static inline const char* name = "glow.control";
  ~control_state();

  node_parts parts;
  std::optional<surroundings> world;
  std::map<std::string_view, const command_entry*> commands;
  std::unique_ptr<control_socket> socket;
  std::map<control_client_id, control_client> clients;
  std::map<node_id, wall_time> last_seen; ///< nodes that had a route since this actor started
  std::set<node_id> reachable;
  std::map<std::string, std::shared_ptr<stream_session>> listening; ///< by service: a program waits for its first stream
  std::unordered_map<stream_id, std::shared_ptr<stream_session>> streams;
  std::uint64_t commands_run = 0;
  bool ticking = false;

  std::string json() const;
};

// What the endpoint tells of streams that programs hold (stream_commands.cpp).
void on_stream(control_self self, const incoming_stream& m);
void on_stream(control_self self, stream_received& m);
void on_stream(control_self self, const stream_writable& m);
void on_stream(control_self self, const stream_ended& m);

/// Requires: spawned on the loop. Ends with `io` when the socket cannot be opened.
control_actor::behavior_type control_behavior(control_self self, node_parts parts, surroundings world,
                                              caf::strong_actor_ptr parent);

} // namespace glow
