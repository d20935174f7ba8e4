#include "actors/mail/mail.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/host/log.hpp"
#include "runtime/mail/limits.hpp"
#include "runtime/mail/mail_machine.hpp"

namespace glow {

/// Mailboxes.
///   restoring (records) ─► ready ─► ready …
/// Hears    control: send_letter, await_letter, get_mailboxes, take_message, end_take      endpoint: incoming_request (mail_…)
///          router: routes_changed   namespace: roster_changed   itself: mail_tick
/// Tells    store: write_ledger, read_ledger      endpoint: send_request, register_service
/// Watches  those who take messages (theirs go back into the box)       Parent  the node
/// Fails    when its records cannot be read; what it acknowledged is in the store's database
struct mail_state : actor_lifecycle {
  static inline const char* name = "glow.mail";
  struct letter_waiter {
    mail::letter_id id;
    steady_time until{};
    bool at_rest = false;
    caf::typed_response_promise<letter_report> promise;
  };
  struct box_waiter {
    std::string box;
    std::uint64_t lease = 0;
    duration timeout{};
    steady_time until{};
    caf::typed_response_promise<message_taken> promise;
  };
  std::unique_ptr<mail_arguments> given;
  std::unique_ptr<mail::mail_machine> machine;
  bool ready = false;                            ///< what lay in the database is known
  std::deque<std::function<void()>> until_ready; ///< bounded by mail_waiters_max
  std::shared_ptr<const std::vector<route_info>> routes;
  std::uint64_t last_token = 0;
  std::map<std::uint64_t, caf::typed_response_promise<letter_sent>> sends;
  std::map<std::uint64_t, caf::typed_response_promise<response>> requests;
  std::map<std::uint64_t, caf::typed_response_promise<take_ended>> removals; ///< by lease
  std::vector<letter_waiter> letter_waiters;
  std::vector<box_waiter> box_waiters;
  std::map<caf::actor_id, std::set<std::uint64_t>> leases; ///< by whoever takes; those who have taken once are watched
  steady_time armed = steady_time::max();

  std::string json() const {
    if (!machine) return "{}";
    auto number = [](auto value) { return std::to_string(value); };
    return "{\"ready\":" + std::string{ready ? "true" : "false"} + ",\"in_boxes\":" + number(machine->boxes().letters())
           + ",\"waiting_to_leave\":" + number(machine->letters().letters_waiting())
           + ",\"held_for_others\":" + number(machine->letters().held_for_others()) + ",\"requests\":" + number(requests.size())
           + ",\"waiters\":" + number(letter_waiters.size() + box_waiters.size()) + "}";
  }
};

using mail_self = caf::stateful_actor<mail_state, pool_hosted<mail_actor::base>>*;

namespace {

void perform(mail_self self, mail::effects&& todo);

mail::moment now(mail_self self) { return {self->clock().now(), self->state.given->world.wall_now()}; }

error still_starting() { return {error_code::stopped, "the mail of this node is starting: try again"}; }

template <class Answer>
void fail(caf::typed_response_promise<Answer>& promise, const error& why) {
  promise.deliver(to_caf(why));
}

/// Does it now, or once what lay in the database is known; the promise fails where too many wait for that.
template <class Answer>
caf::result<Answer> when_ready(mail_self self, std::function<void(caf::typed_response_promise<Answer>)> act) {
  auto promise = self->make_response_promise<Answer>();
  if (self->state.ready)
    act(promise);
  else if (self->state.until_ready.size() < limits::mail_waiters_max)
    self->state.until_ready.push_back([=] { act(promise); });
  else
    promise.deliver(to_caf(still_starting()));
  return promise;
}

// ---- what the machine wants done -------------------------------------------------------------------------------

void write(mail_self self, mail::write_records& todo) {
  auto answered = [=, ticket = todo.ticket](const result<void>& done) {
    perform(self, self->state.machine->on_written(ticket, done, now(self)));
  };
  self->request(self->state.given->store, caf::infinite, write_ledger{std::move(todo.put), std::move(todo.remove)})
    .then([=](const ledger_written&) { answered({}); }, [=](const caf::error& why) { answered(from_caf(why)); });
}

request_method method_of(mail::question what) {
  switch (what) {
  case mail::question::deliver: return request_method::mail_deliver;
  case mail::question::receipt: return request_method::mail_receipt;
  case mail::question::hold: return request_method::mail_hold;
  case mail::question::settled: return request_method::mail_settled;
  }
  return request_method::mail_settled;
}

std::optional<mail::question> question_of(request_method method) {
  switch (method) {
  case request_method::mail_deliver: return mail::question::deliver;
  case request_method::mail_receipt: return mail::question::receipt;
  case request_method::mail_hold: return mail::question::hold;
  case request_method::mail_settled: return mail::question::settled;
  default: return std::nullopt;
  }
}

void post(mail_self self, const mail::ask_node& todo, byte_string body) {
  send_request asked{todo.to, method_of(todo.what), std::move(body), todo.timeout,
                     todo.bulk ? traffic_class::bulk : traffic_class::interactive};
  auto answered = [=, ticket = todo.ticket](const result<byte_string>& answer) {
    perform(self, self->state.machine->on_answer(ticket, answer, now(self)));
  };
  self->request(self->state.given->endpoint, caf::infinite, std::move(asked))
    .then([=](response& m) { answered(std::move(m.body)); }, [=](const caf::error& why) { answered(from_caf(why)); });
}

void ask(mail_self self, mail::ask_node& todo) {
  if (!todo.letter) return post(self, todo, std::move(todo.body));
  auto failed = [=, ticket = todo.ticket](const error& why) {
    perform(self, self->state.machine->on_answer(ticket, why, now(self)));
  };
  self->request(self->state.given->store, caf::infinite, read_ledger{mail::letter_key(*todo.letter)})
    .then(
      [=](ledger_records& m) {
        if (m.records.empty()) return failed({error_code::stopped, "the letter has ended meanwhile"});
        post(self, todo, std::move(m.records.front().second));
      },
      [=](const caf::error& why) { failed(from_caf(why)); });
}

void answer(mail_self self, mail::answer_request& todo) {
  auto held = self->state.requests.extract(todo.token);
  if (!held) return;
  if (todo.answer)
    held.mapped().deliver(response{std::move(*todo.answer)});
  else
    held.mapped().deliver(to_caf(todo.answer.why()));
}

void confirm(mail_self self, const mail::send_answered& todo) {
  auto held = self->state.sends.extract(todo.token);
  if (!held) return;
  if (todo.letter)
    held.mapped().deliver(letter_sent{*todo.letter});
  else
    held.mapped().deliver(to_caf(todo.letter.why()));
}

void confirm(mail_self self, const mail::removal_answered& todo) {
  auto held = self->state.removals.extract(todo.lease);
  if (!held) return;
  if (todo.removed)
    held.mapped().deliver(take_ended{});
  else
    held.mapped().deliver(to_caf(todo.removed.why()));
}

// ---- those who wait ----------------------------------------------------------------------------------------------

void hand_out(mail_self self, const mail::kept_letter& record, std::uint64_t lease,
              caf::typed_response_promise<message_taken> promise) {
  self->request(self->state.given->store, caf::infinite, read_ledger{mail::body_key(record.arrival)})
    .then(
      [=](ledger_records& m) mutable {
        if (m.records.empty()) {
          promise.deliver(to_caf(error{error_code::io, "the message's body is missing in the database"}));
          return perform(self, self->state.machine->end_take(lease, false));
        }
        mail::lane way{record.from, self->state.given->keys->id(), record.numbering};
        promise.deliver(message_taken{mail::id_of(way, record.number), record.from, record.box, record.sent, record.received,
                                      std::move(m.records.front().second)});
      },
      [=](const caf::error& why) mutable {
        perform(self, self->state.machine->end_take(lease, false));
        promise.deliver(why);
      });
}

void serve_letter_waiters(mail_self self, mail::moment at) {
  auto& letters = self->state.machine->letters();
  std::erase_if(self->state.letter_waiters, [&](mail_state::letter_waiter& each) {
    auto status = letters.status(each.id);
    if (status && status->state == mail::letter_state::waiting && each.until > at.now
        && !(each.at_rest && letters.is_at_rest(each.id, at)))
      return false;
    if (status)
      each.promise.deliver(letter_report{*status});
    else
      each.promise.deliver(to_caf(status.why()));
    return true;
  });
}

error no_message(const mail_state::box_waiter& waiter) {
  if (waiter.timeout > duration::zero())
    return {error_code::timed_out, "no message came into the box '" + waiter.box + "' in that time"};
  return {error_code::not_found, "there is no message in the box '" + waiter.box + "': glow mailboxes lists those with messages"};
}

void forget_lease(mail_state& state, std::uint64_t lease) {
  for (auto& [taker, held] : state.leases) held.erase(lease);
}

void serve_box_waiters(mail_self self, mail::moment at) {
  auto waiting = std::exchange(self->state.box_waiters, {});
  for (auto& each : waiting) {
    if (auto taken = self->state.machine->take(each.box, each.lease, at.now))
      hand_out(self, *taken, each.lease, each.promise);
    else if (each.until > at.now)
      self->state.box_waiters.push_back(std::move(each));
    else {
      forget_lease(self->state, each.lease);
      fail(each.promise, no_message(each));
    }
  }
}

/// After every turn: whoever waited for what has just happened, and the next alarm.
void end_turn(mail_self self) {
  auto& state = self->state;
  if (!state.ready) return;
  auto at = now(self);
  serve_letter_waiters(self, at);
  serve_box_waiters(self, at);
  auto next = state.machine->wake_at().value_or(steady_time::max());
  for (auto& each : state.letter_waiters) next = std::min(next, each.until);
  for (auto& each : state.box_waiters) next = std::min(next, each.until);
  if (next >= state.armed) return; // a tick that comes too early does no harm
  state.armed = next;
  arm_timer<mail_tick>(self, std::max(duration::zero(), next - at.now));
}

/// The only place where this actor acts on others.
void perform(mail_self self, mail::effects&& todo) {
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](mail::write_records& e) { write(self, e); },
                 [&](mail::ask_node& e) { ask(self, e); },
                 [&](mail::answer_request& e) { answer(self, e); },
                 [&](mail::send_answered& e) { confirm(self, e); },
                 [&](mail::removal_answered& e) { confirm(self, e); },
               },
               each);
  end_turn(self);
}

// ---- start ------------------------------------------------------------------------------------------------------

std::vector<mail::reachable_node> reachable_of(const mail_state& state) {
  std::map<node_id, mail::reachable_node> found;
  if (state.routes)
    for (auto& each : *state.routes) {
      if (!each.feasible || each.destination == state.given->keys->id()) continue;
      auto& node = found[each.destination];
      node.node = each.destination;
      if (each.traffic == traffic_class::interactive) node.interactive = true;
      if (each.traffic == traffic_class::bulk) node.bulk = true;
    }
  std::vector<mail::reachable_node> out;
  for (auto& [id, each] : found) out.push_back(each);
  return out;
}

void restore(mail_self self) {
  self->request(self->state.given->store, caf::infinite, read_ledger{mail::records_prefix()})
    .then(
      [=](const ledger_records& m) {
        auto& state = self->state;
        for (auto& [key, value] : m.records) {
          auto record = mail::decode_record(key, value);
          if (record)
            state.machine->restore(std::move(*record));
          else
            host::log(host::level::error, state.name, "a record in the database cannot be read: " + record.why().message);
        }
        state.ready = true;
        perform(self, state.machine->on_roster(state.given->roster, now(self)));
        perform(self, state.machine->on_reachable(reachable_of(state), now(self)));
        for (auto& each : std::exchange(state.until_ready, {})) each();
      },
      [=](const caf::error& why) { self->quit(why); });
}

// ---- questions ---------------------------------------------------------------------------------------------------

caf::result<response> serve(mail_self self, incoming_request& asked) {
  auto what = question_of(asked.method);
  if (!what) return to_caf(error{error_code::usage, "mail does not serve this method"});
  if (!self->state.ready) return to_caf(still_starting());
  auto token = ++self->state.last_token;
  auto promise = self->make_response_promise<response>();
  self->state.requests.emplace(token, promise);
  perform(self, self->state.machine->on_request(token, asked.from, *what, asked.body, now(self)));
  return promise;
}

void send_one(mail_self self, send_letter asked, caf::typed_response_promise<letter_sent> promise) {
  auto token = ++self->state.last_token;
  self->state.sends.emplace(token, std::move(promise));
  perform(self, self->state.machine->send(token, asked.to, std::move(asked.box), std::move(asked.body), asked.life, now(self)));
}

void await_one(mail_self self, const await_letter& asked, caf::typed_response_promise<letter_report> promise) {
  auto& waiters = self->state.letter_waiters;
  if (waiters.size() >= limits::mail_waiters_max)
    return fail(promise, {error_code::exhausted, "too many programs wait for messages already"});
  waiters.push_back({asked.id, self->clock().now() + asked.timeout, asked.at_rest, std::move(promise)});
  end_turn(self);
}

/// A taker that dies leaves its messages in their boxes.
void watch_taker(mail_self self, std::uint64_t lease) {
  auto taker = self->current_sender();
  if (!taker) return;
  auto [found, is_new] = self->state.leases.try_emplace(taker->id());
  found->second.insert(lease);
  if (!is_new) return;
  watch(self, taker, [self, id = taker->id()](const error&) {
    auto held = self->state.leases.extract(id);
    if (!held) return;
    for (auto each : held.mapped()) {
      std::erase_if(self->state.box_waiters, [&](auto& waiter) { return waiter.lease == each; });
      perform(self, self->state.machine->end_take(each, false));
    }
  });
}

void take(mail_self self, const take_message& asked, caf::typed_response_promise<message_taken> promise) {
  auto& waiters = self->state.box_waiters;
  auto refuse = [&](error_code code, const char* why) {
    forget_lease(self->state, asked.lease);
    fail(promise, {code, why});
  };
  if (!mail::is_box_name(asked.box))
    return refuse(error_code::usage, "a box has a name of 1 to 64 characters out of a-z 0-9 . _ -");
  if (waiters.size() >= limits::mail_waiters_max || asked.lease == 0)
    return refuse(error_code::exhausted, "too many programs wait for messages already");
  waiters.push_back({asked.box, asked.lease, asked.timeout, self->clock().now() + asked.timeout, std::move(promise)});
  end_turn(self);
}

void end_one(mail_self self, const end_take& asked, caf::typed_response_promise<take_ended> promise) {
  auto& state = self->state;
  forget_lease(state, asked.lease);
  std::erase_if(state.box_waiters, [&](auto& each) { return each.lease == asked.lease; });
  if (asked.remove)
    state.removals.emplace(asked.lease, std::move(promise));
  else
    promise.deliver(take_ended{});
  perform(self, state.machine->end_take(asked.lease, asked.remove));
}

mail_actor::behavior_type mail_behavior(mail_self self, mail_arguments arguments) {
  install_lifecycle(self, arguments.parent);
  auto& state = self->state;
  state.given = std::make_unique<mail_arguments>(std::move(arguments));
  state.machine = std::make_unique<mail::mail_machine>(state.given->keys, state.given->world.random());
  auto me = caf::actor_cast<service_actor>(caf::actor_cast<caf::strong_actor_ptr>(self));
  self->send(state.given->endpoint, register_service{{request_method::mail_deliver, request_method::mail_receipt,
                                                      request_method::mail_hold, request_method::mail_settled},
                                                     me});
  restore(self);
  return {
    [=](incoming_request& m) { return serve(self, m); },
    [=](send_letter& m) {
      return when_ready<letter_sent>(self, [=, m = std::move(m)](auto promise) { send_one(self, m, promise); });
    },
    [=](const await_letter& m) { return when_ready<letter_report>(self, [=](auto promise) { await_one(self, m, promise); }); },
    [=](const get_mailboxes&) {
      return when_ready<mailbox_list>(self, [=](auto promise) {
        auto& machine = *self->state.machine;
        promise.deliver(mailbox_list{machine.boxes().boxes(), machine.letters().list(), machine.letters().held_for_others()});
      });
    },
    [=](const take_message& m) {
      watch_taker(self, m.lease);
      return when_ready<message_taken>(self, [=](auto promise) { take(self, m, promise); });
    },
    [=](const end_take& m) { return when_ready<take_ended>(self, [=](auto promise) { end_one(self, m, promise); }); },
    [=](const routes_changed& m) {
      self->state.routes = m.routes;
      if (self->state.ready) perform(self, self->state.machine->on_reachable(reachable_of(self->state), now(self)));
    },
    [=](const roster_changed& m) {
      self->state.given->roster = m.roster;
      if (self->state.ready) perform(self, self->state.machine->on_roster(m.roster, now(self)));
    },
    [=](const mail_tick& m) {
      if (!timer_is_current(self, m)) return;
      self->state.armed = steady_time::max();
      if (self->state.ready) perform(self, self->state.machine->on_tick(now(self)));
    },
  };
}

} // namespace

mail_actor spawn_mail(caf::actor_system& system, mail_arguments arguments) {
  return system.spawn(mail_behavior, std::move(arguments));
}

} // namespace glow
