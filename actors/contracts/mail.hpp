/// What the mail actor hears: messages to boxes of nodes that may be off, and those in the boxes of this node.
#pragma once

#include "actors/contracts/store.hpp"
#include "runtime/mail/status.hpp"

namespace glow {

/// control → mail: a message for a box. Answered by letter_sent once it is on the disk and synced, or an error:
/// usage (its size, the box's name), not_found (no such member), exhausted (too many wait; the disk is full).
struct send_letter {
  node_id to;
  std::string box;
  byte_string body;
  duration life{}; ///< how long it is worth delivering
};
struct letter_sent {
  mail::letter_id id;
};
/// control → mail: answered by letter_report when it was delivered or has ended otherwise, when `at_rest` and all was done
/// that can be done while the recipient is off, and at the end of the timeout, whatever became of it by then.
struct await_letter {
  mail::letter_id id;
  duration timeout{};
  bool at_rest = false;
};
struct letter_report {
  mail::letter_status status;
};
/// control → mail: answered by mailbox_list.
struct get_mailboxes {};
struct mailbox_list {
  std::vector<mail::box_summary> boxes;
  std::vector<mail::letter_status> letters; ///< of this node: waiting ones, and those that ended lately
  std::size_t held_for_others = 0;
};
/// control → mail: the oldest message of a box, or the next one to come. `lease`: any number that no other take has; the message
/// belongs to it until end_take, or until the asker dies. Answered by message_taken, or not_found at the end of the timeout.
struct take_message {
  std::string box;
  std::uint64_t lease = 0;
  duration timeout{};
};
struct message_taken {
  mail::letter_id id;
  node_id from;
  std::string box;
  wall_time sent{};
  wall_time received{};
  byte_string body;
};
/// control → mail: the message is dealt with, remove it for good; or leave it in its box. Also for a take that still waits.
/// Answered by take_ended.
struct end_take {
  std::uint64_t lease = 0;
  bool remove = false;
};
struct take_ended {};
/// itself → mail.
struct mail_tick {
  std::uint64_t generation = 0;
};

using mail_actor =
  service_actor::extend<caf::replies_to<send_letter>::with<letter_sent>, caf::replies_to<await_letter>::with<letter_report>,
                        caf::replies_to<get_mailboxes>::with<mailbox_list>, caf::replies_to<take_message>::with<message_taken>,
                        caf::replies_to<end_take>::with<take_ended>, caf::reacts_to<routes_changed>,
                        caf::reacts_to<roster_changed>, caf::reacts_to<mail_tick>>;

} // namespace glow

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::send_letter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::letter_sent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::await_letter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::letter_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::get_mailboxes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::mailbox_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::take_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::message_taken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::end_take)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::take_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::mail_tick)
