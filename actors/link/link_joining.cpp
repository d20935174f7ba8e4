#include "actors/link/link_spawning.hpp"
#include "runtime/host/log.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/places.hpp"

#include "runtime/identity/ticket.hpp"

#include <algorithm>
#include <array>

namespace glow {
namespace {

constexpr duration transport_patience = 3s; ///< for transports of a node that has just been started

/// The failure that tells most: what an admitting node said, before what a wire said.
error most_telling(const std::vector<error>& failures) {
  static constexpr std::array order = {error_code::already_used, error_code::expired,      error_code::tampered,
                                       error_code::not_found,    error_code::not_a_member, error_code::failed,
                                       error_code::malformed,    error_code::timed_out,    error_code::unreachable};
  auto rank = [](const error& each) { return std::find(order.begin(), order.end(), each.code) - order.begin(); };
  auto best = std::min_element(failures.begin(), failures.end(), [&](auto& a, auto& b) { return rank(a) < rank(b); });
  if (best == failures.end())
    return {error_code::unreachable,
            "the ticket names no place that this node has a transport for; ask for one with a reachable address"};
  auto why = *best;
  if (why.code == error_code::unreachable || why.code == error_code::timed_out)
    why = {error_code::unreachable,
           "the inviting node cannot be reached: " + why.message + "; is it running, and on this network?"};
  return why;
}

/// Every place has failed, or there is none.
void end_join(links_self self, std::uint64_t join_id) {
  auto ended = self->state.joins.extract(join_id);
  ended.mapped().promise.deliver(to_caf(most_telling(ended.mapped().failures)));
}

void join_over(links_self self, std::uint64_t join_id, const identity::ticket& ticket, caf::actor_id transport,
               const channel_opened& opened) {
  auto& state = self->state;
  if (!state.joins.contains(join_id)) { // another place was faster
    self->send(state.transports.at(transport).actor, close_channel{opened.channel});
    return;
  }
  if (auto linked = state.link_of_channel.find({transport, opened.channel}); linked != state.link_of_channel.end()) {
    // the node that we ask may have knocked a moment before: it knows another node at this address
    auto& in_the_way = state.links.at(linked->second);
    auto& attempt = state.joins.at(join_id);
    if (in_the_way.up || in_the_way.join != 0 || self->clock().now() >= attempt.wait_until)
      return on_join_failed(self, join_id, {error_code::failed, "a link to " + to_string(opened.remote) + " is in the way"});
    --attempt.in_flight;
    attempt.waiting.push_back(opened.remote); // forget_link goes on
    return self->send(in_the_way.actor, close_link{"this node joins a namespace over that channel"});
  }
  new_link wanted;
  wanted.transport = transport;
  wanted.channel = opened;
  wanted.expected = ticket.inviter;
  wanted.join = join_id;
  wanted.ticket = link::join_ticket{ticket.id(), {}};
  std::copy(ticket.secret.value.begin(), ticket.secret.value.end(), wanted.ticket->secret.data());
  wanted.joining_space = ticket.space;
  if (open_link(self, std::move(wanted)) == 0) on_join_failed(self, join_id, {error_code::exhausted, "too many links"});
}

} // namespace

caf::result<admission> join(links_self self, const join_namespace& wanted) {
  auto& state = self->state;
  auto ticket = identity::parse_ticket(wanted.ticket);
  if (!ticket) return to_caf(ticket.why());
  if (auto valid = identity::check_expiry(*ticket, state.given->world.wall_now()); !valid) return to_caf(valid.why());
  if (state.joins.size() >= limits::joins_max)
    return to_caf({error_code::exhausted, "other tickets are being redeemed; wait for them"});
  if (!wanted.node_name.empty()) state.given->node_name = wanted.node_name;
  auto id = ++state.last_join;
  auto promise = self->make_response_promise<admission>();
  auto& attempt = state.joins[id];
  attempt.promise = promise;
  attempt.waiting = ticket->addresses;
  std::erase_if(attempt.waiting, [](auto& each) { return !link::is_shareable(each); });
  attempt.ticket = std::move(*ticket);
  attempt.wait_until = self->clock().now() + transport_patience;
  continue_joins(self);
  dial_due(self); // sets the timer that ends the wait
  return promise;
}

void continue_joins(links_self self) {
  auto& state = self->state;
  auto now = self->clock().now();
  std::vector<std::uint64_t> over;
  for (auto& [id, attempt] : state.joins) {
    for (auto& uri : std::exchange(attempt.waiting, {})) {
      auto* transport = state.transport_for(uri.scheme);
      if (transport == nullptr) {
        // a node that has just been started gets its transports after links
        if (now < attempt.wait_until) attempt.waiting.push_back(uri);
        continue;
      }
      ++attempt.in_flight;
      self->request(transport->actor, limits::connect_timeout + 1s, connect_channel{uri})
        .then(
          [=, join_id = id, t = transport->actor.id(), ticket = attempt.ticket](const channel_opened& opened) {
            if (self->state.transports.contains(t))
              join_over(self, join_id, ticket, t, opened);
            else
              on_join_failed(self, join_id, {error_code::unreachable, "the transport stopped"});
          },
          [=, join_id = id](const caf::error& why) { on_join_failed(self, join_id, from_caf(why)); });
    }
    if (attempt.is_over()) over.push_back(id);
  }
  for (auto id : over) end_join(self, id);
}

std::optional<steady_time> next_join_deadline(const links_state& state) {
  std::optional<steady_time> next;
  for (auto& [id, each] : state.joins)
    if (!each.waiting.empty() && (!next || each.wait_until < *next)) next = each.wait_until;
  return next;
}

void on_join_succeeded(links_self self, std::uint64_t join_id, admission admitted) {
  auto& state = self->state;
  auto found = state.joins.find(join_id);
  if (found == state.joins.end()) return;
  found->second.promise.deliver(std::move(admitted));
  state.joins.erase(found);
  for (auto& [id, each] : state.links)
    if (each.join == join_id) self->send(each.actor, close_link{"joined over another channel"});
}

void on_join_failed(links_self self, std::uint64_t join_id, const error& why) {
  auto found = self->state.joins.find(join_id);
  if (found == self->state.joins.end()) return;
  host::log(host::level::info, "links", "joining failed at one place: " + why.message);
  found->second.failures.push_back(why);
  --found->second.in_flight;
  if (found->second.is_over()) end_join(self, join_id);
}

} // namespace glow
