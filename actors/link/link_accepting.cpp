#include "actors/link/link_spawning.hpp"
#include "runtime/link/limits.hpp"

#include "runtime/base/overloaded.hpp"

namespace glow {
namespace {

/// The transport that the message at hand came from, if it is one of ours.
const transport_entry* sender_transport(links_self self) {
  auto& sender = self->current_sender();
  if (!sender) return nullptr;
  auto found = self->state.transports.find(sender->id());
  return found == self->state.transports.end() ? nullptr : &found->second;
}

std::size_t pending_responders(const links_state& state) {
  return static_cast<std::size_t>(
    std::count_if(state.links.begin(), state.links.end(), [](auto& each) { return !each.second.up && !each.second.initiated; }));
}

} // namespace

void on_stranger(links_self self, const channel_opened& opened) {
  auto& sender = self->current_sender();
  if (!sender || self->state.leaving) return; // the peers that were told goodbye knock again at once
  auto& strangers = self->state.strangers;
  // transports bound their strangers; this holds even when closes are still on their way
  if (strangers.size() >= limits::strangers_max) strangers.erase(strangers.begin());
  strangers[{sender->id(), opened.channel}] = opened;
}

void on_stranger_datagrams(links_self self, channel_received& received) {
  auto& state = self->state;
  auto* transport = sender_transport(self);
  if (transport == nullptr) return;
  node_channel key{transport->actor.id(), received.channel};
  if (auto linked = state.link_of_channel.find(key); linked != state.link_of_channel.end()) {
    // sent before the link's claim reached the transport
    if (auto owner = state.links.find(linked->second); owner != state.links.end())
      self->send(owner->second.actor, channel_received{received.channel, std::move(received.datagrams), received.run_bytes});
    return;
  }
  auto stranger = state.strangers.find(key);
  if (stranger == state.strangers.end()) return;
  auto opened = stranger->second;
  // while we join, what knocks may be the very node that we ask to admit us: its remote is the channel of that attempt, too
  if (!opened.traits.reliable && !state.joins.empty()) return;
  if (state.certificate.empty())
    return self->send(transport->actor, close_channel{opened.channel}); // we could not prove who we are
  auto remote = to_string(opened.remote);
  auto known = [&](std::uint32_t index) { return state.links.contains(index); };
  auto datagrams = received.datagrams.take();
  std::map<link_id, std::vector<byte_string>> for_others;
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    auto verdict =
      state.gate.judge(datagrams[i], remote, pending_responders(state), known, self->clock().now(), state.given->world.random());
    if (std::holds_alternative<link::accept>(verdict)) {
      datagrams.erase(datagrams.begin(), datagrams.begin() + static_cast<std::ptrdiff_t>(i));
      new_link wanted;
      wanted.transport = key.first;
      wanted.channel = opened;
      wanted.as = link::role::responder;
      wanted.first = packet_batch{std::move(datagrams)};
      open_link(self, std::move(wanted));
      break;
    }
    if (auto* roamed = std::get_if<link::roamed>(&verdict)) for_others[roamed->index].push_back(std::move(datagrams[i]));
    if (auto* cookie = std::get_if<link::answer_cookie>(&verdict))
      self->send(transport->actor, send_on_channel{opened.channel, packet_batch::of(std::move(cookie->datagram))});
    if (std::holds_alternative<link::ignore>(verdict) && opened.traits.reliable) {
      // on a byte channel nobody but a stranger or a mistaken program sends that; its descriptor is worth more
      self->send(transport->actor, close_channel{opened.channel});
      state.strangers.erase(key);
      break;
    }
  }
  for (auto& [id, roamed] : for_others)
    self->send(state.links.at(id).actor, roamed_datagrams{opened.channel, opened.remote, packet_batch{std::move(roamed)}});
}

void on_stranger_closed(links_self self, const channel_closed& closed) {
  auto& sender = self->current_sender();
  if (!sender) return;
  node_channel key{sender->id(), closed.channel};
  auto& state = self->state;
  state.strangers.erase(key);
  auto linked = state.link_of_channel.find(key);
  if (linked == state.link_of_channel.end()) return;
  if (auto owner = state.links.find(linked->second); owner != state.links.end()) self->send(owner->second.actor, closed);
}

void follow_roaming(links_self self, link_id id, const channel_uri& now_at) {
  auto& state = self->state;
  auto& entry = state.links.at(id);
  for (auto it = state.strangers.begin(); it != state.strangers.end(); ++it) {
    if (it->first.first != entry.channel.first || it->second.remote != now_at) continue;
    state.link_of_channel.erase(entry.channel);
    entry.channel = it->first;
    state.link_of_channel[entry.channel] = id;
    state.strangers.erase(it);
    return;
  }
}

} // namespace glow
