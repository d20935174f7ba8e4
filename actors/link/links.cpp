#include "actors/link/links.hpp"

#include "actors/link/link_spawning.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/log.hpp"
#include "runtime/link/duplicate_link.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/places.hpp"
#include "runtime/link/proxy.hpp"

#include <nlohmann/json.hpp>

namespace glow {
namespace {

using address_listener = caf::typed_actor<caf::reacts_to<own_addresses>>;

constexpr duration question_timeout = 5s; ///< to actors of this process that may be busy with a disk

/// Checks against the newest roster, and hands the certificate of a member that we did not know yet to the namespace.
link::member_check member_check_of(links_self self) {
  return [roster = self->state.roster,
          name_space = self->state.given->name_space](const node_id& peer, byte_view certificate) -> result<identity::member> {
    auto members = *roster;
    if (!members) return error{error_code::not_a_member, "this node has no namespace yet"};
    auto checked = identity::check_peer(*members, peer, certificate);
    if (checked && members->find(peer) == nullptr && name_space)
      if (auto records = identity::records_of_certificate(members->id, peer, certificate))
        caf::anon_send(name_space, merge_records{identity::encode_records(*records)});
    return checked;
  };
}

void tell_own_addresses(links_self self) {
  auto& state = self->state;
  std::vector<channel_uri> listening;
  for (auto& [id, each] : state.transports) listening.insert(listening.end(), each.listening.begin(), each.listening.end());
  state.own = link::own_places(listening, state.given->world.outside().reachable_hosts());
  if (state.given->name_space) self->send(state.given->name_space, own_addresses{state.own});
  for (auto& each : state.address_subscribers) self->send(caf::actor_cast<address_listener>(each), own_addresses{state.own});
}

void on_transport_started(links_self self, const transport_started& news) {
  auto& state = self->state;
  auto id = news.transport.id();
  state.transports[id] = {news.transport, news.scheme, {}};
  watch(self, news.transport, [self, id](const error&) {
    auto& gone = self->state;
    gone.transports.erase(id);
    std::erase_if(gone.strangers, [&](auto& each) { return each.first.first == id; });
    tell_own_addresses(self); // its links notice by themselves
  });
  self->request(news.transport, question_timeout, get_listening{})
    .then(
      [=](const listening_on& answer) {
        auto found = self->state.transports.find(id);
        if (found == self->state.transports.end()) return;
        found->second.listening = answer.uris;
        tell_own_addresses(self);
      },
      [](const caf::error&) {});
  continue_joins(self);
  state.plan.interfaces_changed(self->clock().now()); // what could not be dialled for want of it can be now
  dial_due(self);
}

/// Of what kind a link's channel is, where further ones of that kind are not needed: a way round by a proxy does not stand
/// for a straight one.
std::string kind_of(const link_info& info) {
  return info.traits.scheme + (link::goes_through_proxy(info.channel) ? " by proxy" : "");
}

// ---- what links tell of themselves -----------------------------------------------------------------------------

/// Both sides dialled each other over the same kind of channel: one link stays. Both sides decide alike, so at least one of
/// them closes the other one.
void close_duplicate(links_self self, link_id newest) {
  auto& state = self->state;
  auto& fresh = state.links.at(newest);
  for (auto& [id, each] : state.links) {
    if (id == newest || !each.up || each.info.peer != fresh.info.peer) continue;
    if (each.info.traits.scheme != fresh.info.traits.scheme || each.initiated == fresh.initiated) continue;
    bool older_stays = link::older_link_stays(state.given->keys->id(), fresh.info.peer, each.initiated, fresh.up_at - each.up_at);
    auto& kept = older_stays ? each : fresh;
    auto& closed = older_stays ? fresh : each;
    if (closed.dial && !kept.dial) std::swap(kept.dial, closed.dial);
    self->send(closed.actor, close_link{"both sides dialled; the other link stays"});
    return;
  }
}

void on_link_up(links_self self, const link_up& news) {
  auto& state = self->state;
  auto found = state.links.find(news.link);
  if (found == state.links.end() || found->second.up) return;
  auto& entry = found->second;
  auto now = self->clock().now();
  entry.up = true;
  entry.up_at = now;
  entry.info = news.info;
  auto& peer = news.info.peer;
  host::log(host::level::info, "links", "up: " + news.info.peer_name + " by " + to_string(news.info.channel));
  state.plan.node_linked(peer, kind_of(news.info));
  if (entry.dial) entry.dial = state.plan.linked_to(*entry.dial, peer, now, state.given->world.random());
  auto places = link::places_of_peer(news.info.peer_listening, news.info.channel);
  // what we dialled ourselves certainly leads there, whatever the peer thinks its address is
  if (entry.initiated && std::find(places.begin(), places.end(), news.info.channel) == places.end())
    places.push_back(news.info.channel);
  for (auto& each : places) (void)state.plan.add(each, peer, false, now); // no room: others lead there
  std::erase_if(places, [](auto& each) { return !link::is_shareable(each); });
  if (!places.empty() && state.given->name_space) self->send(state.given->name_space, remember_addresses{peer, places});
  close_duplicate(self, news.link);
  dial_due(self);
}

void on_link_changed(links_self self, const link_changed& news) {
  auto found = self->state.links.find(news.link);
  if (found == self->state.links.end()) return;
  bool moved = found->second.info.channel != news.info.channel && found->second.up;
  if (found->second.up && found->second.info.link_class != news.info.link_class)
    host::log(host::level::info, "links",
              news.info.peer_name + " by " + to_string(news.info.channel) + " is " + news.info.link_class + " now, was "
                + found->second.info.link_class + ": " + news.info.why);
  found->second.info = news.info;
  if (moved) follow_roaming(self, news.link, news.info.channel);
}

void on_roster(links_self self, const roster_changed& news) {
  auto& state = self->state;
  if (!news.roster) return;
  auto before = std::exchange(*state.roster, news.roster);
  auto is_member = [&](const node_id& node) { return news.roster->find(node) != nullptr; };
  state.plan.keep_members(is_member);
  for (auto& [id, each] : state.links)
    // somebody whose certificate is newer than our roster is not expelled, only not yet merged
    if (each.up && before && before->find(each.info.peer) != nullptr && !is_member(each.info.peer))
      self->send(each.actor, close_link{"this node was expelled from the namespace"});
  if (auto* own = news.roster->find(state.given->keys->id())) state.given->node_name = own->name;
  if (!state.given->name_space) return;
  self->request(state.given->name_space, question_timeout, get_certificate{})
    .then(
      [=](certificate_bytes& answer) {
        self->state.certificate = std::move(answer.certificate);
        dial_due(self);
      },
      [=](const caf::error& why) {
        host::log(host::level::warning, "links", "no certificate of our own yet: " + from_caf(why).message);
      });
}

void add_member_place(links_self self, const node_id& node, const channel_uri& uri) {
  auto& state = self->state;
  auto& members = *state.roster;
  if (node == state.given->keys->id() || !members || members->find(node) == nullptr) return;
  if (!state.given->schemes.empty() && !state.given->schemes.contains(uri.scheme)) return;
  if (std::find(state.own.begin(), state.own.end(), uri) != state.own.end()) return; // a loopback address of both: it would be us
  (void)state.plan.add(uri, node, false, self->clock().now());                       // no room: others lead there
}

void load_known_addresses(links_self self) {
  auto& name_space = self->state.given->name_space;
  self->send(name_space, subscribe_roster{caf::actor_cast<caf::strong_actor_ptr>(self)});
  self->request(name_space, question_timeout, get_known_addresses{})
    .then(
      [=](const known_addresses& known) {
        for (auto& [node, uri] : known.places) add_member_place(self, node, uri);
        dial_due(self);
      },
      [=](const caf::error& why) {
        host::log(host::level::warning, "links", "no remembered addresses: " + from_caf(why).message);
      });
}

// ---- what people ask ---------------------------------------------------------------------------------------------

caf::result<peer_added> on_add_peer(links_self self, const add_peer& wanted) {
  auto& state = self->state;
  auto& schemes = state.given->schemes;
  if (!schemes.empty() && !schemes.contains(wanted.uri.scheme)) {
    std::string known;
    for (auto& each : schemes) known += (known.empty() ? "" : ", ") + each;
    return to_caf({error_code::usage, "no transport for '" + link::to_shown_text(wanted.uri) + "'; this node speaks " + known});
  }
  auto added = state.plan.add(wanted.uri, wanted.expected, wanted.permanent, self->clock().now());
  if (!added) return to_caf(added.why());
  if (wanted.permanent)
    for (auto dial : state.plan.superseded_by(wanted.uri)) {
      for (auto& [id, each] : state.links)
        if (each.dial == dial) self->send(each.actor, close_link{"its owner wants it otherwise"});
      state.plan.remove(dial);
    }
  dial_due(self);
  return peer_added{*added + dial_id_offset};
}

caf::result<link_removed> on_remove(links_self self, const remove_link& wanted) {
  auto& state = self->state;
  auto close = [&](link_entry& entry) {
    if (entry.dial) state.plan.remove(*entry.dial);
    self->send(entry.actor, close_link{"removed by its owner"});
  };
  if (wanted.id < dial_id_offset)
    if (auto found = state.links.find(static_cast<link_id>(wanted.id)); found != state.links.end()) {
      close(found->second);
      return link_removed{};
    }
  if (wanted.id > dial_id_offset && state.plan.contains(wanted.id - dial_id_offset)) {
    auto dial = wanted.id - dial_id_offset;
    for (auto& [id, each] : state.links)
      if (each.dial == dial) close(each);
    state.plan.remove(dial);
    return link_removed{};
  }
  return to_caf({error_code::not_found, "no link or dial " + std::to_string(wanted.id) + "; `glow links` lists them"});
}

caf::result<link_list> list_links(links_self self) {
  struct gathering {
    caf::typed_response_promise<link_list> promise;
    link_list list;
    std::size_t outstanding = 0;
  };
  auto all = std::make_shared<gathering>();
  all->promise = self->make_response_promise<link_list>();
  auto now = self->clock().now();
  for (auto& each : self->state.plan.waiting(now))
    all->list.waiting.push_back({each.dial + dial_id_offset, each.uri, each.next_try_in, each.last_error});
  all->outstanding = self->state.links.size() + 1;
  auto arrived = [all] {
    if (--all->outstanding == 0) all->promise.deliver(std::move(all->list));
  };
  for (auto& [id, each] : self->state.links)
    self->request(each.actor, 1s, get_link_info{})
      .then(
        [=](const link_info& info) {
          all->list.links.push_back(info);
          arrived();
        },
        [=](const caf::error&) { arrived(); }); // it died meanwhile
  auto promise = all->promise;
  arrived();
  return promise;
}

caf::result<mesh_left> on_leave(links_self self) {
  auto& state = self->state;
  state.leaving = true;
  if (state.links.empty()) return mesh_left{};
  for (auto& [id, each] : state.links) self->send(each.actor, close_link{"this node goes down"});
  return state.waiting_to_leave.emplace_back(self->make_response_promise<mesh_left>());
}

void on_subscriber(links_self self, const subscribe_addresses& wanted) {
  if (!wanted.subscriber) return;
  self->state.address_subscribers.push_back(wanted.subscriber);
  self->send(caf::actor_cast<address_listener>(wanted.subscriber), own_addresses{self->state.own});
  watch(self, wanted.subscriber, [self, id = wanted.subscriber->id()](const error&) {
    std::erase_if(self->state.address_subscribers, [&](auto& each) { return each->id() == id; });
  });
}

} // namespace

// ---- the books ---------------------------------------------------------------------------------------------------

namespace {

/// Transports that have no places of their own (a serial line, a command) keep the parameters of what was opened.
link::link_policy policy_of_channel(const channel_uri& remote) {
  auto told = link::policy_of(remote);
  return told ? *told : link::link_policy{};
}

} // namespace

link_id open_link(links_self self, new_link wanted) {
  auto& state = self->state;
  auto& transport = state.transports.at(wanted.transport);
  if (state.links.size() >= limits::links_max) {
    self->send(transport.actor, close_channel{wanted.channel.channel});
    return 0;
  }
  auto id = ++state.last_link;
  auto& given = *state.given;
  bool joins = wanted.join != 0;
  link_arguments arguments{given.world,
                           id,
                           transport.actor,
                           wanted.channel,
                           wanted.as,
                           wanted.expected,
                           wanted.ticket,
                           wanted.first,
                           given.keys,
                           {},
                           given.node_name,
                           {},
                           state.own,
                           {},
                           {},
                           links_actor{self},
                           {},
                           wanted.policy ? *wanted.policy : policy_of_channel(wanted.channel.remote)};
  if (joins) {
    arguments.space = *wanted.joining_space;
    arguments.check_member = [space = *wanted.joining_space](const node_id& peer, byte_view certificate) {
      return identity::verify_certificate(space, peer, certificate);
    };
  } else {
    arguments.certificate = state.certificate;
    arguments.space = *state.roster ? (*state.roster)->id : namespace_id{};
    arguments.check_member = member_check_of(self);
    arguments.router = given.router;
    if (given.name_space) arguments.tickets = given.name_space;
  }
  auto actor = spawn_on_loop(self->system(), given.world.loop(), link_behavior, std::move(arguments));
  node_channel key{wanted.transport, wanted.channel.channel};
  state.strangers.erase(key);
  state.link_of_channel[key] = id;
  link_entry entry;
  entry.actor = actor;
  entry.channel = key;
  entry.initiated = wanted.as == link::role::initiator;
  entry.dial = wanted.dial;
  entry.join = wanted.join;
  entry.info.id = id;
  entry.info.channel = wanted.channel.remote;
  entry.info.traits = wanted.channel.traits;
  state.links.emplace(id, std::move(entry));
  watch(self, actor, [self, id](const error& why) { forget_link(self, id, why); });
  return id;
}

void forget_link(links_self self, link_id id, const error& why) {
  auto& state = self->state;
  auto node = state.links.extract(id);
  if (node.empty()) return;
  auto& entry = node.mapped();
  if (auto linked = state.link_of_channel.find(entry.channel); linked != state.link_of_channel.end() && linked->second == id)
    state.link_of_channel.erase(linked);
  auto now = self->clock().now();
  auto& random = state.given->world.random();
  if (entry.up) {
    state.plan.node_unlinked(entry.info.peer, kind_of(entry.info));
    host::log(host::level::info, "links",
              "down: " + entry.info.peer_name + " by " + to_string(entry.info.channel) + ": " + why.message);
  }
  if (entry.dial && entry.up) state.plan.lost(*entry.dial, why, now, random);
  if (entry.dial && !entry.up) state.plan.failed(*entry.dial, why, now, random);
  if (entry.join != 0) on_join_failed(self, entry.join, why);
  continue_joins(self);
  dial_due(self);
  if (state.links.empty())
    for (auto& each : std::exchange(state.waiting_to_leave, {})) each.deliver(mesh_left{});
}

std::string links_state::json() const {
  nlohmann::json out{{"links", links.size()},
                     {"strangers", strangers.size()},
                     {"dials", plan.size()},
                     {"joining", joins.size()},
                     {"certified", !certificate.empty()},
                     {"accepted", gate.counters().accepted},
                     {"malformed", gate.counters().malformed},
                     {"cookies_sent", gate.counters().cookies_sent}};
  auto& transports_out = out["transports"] = nlohmann::json::array();
  for (auto& [id, each] : transports) transports_out.push_back(each.scheme);
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<child_entry> links_state::children() const {
  std::vector<child_entry> out;
  for (auto& [id, each] : links) {
    // a name is one component of a path in the supervision tree: no URI, which has slashes
    out.push_back({"link-" + std::to_string(id), "actor", "running", 0, caf::actor_cast<caf::strong_actor_ptr>(each.actor), {}});
  }
  return out;
}

const transport_entry* links_state::transport_for(const std::string& scheme) const {
  for (auto& [id, each] : transports)
    if (each.scheme == scheme) return &each;
  return nullptr;
}

links_actor::behavior_type links_behavior(links_self self, links_arguments arguments) {
  install_lifecycle(self, arguments.parent);
  auto& state = self->state;
  state.given.emplace(std::move(arguments));
  if (state.given->name_space) load_known_addresses(self);
  on_roster(self, roster_changed{state.given->roster});
  return {
    [=](channel_received& m) { on_stranger_datagrams(self, m); },
    [=](const channel_closed& m) { on_stranger_closed(self, m); },
    [](const channel_narrowed&) {}, // handshakes fit every path
    [=](const channel_opened& m) { on_stranger(self, m); },
    [=](const transport_started& m) { on_transport_started(self, m); },
    [=](const link_up& m) { on_link_up(self, m); },
    [=](const link_changed& m) { on_link_changed(self, m); },
    [=](const link_down& m) { forget_link(self, m.link, m.why); },
    [=](link_joined& m) {
      if (auto found = self->state.links.find(m.link); found != self->state.links.end())
        on_join_succeeded(self, found->second.join, std::move(m.admitted));
    },
    [=](const add_peer& m) { return on_add_peer(self, m); },
    [=](const remove_link& m) { return on_remove(self, m); },
    [=](const get_links&) { return list_links(self); },
    [=](const leave_mesh&) { return on_leave(self); },
    [=](const join_namespace& m) { return join(self, m); },
    [=](const member_seen& m) {
      add_member_place(self, m.node, m.uri);
      dial_due(self);
    },
    [=](const roster_changed& m) { on_roster(self, m); },
    [=](const interfaces_changed&) {
      self->state.plan.interfaces_changed(self->clock().now());
      tell_own_addresses(self);
      dial_due(self);
    },
    [=](const subscribe_addresses& m) { on_subscriber(self, m); },
    [=](const links_tick& m) {
      if (!timer_is_current(self, m)) return;
      continue_joins(self);
      dial_due(self);
    },
  };
}

} // namespace glow
