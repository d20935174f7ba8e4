/// What the control actor hears: from its socket (HOME/control.sock) and from the watchers of long commands.
/// What programs say over the socket is in runtime/control and schema/control.capnp.
#pragma once

#include "actors/contracts/node.hpp"

namespace glow {

/// One connected program; never reused while the agent runs.
using control_client_id = std::uint64_t;

/// socket → control: a program of this device's user connected.
struct control_client_opened {
  control_client_id client = 0;
};
/// socket → control: bytes as they came.
struct control_bytes_received {
  control_client_id client = 0;
  byte_string bytes;
};
/// socket → control: the program went away.
struct control_client_closed {
  control_client_id client = 0;
};
/// socket → control: the program has read what waited for it.
struct control_client_drained {
  control_client_id client = 0;
};
/// watcher of a command → control.
struct control_progress {
  control_client_id client = 0;
  std::uint32_t command = 0;
  progress made;
};
/// itself → control: deadlines and clients that do not read; only while there are clients.
struct control_tick {
  std::uint64_t generation = 0;
};

using control_actor =
  stream_owner_actor::extend<caf::reacts_to<control_client_opened>, caf::reacts_to<control_bytes_received>,
                             caf::reacts_to<control_client_closed>, caf::reacts_to<control_client_drained>,
                             caf::reacts_to<control_progress>, caf::reacts_to<routes_changed>, caf::reacts_to<control_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::control_client_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::control_bytes_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::control_client_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::control_client_drained)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::control_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::control_tick)
