#include "runtime/control/session.hpp"

#include "runtime/control/limits.hpp"

namespace glow::control {

result<std::vector<request>> session::on_bytes(byte_view bytes) {
  std::vector<request> out;
  frames_.feed(bytes);
  while (true) {
    auto frame = frames_.next();
    if (!frame) return frame.why();
    if (!frame->has_value()) return out;
    auto message = decode_request(**frame);
    if (!message) return message.why();
    if (auto good = check(*message, out); !good) return good.why();
  }
}

result<void> session::check(const request& message, std::vector<request>& out) {
  if (auto* start = std::get_if<start_command>(&message)) {
    if (running_.contains(start->id))
      return error{error_code::malformed, "command id " + std::to_string(start->id) + " is in use"};
    if (running_.size() >= limits::control_commands_max)
      return error{error_code::exhausted,
                   "more than " + std::to_string(limits::control_commands_max) + " commands at once on one control connection"};
    running_.insert(start->id);
    out.push_back(message);
    return {};
  }
  auto id = std::visit([](const auto& m) { return m.id; }, message);
  if (running_.contains(id)) out.push_back(message);
  return {};
}

} // namespace glow::control
