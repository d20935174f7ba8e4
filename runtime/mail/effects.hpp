/// What the machines of this room want done, and what they are told of time and of other nodes.
#pragma once

#include "runtime/mail/records.hpp"

#include <variant>
#include <vector>

namespace glow::mail {

/// What one node's mail asks of another's.
enum class question : std::uint8_t {
  deliver, ///< a letter; answered by a receipt
  receipt, ///< encode_question; answered by a receipt, perhaps an empty one
  hold,    ///< a letter, from its sender; answered with nothing
  settled, ///< a receipt; answered with nothing
};

struct moment {
  steady_time now{};
  wall_time wall{};
};

/// Answered by on_written. All or nothing, durable; batches are written in the order of these effects.
struct write_records {
  std::uint64_t ticket = 0;
  std::vector<std::pair<byte_string, byte_string>> put;
  std::vector<byte_string> remove;
};
/// Answered by on_answer. The request's body is `body`, or the bytes that lie under letter_key(*letter).
struct ask_node {
  std::uint64_t ticket = 0;
  node_id to;
  question what = question::deliver;
  byte_string body;
  std::optional<letter_id> letter;
  bool bulk = false;
  duration timeout{};
};
/// The answer to a request of another node.
struct answer_request {
  std::uint64_t token = 0;
  result<byte_string> answer;
};
/// The letter is durable here, or why it is not.
struct send_answered {
  std::uint64_t token = 0;
  result<letter_id> letter;
};
/// The message that was taken is gone from its box for good, or why it is not.
struct removal_answered {
  std::uint64_t lease = 0;
  result<void> removed;
};
using effect = std::variant<write_records, ask_node, answer_request, send_answered, removal_answered>;
using effects = std::vector<effect>;

/// A member that can be asked now.
struct reachable_node {
  node_id node;
  bool interactive = false; ///< for small messages
  bool bulk = false;        ///< for long ones
};

/// Tickets of writes and questions; unique in one life of the node's mail.
using ticket_source = std::uint64_t;

} // namespace glow::mail
