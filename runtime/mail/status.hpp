/// What people see of mail: letters that were sent, boxes with messages.
#pragma once

#include "runtime/mail/letter.hpp"

#include <string>

namespace glow::mail {

enum class letter_state : std::uint8_t { waiting, delivered, expired, refused };

/// What the sender knows of a letter.
struct letter_status {
  letter_id id;
  node_id to;
  std::string box;
  letter_state state = letter_state::waiting;
  bool reachable = false; ///< the recipient, at present, for this letter
  std::size_t custodians = 0;
  std::string why; ///< it was refused, or the last attempt failed
  wall_time sent{};
  wall_time expires{}; ///< while it waits
  wall_time ended{};   ///< when it does no more
};

struct box_summary {
  std::string name;
  std::size_t letters = 0;
  std::uint64_t bytes = 0;
  wall_time oldest{}; ///< when its first message came
};

} // namespace glow::mail
