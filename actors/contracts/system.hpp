/// The system protocol: what every Glow actor answers without code of its own (actors/contracts/lifecycle.hpp does).
#pragma once

#include "runtime/base/result.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>

#include <string>
#include <vector>

namespace glow {

struct get_state {};     ///< anyone → any actor; answered by state_report
struct get_stats {};     ///< anyone → any actor; answered by stats_report
struct suspend_actor {}; ///< anyone → any actor: keep messages, handle none but the system protocol, until resume_actor
struct resume_actor {};  ///< anyone → any actor
struct trace_actor {
  bool on = true;
}; ///< anyone → any actor: log each message it handles
struct quit_actor {
  std::string why;
}; ///< anyone → any actor: fail with `why`; its supervisor heals

struct get_children {}; ///< anyone → any actor; answered by children_list: one level of the supervision tree

/// Answer to suspend, resume, trace and quit.
struct system_done {};
/// One child of an actor in the supervision tree; `actor` is null while it waits to be restarted.
struct child_entry {
  std::string name;
  std::string kind;  ///< "actor" or "supervisor"
  std::string state; ///< "running", "waiting", "stopping"
  std::uint64_t restarts = 0;
  caf::strong_actor_ptr actor;
  std::string last_failure;
};
struct children_list {
  std::vector<child_entry> entries;
};

/// What an actor says of itself: its name, a JSON object of its state, its children.
struct state_report {
  std::string name;
  std::string json;
};
struct stats_report {
  std::string name;
  std::uint64_t messages_handled = 0;
  std::uint64_t mailbox_length = 0;
  std::uint64_t uptime_ms = 0;
};

/// glow::error as the reason of a CAF exit or a failed request, and back. Foreign CAF errors become `failed`,
/// request time-outs `timed_out`, requests to dead actors `stopped`.
caf::error to_caf(const error& why);
error from_caf(const caf::error& why);

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_stats)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_children)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::children_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::system_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::suspend_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::resume_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::trace_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::quit_actor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::state_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::stats_report)
