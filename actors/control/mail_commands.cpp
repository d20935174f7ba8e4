// Commands about mailboxes: send recv mailboxes.
#include "actors/control/ask.hpp"
#include "actors/control/documents.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/mail/limits.hpp"

#include <caf/send.hpp>

namespace glow {
namespace {

using documents::json;

/// How long a plain send waits to be able to say what became of the message: long enough for a healthy mesh.
constexpr duration first_look = 2s;
constexpr duration command_deadline = limits::letter_life_max + 1h;
constexpr std::size_t output_slice_bytes = 256u << 10;

std::uint64_t seconds_of(duration d) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

// ---- send --------------------------------------------------------------------------------------------------------

/// The message is on the disk: whatever happens now, it has been sent.
void tell_status(const call_ptr& call, const mail::letter_id& id, const std::shared_ptr<const identity::roster>& roster,
                 duration wait, bool at_rest) {
  auto unknown = [=] {
    if (!call->ended()) call->answer({{"id", to_string(id)}, {"state", "waiting"}});
  };
  if (!call->parts().mail) return unknown();
  call->self()
    ->request(call->parts().mail, caf::duration{wait + limits::local_request_timeout}, await_letter{id, wait, at_rest})
    .then(
      [=](letter_report& report) {
        if (!call->ended()) call->answer(documents::letter(report.status, *roster));
      },
      [=](caf::error&) { unknown(); });
}

struct outgoing {
  byte_string body;
  bool too_long = false;
};

void send_body(const call_ptr& call, const std::shared_ptr<outgoing>& what, duration life, std::optional<duration> wait) {
  with_node(call, "node", [=](const node_id& node, const identity::roster& known) {
    auto roster = std::make_shared<const identity::roster>(known);
    ask<letter_sent>(
      call, call->parts().mail, send_letter{node, call->text("box"), std::move(what->body), life},
      [=](letter_sent& sent) {
        // from here on the program may leave, or the command be late: it has been sent
        tell_status(call, sent.id, roster, wait.value_or(first_look), !wait);
      },
      caf::infinite);
  });
}

void send(const call_ptr& call) {
  auto life = call->number("life_s", seconds_of(limits::letter_life_default), seconds_of(limits::letter_life_max));
  auto wait = call->number("wait_s", 0, seconds_of(limits::letter_life_max + 1min));
  for (auto* each : {&life, &wait})
    if (!*each) return call->fail(each->why());
  std::optional<duration> waiting;
  if (call->has("wait_s")) waiting = std::chrono::seconds{*wait};
  auto what = std::make_shared<outgoing>();
  call->take_input([=, life = duration{std::chrono::seconds{*life}}](byte_string bytes) {
    call->input_used(bytes.size());
    if (bytes.empty()) return send_body(call, what, life, waiting);
    append(what->body, bytes);
    if (what->body.size() > limits::mail_body_bytes_max)
      call->fail({error_code::usage, "a message holds at most " + std::to_string(limits::mail_body_bytes_max >> 20)
                                       + " MiB: put more into the namespace with glow put, and send its path"});
  });
}

// ---- recv --------------------------------------------------------------------------------------------------------

/// The program gets a line of JSON about the message, then its bytes. It says so when it has dealt with them (any input): only
/// then is the message removed. When it says nothing and leaves, the message stays in its box.
void hand_over(const call_ptr& call, message_taken& message, std::uint64_t lease, const identity::roster& roster) {
  auto about = documents::message(message, roster);
  call->output(to_bytes(about.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"));
  byte_view body = message.body;
  while (!body.empty()) {
    auto slice = body.first(std::min(body.size(), output_slice_bytes));
    call->output(to_bytes(slice));
    body = body.subspan(slice.size());
  }
  auto mail = call->parts().mail;
  if (call->has("peek")) {
    caf::anon_send(mail, end_take{lease, false});
    return call->answer(about);
  }
  call->take_input([=](byte_string said) {
    call->input_used(said.size());
    if (said.empty())
      return call->give_up({error_code::stopped, "the program did not say that it has the message: it stays in its box"});
    ask<take_ended>(
      call, mail, end_take{lease, true}, [=](take_ended&) { call->answer(about); }, caf::infinite);
  });
}

void recv(const call_ptr& call) {
  auto timeout = call->number("timeout_s", 0, seconds_of(limits::letter_life_max));
  if (!timeout) return call->fail(timeout.why());
  auto wait = duration{std::chrono::seconds{*timeout}};
  ask<roster_changed>(call, call->parts().name_space, get_roster{}, [=](roster_changed& known) {
    if (!known.roster) return call->fail({error_code::failed, "this node has no namespace yet"});
    auto mail = call->parts().mail;
    auto lease = call->self()->state.world->random().next_u64() | 1; // never 0, which means none
    call->on_give_up([=] {
      if (mail) caf::anon_send(mail, end_take{lease, false});
    });
    ask<message_taken>(
      call, mail, take_message{call->text("box"), lease, wait},
      [=, roster = known.roster](message_taken& message) { hand_over(call, message, lease, *roster); },
      caf::duration{wait + limits::local_request_timeout});
  });
}

void mailboxes(const call_ptr& call) {
  ask<roster_changed>(call, call->parts().name_space, get_roster{}, [=](roster_changed& known) {
    if (!known.roster) return call->fail({error_code::failed, "this node has no namespace yet"});
    ask<mailbox_list>(call, call->parts().mail, get_mailboxes{},
                      [=, roster = known.roster](mailbox_list& list) { call->answer(documents::mailboxes(list, *roster)); });
  });
}

constexpr command_entry table[] = {
  {"send", command_deadline, send}, {"recv", command_deadline, recv}, {"mailboxes", 10s, mailboxes}};

} // namespace

std::span<const command_entry> mail_commands() { return table; }

} // namespace glow
