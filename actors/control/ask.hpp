/// How a command asks another actor: one request with a deadline, whose failure is the command's failure.
#pragma once

#include "actors/contracts/limits.hpp"
#include "actors/control/control.hpp"

namespace glow {

/// Whose answer it was tells the error: "the store: …" is said by the actor itself.
inline void fail_as(const call_ptr& call, const caf::error& why) {
  if (!call->ended()) call->fail(from_caf(why));
}

/// The half of `ask` that depends on nothing but the answer: interfaces of typed actors in the names of CAF's templates make
/// a compiler busy for seconds.
template <class Answer>
void await(const call_ptr& call, const caf::actor& to, caf::message message, std::function<void(Answer&)> then,
           const caf::duration& wait) {
  call->self()
    ->request(to, wait, std::move(message))
    .then(
      [call, then = std::move(then)](Answer& answered) {
        if (!call->ended()) then(answered);
      },
      [call](caf::error& why) { fail_as(call, why); });
}

/// Sends `message`, calls `then(Answer&)` unless the command has ended meanwhile. Long commands pass caf::infinite: their
/// deadline is the command's own.
template <class Answer, class Handle, class Message>
void ask(const call_ptr& call, const Handle& to, Message message, std::function<void(Answer&)> then, const caf::duration& wait) {
  using answers = typename caf::response_type<typename Handle::signatures, Message>::type; // caf::message for caf::actor
  static_assert(std::is_same_v<answers, caf::message> || std::is_same_v<answers, caf::detail::type_list<Answer>>);
  if (!to) return call->fail({error_code::stopped, "the agent is starting or healing: try again"});
  await<Answer>(call, caf::actor_cast<caf::actor>(to), caf::make_message(std::move(message)), std::move(then), wait);
}

/// With the time that an actor of the same node has to answer.
template <class Answer, class Handle, class Message>
void ask(const call_ptr& call, const Handle& to, Message message, std::function<void(Answer&)> then) {
  ask<Answer>(call, to, std::move(message), std::move(then), caf::duration{limits::local_request_timeout});
}

/// Calls `then(node_id, roster)` for the node that the text names: a name, a node id, or a unique beginning of one.
/// Fails the command with `not_found` or `usage`.
void with_node_named(const call_ptr& call, const std::string& text,
                     std::function<void(const node_id&, const identity::roster&)> then);
/// The same for the node that the argument `key` names.
void with_node(const call_ptr& call, std::string_view key, std::function<void(const node_id&, const identity::roster&)> then);

} // namespace glow
