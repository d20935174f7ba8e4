/// One namespace actor per node: its members, tickets and their places.
///
///   reading ─► serving (alone) ─ attach_endpoint ─► serving, in step with the reachable members
///      └─ damaged, unwritable ─► gone
///
/// Hears    control: create_ticket, expel_member   links: get_ticket_secret, redeem_ticket, merge_records, get_certificate,
///          remember_addresses, own_addresses, get_known_addresses   anyone: get_roster, subscribe_roster
///          endpoint: incoming_request (membership_sync)   router: routes_changed   node: attach_endpoint
///          itself: namespace_tick
/// Tells    subscribers: roster_changed   endpoint: register_service, send_request   router: subscribe_routes
///          links: member_seen
/// Watches  subscribers, the endpoint
/// Fails    with the file's error when it cannot be read; a failed write undoes the change and is answered to the asker
#include "actors/namespace/namespace.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/host/log.hpp"
#include "runtime/identity/limits.hpp"

#include <algorithm>
#include <set>

namespace glow {
namespace {

/// All that a subscriber must be; its kind is its own affair.
using roster_listener = caf::typed_actor<caf::reacts_to<roster_changed>>;

void arm(namespace_self self) {
  auto& state = self->state;
  auto next = state.save_at;
  if (state.endpoint)
    if (auto sync = state.plan.wake_at(); sync && (!next || *sync < *next)) next = sync;
  if (next) arm_timer<namespace_tick>(self, std::max(duration::zero(), *next - self->clock().now()));
}

result<void> save(namespace_self self) {
  auto written = self->state.world->outside().replace_file(self->state.file, self->state.known->encode());
  if (written) self->state.save_at.reset();
  return written;
}

/// Places told by others than whose they are may wait a moment: losing them in a crash costs a slower dial, no more.
void save_soon(namespace_self self) {
  if (!self->state.save_at) self->state.save_at = self->clock().now() + limits::addresses_save_pause;
  arm(self);
}

void tell_roster(namespace_self self, const caf::strong_actor_ptr& whom) {
  self->send(caf::actor_cast<roster_listener>(whom), roster_changed{self->state.known->current_roster()});
}

void start_syncs(namespace_self self);

/// A neighbour's own places are kept at once: after a crash of ours they may be the only way back to it, if it dialled us and
/// we listen elsewhere then.
void keep_places(namespace_self self, bool first_hand) {
  if (!first_hand) return save_soon(self);
  if (auto written = save(self); !written) {
    host::log(host::level::error, self->state.name, written.why().message);
    save_soon(self);
  }
}

/// After a change that was made durable: whoever must know is told.
void announce(namespace_self self, const identity::roster_ptr& before, const std::optional<node_id>& told_by) {
  auto& state = self->state;
  if (state.known->current_roster() == before) return;
  for (auto& each : state.subscribers) tell_roster(self, each);
  state.plan.knowledge_changed(self->clock().now(), told_by);
  start_syncs(self);
}

/// Runs `change` on the state, makes it durable, and only then tells anybody. When it fails or cannot be written the
/// state is what it was before.
template <class T, class Change>
result<T> durably(namespace_self self, Change change) {
  auto& state = self->state;
  auto before = *state.known;
  result<T> outcome = change(*state.known);
  if (!outcome) return outcome;
  if (auto written = save(self); !written) {
    state.known = std::move(before);
    host::log(host::level::error, state.name, written.why().message);
    return written.why();
  }
  announce(self, before.current_roster(), std::nullopt);
  return outcome;
}

/// As `durably`, for an exchange with a peer: nothing is written when it brought nothing, and places may wait.
template <class T, class Change>
result<T> merging(namespace_self self, Change change, const node_id& told_by) {
  auto& state = self->state;
  auto before = *state.known;
  result<T> outcome = change(*state.known);
  if (!outcome) return outcome;
  const identity::sync_effect& effect = outcome->second;
  if (effect.records_new == 0) {
    if (effect.addresses_new) {
      keep_places(self, effect.first_hand);
      state.plan.knowledge_changed(self->clock().now(), told_by); // neighbours learn of members' places from each other
      start_syncs(self);
    }
    return outcome;
  }
  if (auto written = save(self); !written) {
    state.known = std::move(before);
    host::log(host::level::error, state.name, written.why().message);
    return written.why();
  }
  announce(self, before.current_roster(), told_by);
  return outcome;
}

/// Tells links every place that `before` did not have.
void tell_new_places(namespace_self self, const std::vector<identity::node_addresses>& before) {
  if (!self->state.links) return;
  for (auto& [node, uris] : self->state.known->known_addresses(false)) {
    auto at = std::find_if(before.begin(), before.end(), [id = node](const auto& each) { return each.first == id; });
    for (auto& uri : uris)
      if (at == before.end() || std::find(at->second.begin(), at->second.end(), uri) == at->second.end())
        self->send(self->state.links, member_seen{node, uri});
  }
}

// ---- membership sync ----------------------------------------------------------------------------------------------

void end_sync(namespace_self self, const node_id& node, const error* why) {
  auto& state = self->state;
  ++(why ? state.syncs_failed : state.syncs_done);
  if (why) state.last_sync_failure = why->message;
  state.plan.finished(node, why == nullptr, self->clock().now());
  start_syncs(self);
}

template <class OnAnswer>
void ask_member(namespace_self self, const node_id& node, byte_string body, OnAnswer on_answer) {
  send_request request{node, request_method::membership_sync, std::move(body), limits::sync_timeout, traffic_class::control};
  self->request(self->state.endpoint, limits::sync_timeout + 5s, std::move(request)).then(on_answer, [=](const caf::error& why) {
    auto told = from_caf(why);
    end_sync(self, node, &told);
  });
}

void ask_to_sync(namespace_self self, const node_id& node, identity::next_sync_request asked);

/// A failed write here is not the peer's fault, and its records come again: logged by `merging`, then as any failure.
void on_sync_response(namespace_self self, const node_id& node, identity::sync_extent asked, const response& answer) {
  using finish = std::pair<std::optional<identity::next_sync_request>, identity::sync_effect>;
  auto places = self->state.known->known_addresses(false);
  auto outcome = merging<finish>(
    self, [&](identity::namespace_state& known) { return identity::finish_sync(known, node, asked, answer.body); }, node);
  if (!outcome) return end_sync(self, node, &outcome.why());
  tell_new_places(self, places);
  if (!outcome->first) return end_sync(self, node, nullptr);
  ask_to_sync(self, node, std::move(*outcome->first));
}

void ask_to_sync(namespace_self self, const node_id& node, identity::next_sync_request asked) {
  ask_member(self, node, std::move(asked.body),
             [=, extent = asked.extent](const response& answer) { on_sync_response(self, node, extent, answer); });
}

void start_syncs(namespace_self self) {
  auto& state = self->state;
  if (!state.endpoint) return;
  constexpr auto first = identity::sync_extent::brief;
  for (auto& node : state.plan.start(self->clock().now()))
    ask_to_sync(self, node, {first, identity::make_sync_request(*state.known, node, first)});
  arm(self);
}

caf::result<response> answer_request(namespace_self self, const incoming_request& m) {
  if (m.method != request_method::membership_sync)
    return to_caf(error{error_code::usage, "the namespace answers membership_sync only"});
  using answer = std::pair<byte_string, identity::sync_effect>;
  auto places = self->state.known->known_addresses(false);
  auto outcome = merging<answer>(
    self, [&](identity::namespace_state& known) { return identity::answer_sync(known, m.from, m.body); }, m.from);
  if (!outcome) return to_caf(outcome.why());
  tell_new_places(self, places);
  return response{std::move(outcome->first)};
}

/// Members, and neighbours whose admission we have not heard of yet (their link has verified their certificate).
void on_routes(namespace_self self, const routes_changed& m) {
  auto& state = self->state;
  std::set<node_id> neighbours, farther;
  if (m.routes)
    for (auto& each : *m.routes) {
      if (!each.feasible || each.destination == state.known->self()) continue;
      if (each.hops == 1 && each.traffic == traffic_class::interactive) // the way that exchanges take
        neighbours.insert(each.destination);
      else if (state.known->current_roster()->find(each.destination))
        farther.insert(each.destination);
    }
  for (auto& each : neighbours) farther.erase(each);
  state.plan.set_reachable({neighbours.begin(), neighbours.end()}, {farther.begin(), farther.end()}, self->clock().now());
  start_syncs(self);
}

// ---- what others ask ----------------------------------------------------------------------------------------------

void attach(namespace_self self, const attach_endpoint& m) {
  auto& state = self->state;
  if (m.links) state.links = m.links;
  if (m.router) self->send(m.router, subscribe_routes{caf::actor_cast<caf::strong_actor_ptr>(self)});
  if (!m.endpoint) return;
  state.endpoint = m.endpoint;
  self->send(m.endpoint, register_service{{request_method::membership_sync}, caf::actor_cast<service_actor>(self)});
  watch(self, m.endpoint, [self, gone = m.endpoint](const error&) {
    if (self->state.endpoint == gone) self->state.endpoint = nullptr;
  });
  start_syncs(self);
}

void subscribe(namespace_self self, const caf::strong_actor_ptr& subscriber) {
  auto& all = self->state.subscribers;
  if (!subscriber) return;
  if (std::find(all.begin(), all.end(), subscriber) == all.end()) {
    if (all.size() >= limits::roster_subscribers_max) return;
    all.push_back(subscriber);
    watch(self, subscriber, [self, gone = subscriber.get()](const error&) {
      std::erase_if(self->state.subscribers, [&](auto& each) { return each.get() == gone; });
    });
  }
  tell_roster(self, subscriber);
}

caf::result<ticket_created> make_ticket(namespace_self self, const create_ticket& m) {
  using invitation = identity::namespace_state::invitation;
  auto made = durably<invitation>(self, [&](identity::namespace_state& known) {
    auto& world = *self->state.world;
    auto valid_for = std::chrono::duration_cast<std::chrono::milliseconds>(m.valid_for);
    return known.create_ticket(valid_for, m.as, world.wall_now(), world.random());
  });
  if (!made) return to_caf(made.why());
  return ticket_created{made->text, made->expires};
}

caf::result<admission> admit(namespace_self self, const redeem_ticket& m) {
  auto file = durably<byte_string>(self, [&](identity::namespace_state& known) {
    return known.redeem_ticket(m.ticket_id, m.node, m.node_name, self->state.world->wall_now());
  });
  if (!file) return to_caf(file.why());
  auto& known = *self->state.known;
  return admission{std::move(*file), known.own_addresses(), known.self()};
}

caf::result<member_expelled> expel(namespace_self self, const expel_member& m) {
  auto done = durably<bool>(self, [&](identity::namespace_state& known) -> result<bool> {
    if (auto expelled = known.expel(m.node, self->state.world->wall_now()); !expelled) return expelled.why();
    return true;
  });
  if (!done) return to_caf(done.why());
  return member_expelled{};
}

void merge(namespace_self self, const merge_records& m) {
  auto records = identity::decode_records(m.records);
  if (!records) return;
  (void)durably<std::size_t>(self, [&](identity::namespace_state& known) -> result<std::size_t> {
    auto fresh = known.merge(*records);
    if (fresh == 0) return error{error_code::none, "nothing new"}; // then nothing is written
    return fresh;
  });
}

caf::result<ticket_secret> secret_of(namespace_self self, const get_ticket_secret& m) {
  auto secret = self->state.known->ticket_secret(m.ticket_id, m.asked_by, self->state.world->wall_now());
  if (!secret) return to_caf(secret.why());
  return ticket_secret{to_bytes(secret->view())};
}

known_addresses places_of(namespace_self self) {
  known_addresses out;
  for (auto& [node, uris] : self->state.known->known_addresses(false))
    for (auto& uri : uris) out.places.emplace_back(node, uri);
  return out;
}

caf::result<certificate_bytes> certificate_of(namespace_self self) {
  auto made = self->state.known->make_certificate();
  if (!made) return to_caf(made.why());
  return certificate_bytes{std::move(*made)};
}

/// The file's namespace, or a new one, written.
result<void> open(namespace_self self, const namespace_arguments& arguments) {
  auto& state = self->state;
  state.world = arguments.world;
  state.file = arguments.file;
  auto bytes = state.world->outside().read_file(state.file, limits::namespace_file_bytes_max);
  if (bytes) {
    auto read = identity::namespace_state::decode(*bytes, arguments.keys);
    if (!read)
      return error{read.why().code, "cannot use " + state.file + ": " + read.why().message
                                      + "; restore it from a backup, or move it away and join anew"};
    state.known = std::move(*read);
    return {};
  }
  if (bytes.why().code != error_code::not_found) return bytes.why();
  state.known = identity::namespace_state::found(arguments.namespace_name, arguments.keys, arguments.node_name,
                                                 state.world->wall_now(), state.world->random());
  return save(self);
}

void on_tick(namespace_self self) {
  auto& state = self->state;
  if (state.save_at && *state.save_at <= self->clock().now()) {
    state.save_at.reset();
    if (auto written = save(self); !written) {
      host::log(host::level::error, state.name, written.why().message);
      save_soon(self);
    }
  }
  start_syncs(self);
}

} // namespace

std::string namespace_actor_state::json() const {
  if (!known) return "{}";
  auto& members = *known->current_roster();
  auto field = [](const char* key, std::uint64_t value) { return "\"" + std::string{key} + "\":" + std::to_string(value); };
  return "{\"namespace\":\"" + members.name + "\"," + field("members", members.members.size()) + ","
         + field("records", known->log().records().size()) + "," + field("subscribers", subscribers.size()) + ","
         + field("syncs_done", syncs_done) + "," + field("syncs_failed", syncs_failed)
         + ",\"is_member\":" + (known->is_member() ? "true" : "false") + "}"; // names are is_node_name: nothing to escape
}

namespace_actor::behavior_type namespace_behavior(namespace_self self, const namespace_arguments& arguments) {
  install_lifecycle(self, arguments.parent);
  if (auto opened = open(self, arguments); !opened) {
    host::log(host::level::error, self->state.name, opened.why().message);
    self->quit(to_caf(opened.why()));
  }
  auto& state = self->state;
  return {
    [=](const incoming_request& m) { return answer_request(self, m); },
    [&state](const get_roster&) { return roster_changed{state.known->current_roster()}; },
    [=](const subscribe_roster& m) { subscribe(self, m.subscriber); },
    [=](const create_ticket& m) { return make_ticket(self, m); },
    [=](const get_ticket_secret& m) { return secret_of(self, m); },
    [=](const redeem_ticket& m) { return admit(self, m); },
    [=](const merge_records& m) { merge(self, m); },
    [=](const expel_member& m) { return expel(self, m); },
    [=](const get_certificate&) { return certificate_of(self); },
    [=, &state](const remember_addresses& m) {
      if (state.known->remember_addresses(m.node, m.uris)) keep_places(self, true);
    },
    [=, &state](const own_addresses& m) {
      if (!state.known->set_own_addresses(m.uris)) return;
      state.plan.knowledge_changed(self->clock().now());
      start_syncs(self);
    },
    [=](const get_known_addresses&) { return places_of(self); },
    [=](const attach_endpoint& m) { attach(self, m); },
    [=](const routes_changed& m) { on_routes(self, m); },
    [=](const namespace_tick& m) {
      if (timer_is_current(self, m)) on_tick(self);
    },
  };
}

} // namespace glow
