/// The store's front keeping commits in step with the other members: whoever learns of one tells whoever lacks it.
///
///   me: my vector, what you lack ─►            ◄─ you: your vector, what I lack          until neither lacks anything
///
/// A peer's commits are applied once the trees they name are here, so that the view is never without its nodes, however
/// soon the peer goes away again. Chunks are fetched when somebody reads them.
#include "actors/store/changes.hpp"
#include "actors/store/store_state.hpp"
#include "actors/store/sync_messages.hpp"
#include "actors/store/tree_nodes.hpp"
#include "runtime/host/log.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

namespace {

using store::contains;
using store::join_into;

void take_page(store_self self);

/// The peer's word of what it holds. False: something that one of us said before did not arrive, or was forgotten.
bool note_vector(peer_commits& peer, const heads_message& message) {
  if (message.whole) peer.holds.clear();
  join_into(peer.holds, message.vector);
  if (message.asks_whole) peer.said.clear();
  peer.doubtful = !message.whole && store::digest_of(peer.holds) != message.digest;
  return !peer.doubtful && !message.asks_whole;
}

/// Commits that we may lack.
void take_commits(store_self self, const node_id& from, const heads_message& message) {
  auto& state = self->state;
  commit_page page{from, {}};
  for (auto& each : message.commits) {
    auto commit = store::verify_commit(each);
    if (!commit.ok()) {
      host::log(host::level::warning, "glow.store",
                name_of(state, from) + " sent a commit that is refused: " + commit.why().message);
      continue;
    }
    auto known = state.objects->get_commit(commit->id);
    if (known.ok() && !known->has_value()) page.commits.push_back(std::move(*commit));
  }
  if (page.commits.empty()) return;
  if (state.pages.size() >= limits::commit_pages_max) return tick_within(self, state.retry_pause);
  state.pages.push_back(std::move(page));
  take_page(self);
}

/// Nodes that the newest commits of a page need and that are not here.
result<store::missing> missing_trees(store_state& state, const commit_page& page) {
  tree_nodes nodes{state.objects->chunks()};
  store::missing out;
  std::set<store::object_address> named;
  auto view = state.objects->view();
  auto known = is_here(view) ? std::get<0>(*view) : store::object_address{};
  auto have = [&](const store::object_address& each) { return state.objects->has_object(each); };
  auto no_lists = [](const store::object_address&) -> result<std::optional<std::vector<store::chunk_ref>>> {
    return std::optional<std::vector<store::chunk_ref>>{};
  };
  auto count = std::min(page.commits.size(), limits::eager_commits_max);
  for (auto each = page.commits.end() - static_cast<std::ptrdiff_t>(count); each != page.commits.end(); ++each) {
    auto absent = store::missing_objects(nodes, known, each->what.root, have, no_lists, false);
    if (!absent.ok()) return absent.why();
    for (auto& address : absent->addresses)
      if (out.addresses.size() < limits::missing_objects_max && named.insert(address).second) out.addresses.push_back(address);
  }
  return out;
}

void end_page(store_self self) {
  auto& state = self->state;
  state.page_under_way = false;
  if (!state.pages.empty()) take_page(self);
}

void apply_page(store_self self, const commit_page& page) {
  auto& state = self->state;
  // The peer is a member, and vouches for what is in its history: devices that were expelled since stay authors of what
  // they wrote before.
  auto vouched = [](const node_id&) { return true; };
  bool applied = false;
  for (auto& each : page.commits) {
    auto outcome = state.objects->apply_remote_commit(each.bytes, vouched);
    if (!outcome.ok()) {
      host::log(host::level::warning, "glow.store",
                "a commit from " + name_of(state, page.from) + " is refused: " + outcome.why().message);
      continue;
    }
    applied = applied || outcome->what == store::remote_commit_outcome::status::applied;
    if (outcome->forked_from)
      host::log(host::level::warning, "glow.store",
                name_of(state, each.what.device)
                  + " made two commits of the same number: was its database copied or restored? Both are kept");
  }
  ++state.writes;
  if (applied) state.retry_pause = limits::sync_retry_pause;
  if (applied)
    announce_commits(self);
  else
    tick_within(self, state.retry_pause);
}

/// One page at a time: fetch its trees, then apply it.
void take_page(store_self self) {
  auto& state = self->state;
  if (state.page_under_way) return;
  state.page_under_way = true;
  auto page = std::make_shared<commit_page>(std::move(state.pages.front()));
  state.pages.pop_front();
  question asked;
  asked.what = "commits of " + name_of(state, page->from);
  asked.timeout = limits::metadata_timeout;
  asked.holders = {page->from};
  asked.attempt = [self, page]() -> std::optional<store::missing> {
    auto absent = missing_trees(self->state, *page);
    if (absent.ok() && !absent->addresses.empty()) return std::move(*absent);
    if (absent.ok())
      apply_page(self, *page);
    else
      host::log(host::level::warning, "glow.store",
                "commits of " + name_of(self->state, page->from) + ": " + absent.why().message);
    end_page(self);
    return std::nullopt;
  };
  asked.fail = [self](const error& why) {
    host::log(host::level::info, "glow.store", why.message);
    tick_within(self, self->state.retry_pause);
    end_page(self);
  };
  ask(self, std::move(asked));
}

/// Of the vector only what the peer does not know yet. `with_commits`: those that it lacks, too.
heads_message own_heads(store_state& state, peer_commits& peer, bool with_commits) {
  heads_message out;
  auto& mine = state.objects->vector();
  out.whole = peer.said.empty();
  out.vector = store::beyond(mine, peer.said);
  out.digest = store::digest_of(mine);
  out.known = store::digest_of(peer.holds);
  out.asks_whole = peer.doubtful;
  peer.said_before = std::exchange(peer.said, mine);
  if (!with_commits) return out;
  auto commits = state.objects->commits_beyond(peer.offered, limits::heads_bytes_max);
  if (commits.ok()) out.commits = std::move(*commits);
  return out;
}

/// What the peer holds after it has taken these commits.
void offer(peer_commits& to, const std::vector<byte_string>& commits) {
  for (auto& each : commits)
    if (auto commit = store::decode_commit(each); commit.ok())
      join_into(to.offered, {{commit->what.device, commit->what.sequence}});
}

bool lacks_ours(store_state& state, const peer_commits& peer) {
  auto its = peer.offered;
  join_into(its, peer.holds);
  return !contains(its, state.objects->vector());
}

/// One of us is not known to have what the other has.
bool differs(store_state& state, const node_id& node) {
  auto& peer = state.peers[node];
  return !peer.known || lacks_ours(state, peer) || !contains(state.objects->vector(), peer.holds);
}

void exchange(store_self self, const node_id& with) {
  auto& state = self->state;
  auto& peer = state.peers[with];
  if (peer.exchanging) {
    peer.again = true;
    return;
  }
  peer.exchanging = true;
  peer.again = false;
  join_into(peer.offered, peer.holds);
  auto mine = own_heads(state, peer, peer.known && !peer.doubtful); // else only ask: it may have all of them
  offer(peer, mine.commits);
  bool said_something = !peer.known || !mine.commits.empty();
  send_request wanted{with, request_method::store_heads, encode_heads(mine), limits::fetch_request_timeout,
                      traffic_class::interactive};
  self->request(state.given->endpoint, limits::fetch_request_timeout + 5s, std::move(wanted))
    .then(
      [self, with, said_something, said_whole = mine.whole](const response& answer) {
        auto& its = self->state.peers[with];
        its.exchanging = false;
        its.known = true;
        auto heads = decode_heads(answer.body);
        if (!heads.ok()) return;
        (void)note_vector(its, *heads);
        const bool misses = its.doubtful || (heads->asks_whole && !said_whole); // the whole settles it, right or wrong
        take_commits(self, with, *heads);
        // more to send; what there is to get is applied first, and announces itself
        if (its.again || misses || (said_something && lacks_ours(self->state, its)))
          exchange(self, with);
        else if (self->state.neighbours.contains(with) && differs(self->state, with))
          tick_within(self, self->state.retry_pause);
      },
      [self, with](const caf::error&) {
        auto& its = self->state.peers[with];
        its.exchanging = false;
        its.offered.clear();
        its.said.clear();
        if (self->state.neighbours.contains(with)) tick_within(self, self->state.retry_pause);
      });
}

} // namespace

/// Members beyond the neighbours are asked one at a time, in turn: that heals what neighbours did not pass on (because they
/// are guests, or have a full disk), and costs the same however large the mesh is.
void arm_farther(store_self self) {
  auto& state = self->state;
  auto now = self->clock().now();
  if (state.reachable.size() == state.neighbours.size()) {
    state.farther_due = steady_time::max();
    return;
  }
  if (state.farther_due == steady_time::max()) state.farther_due = now + limits::farther_exchange_first;
  tick_within(self, std::max<duration>(state.farther_due - now, 0ns));
}

void ask_farther(store_self self) {
  auto& state = self->state;
  auto now = self->clock().now();
  if (state.farther_due <= now) {
    auto next = state.last_farther ? state.reachable.upper_bound(*state.last_farther) : state.reachable.begin();
    for (std::size_t looked = 0; looked <= state.reachable.size(); ++looked, ++next) {
      if (next == state.reachable.end()) next = state.reachable.begin();
      if (state.neighbours.contains(*next)) continue;
      state.last_farther = *next;
      exchange(self, *next);
      break;
    }
    state.farther_due = now + limits::farther_exchange_pause;
  }
  arm_farther(self);
}

void announce_commits(store_self self) {
  for (auto& each : self->state.neighbours)
    if (differs(self->state, each)) exchange(self, each);
}

void take_routes(store_self self, const std::shared_ptr<const std::vector<route_info>>& routes) {
  auto& state = self->state;
  if (routes) state.routes = routes;
  if (!state.routes) return;
  std::map<node_id, store::fetch_source> nearest;
  std::set<node_id> told_at_once;
  for (auto& each : *state.routes) {
    if (!each.feasible || each.destination == state.given->roster->self) continue;
    auto* member = state.given->roster->find(each.destination);
    if (!member || member->as == identity::role::guest) continue;
    // a neighbour passes news on, unless it is a guest, who has no part in the store
    auto* next = state.given->roster->find(each.next);
    const bool direct = each.hops == 1 && each.traffic == traffic_class::interactive; // the way that heads take
    if (direct || !next || next->as == identity::role::guest) told_at_once.insert(each.destination);
    auto [place, fresh] = nearest.try_emplace(each.destination, store::fetch_source{each.destination, each.hops, each.metric});
    if (!fresh && std::tie(each.hops, each.metric) < std::tie(place->second.hops, place->second.metric))
      place->second = {each.destination, each.hops, each.metric};
  }
  std::set<node_id> before = std::move(state.neighbours);
  state.neighbours = std::move(told_at_once);
  state.reachable.clear();
  std::vector<store::fetch_source> sources;
  for (auto& [node, source] : nearest) {
    state.reachable.insert(node);
    sources.push_back(source);
  }
  perform(self, state.wants.on_sources(std::move(sources), self->clock().now()));
  arm_farther(self);
  for (auto& each : state.neighbours) {
    if (before.contains(each)) continue;
    state.peers[each].offered.clear(); // it may have lost what was on its way
    state.retry_pause = limits::sync_retry_pause;
    exchange(self, each);
  }
}

void retry_exchanges(store_self self) {
  auto& state = self->state;
  bool differ = false;
  ask_farther(self);
  for (auto& each : state.neighbours) {
    if (!differs(state, each)) continue;
    differ = true;
    if (!state.peers[each].exchanging && !state.page_under_way) exchange(self, each);
  }
  if (!differ) return;
  state.retry_pause = std::min(state.retry_pause * 2, limits::sync_retry_pause_max);
  tick_within(self, state.retry_pause);
}

result<byte_string> answer_heads(store_self self, const node_id& from, byte_view request) {
  auto& state = self->state;
  auto heads = decode_heads(request);
  if (!heads.ok()) return heads.why();
  auto& peer = state.peers[from];
  peer.known = true;
  const bool agreed = note_vector(peer, *heads);
  // its question may have crossed one of ours
  if (heads->known != store::digest_of(peer.said)) peer.said = peer.said_before;
  if (heads->known != store::digest_of(peer.said)) peer.said.clear();
  peer.offered = peer.holds; // its word of this moment
  auto mine = own_heads(state, peer, agreed);
  offer(peer, mine.commits);
  take_commits(self, from, *heads);
  return encode_heads(mine);
}

} // namespace glow
