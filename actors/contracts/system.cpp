#include "actors/contracts/system.hpp"

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace glow {
namespace {

constexpr auto category = caf::atom("glow");

} // namespace

caf::error to_caf(const error& why) { return {static_cast<std::uint8_t>(why.code), category, caf::make_message(why.message)}; }

error from_caf(const caf::error& why) {
  if (!why) return {error_code::none, "ended normally"};
  if (why.category() == category) {
    auto& context = why.context();
    auto text = context.match_elements<std::string>() ? context.get_as<std::string>(0) : std::string{"no reason given"};
    return {static_cast<error_code>(why.code()), std::move(text)};
  }
  if (why == caf::sec::request_timeout) return {error_code::timed_out, "an actor of this node did not answer in time"};
  if (why == caf::sec::request_receiver_down || why == caf::exit_reason::unreachable)
    return {error_code::stopped, "the actor that was asked has stopped; it is being restarted, try again"};
  if (why == caf::exit_reason::kill || why == caf::exit_reason::user_shutdown || why == caf::exit_reason::remote_link_unreachable)
    return {error_code::stopped, "stopped"};
  return {error_code::failed, "actor error " + caf::to_string(why.category()) + ":" + std::to_string(why.code())};
}

} // namespace glow
