/// The store's front fetching objects from peers and serving them. Decisions: store::want_list.
#include "actors/store/store_state.hpp"
#include "actors/store/sync_messages.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/host/log.hpp"
#include "runtime/store/limits.hpp"

namespace glow {

namespace {

constexpr duration fetch_tick = 100ms;

std::string join_names(const store_state& state, const std::set<node_id>& nodes) {
  std::string out;
  for (auto& each : nodes) out += (out.empty() ? "" : ", ") + name_of(state, each);
  return out;
}

/// One clear line about objects that did not come: how many, where they are, what to do.
error describe_failure(const store_state& state, const fetch_objects& asked, const store::want_failed& failed) {
  std::set<node_id> holders = asked.holders;
  holders.erase(state.given->roster->self);
  if (holders.empty())
    for (auto& each : state.given->roster->members)
      if (each.id != state.given->roster->self) holders.insert(each.id);
  std::set<node_id> away;
  for (auto& each : holders)
    if (!state.reachable.contains(each)) away.insert(each);
  auto rest = asked.missing_total ? asked.missing_total - (asked.addresses.size() - failed.missing) : failed.missing;
  auto count = asked.objects_total ? std::to_string(rest) + " of " + std::to_string(asked.objects_total) : std::to_string(rest);
  auto begin = asked.what + ": " + count + (rest == 1 && !asked.objects_total ? " object" : " objects");
  if (holders.empty()) return {error_code::unreachable, begin + " are missing here, and this namespace has no other node"};
  if (!away.empty() && failed.unreachable)
    return {error_code::unreachable, begin + (rest == 1 ? " is on " : " are on ") + join_names(state, away) + ", which "
                                       + (away.size() == 1 ? "is" : "are") + " not reachable (no route); start "
                                       + (away.size() == 1 ? "it" : "one of them") + " or try again later"};
  auto said = failed.last_failure.empty() ? "" : " (" + failed.last_failure + ")";
  if (failed.unreachable)
    return {error_code::unreachable, begin + " could be had from none of " + join_names(state, holders) + said
                                       + "; start the node that put them or try again later"};
  return {error_code::timed_out, begin + " did not come in time" + said + "; try again later"};
}

/// Verifies and stores what a peer sent. Whatever does not verify makes it a liar about all it did not deliver.
store::fetch_verdict take_objects(store_state& state, const std::vector<store::object_address>& asked,
                                  const fetched_message& answer, error& disk_trouble) {
  store::fetch_verdict verdict;
  verdict.absent = answer.absent;
  std::set<store::object_address> open{asked.begin(), asked.end()};
  for (auto& each : answer.absent) open.erase(each);
  bool lied = false;
  for (auto& sealed : answer.objects) {
    auto address = store::address_of(sealed);
    if (!open.contains(address)) {
      lied = true;
      continue;
    }
    auto put = state.objects->put_object(address, sealed);
    if (put.ok()) {
      open.erase(address);
      verdict.arrived.push_back(address);
    } else if (put.why().code == error_code::tampered || put.why().code == error_code::malformed) {
      lied = true;
    } else {
      disk_trouble = put.why();
      return verdict;
    }
  }
  if (lied) verdict.tampered.assign(open.begin(), open.end());
  return verdict;
}

void fail_all_fetches(store_self self, const error& why) {
  auto fetches = std::move(self->state.fetches);
  self->state.fetches.clear();
  for (auto& [number, each] : fetches) self->state.wants.cancel(number);
  for (auto& [number, each] : fetches) each.failed({why.code, each.asked.what + ": " + why.message});
}

void take_answer(store_self self, const store::ask_peer& asked, byte_view body) {
  auto& state = self->state;
  auto now = self->clock().now();
  auto answer = decode_fetched(body);
  if (!answer.ok()) {
    store::fetch_verdict lie;
    lie.tampered = asked.addresses;
    return perform(self, state.wants.on_answer(asked.request, lie, now));
  }
  ++state.writes;
  error disk_trouble{error_code::none, {}};
  auto verdict = take_objects(state, asked.addresses, *answer, disk_trouble);
  perform(self, state.wants.on_answer(asked.request, verdict, now));
  // peers are not to blame for a full disk, and asking others would not help
  if (disk_trouble.code != error_code::none) fail_all_fetches(self, disk_trouble);
}

void send_fetch(store_self self, store::ask_peer&& ask) {
  send_request wanted{ask.to, request_method::store_fetch, encode_fetch(ask.addresses), limits::fetch_request_timeout,
                      ask.metadata ? traffic_class::interactive : traffic_class::bulk};
  auto request = ask.request;
  // the endpoint keeps the deadline; the pause on top is for its own answer
  self->request(self->state.given->endpoint, limits::fetch_request_timeout + 5s, std::move(wanted))
    .then([self, ask = std::move(ask)](const response& answer) { take_answer(self, ask, answer.body); },
          [self, request](const caf::error& why) {
            perform(self, self->state.wants.on_failure(request, from_caf(why).message, self->clock().now()));
          });
}

/// Its owner should know that a disk forgets.
void tell_damaged(store_state& state, const store::object_address& address) {
  if (auto damaged = state.objects->chunks().is_damaged(address); damaged.ok() && *damaged)
    host::log(host::level::warning, "glow.store",
              "object " + to_short_string(address)
                + " was damaged on this disk and is fetched from another node; check the disk if this comes again");
}

} // namespace

void perform(store_self self, store::want_effects&& todo) {
  auto& state = self->state;
  for (auto& each : todo)
    std::visit(overloaded{
                 [&](store::ask_peer& e) { send_fetch(self, std::move(e)); },
                 [&](store::want_progressed& e) {
                   auto found = state.fetches.find(e.want);
                   if (found == state.fetches.end() || !found->second.asked.watcher) return;
                   self->send(found->second.asked.watcher, fetch_progressed{e.missing});
                 },
                 [&](store::want_fulfilled& e) {
                   auto node = state.fetches.extract(e.want);
                   if (!node.empty()) node.mapped().here();
                 },
                 [&](store::want_failed& e) {
                   auto node = state.fetches.extract(e.want);
                   if (!node.empty()) node.mapped().failed(describe_failure(state, node.mapped().asked, e));
                 },
               },
               each);
  if (!state.wants.idle()) tick_within(self, fetch_tick);
}

void fetch(store_self self, fetch_objects wanted, std::function<void()> here, std::function<void(const error&)> failed) {
  auto& state = self->state;
  std::vector<store::wanted_object> objects;
  for (std::size_t i = 0; i < wanted.addresses.size(); ++i) {
    objects.push_back({wanted.addresses[i], i < wanted.sizes.size() ? wanted.sizes[i] : 0});
    tell_damaged(state, wanted.addresses[i]);
  }
  std::optional<node_id> holder;
  for (auto& each : wanted.holders)
    if (each != state.given->roster->self && (!holder || state.reachable.contains(each))) holder = each;
  auto number = ++state.last_fetch;
  auto timeout = wanted.timeout;
  auto metadata = wanted.metadata;
  state.fetches.emplace(number, fetch_under_way{std::move(wanted), std::move(here), std::move(failed)});
  perform(self, state.wants.on_want(number, objects, holder, timeout, self->clock().now(), metadata));
}

void ask(store_self self, question asked) {
  auto& state = self->state;
  auto lacks = asked.attempt();
  if (!lacks) return;
  if (state.questions >= limits::store_questions_max)
    return asked.fail({error_code::exhausted, asked.what + ": too many commands wait for other nodes already; try again later"});
  ++state.questions;
  fetch_objects wanted;
  wanted.what = asked.what;
  wanted.addresses = std::move(lacks->addresses);
  wanted.holders = asked.holders;
  if (lacks->holder) wanted.holders = {*lacks->holder};
  wanted.timeout = asked.timeout;
  wanted.metadata = !lacks->content;
  auto kept = std::make_shared<question>(std::move(asked));
  fetch(
    self, std::move(wanted),
    [self, kept] {
      --self->state.questions;
      ask(self, *kept);
    },
    [self, kept](const error& why) {
      --self->state.questions;
      kept->fail(why);
    });
}

result<byte_string> answer_fetch(store_self self, byte_view request) {
  auto asked = decode_fetch(request);
  if (!asked.ok()) return asked.why();
  fetched_message answer;
  std::size_t bytes = 0;
  for (auto& each : *asked) {
    auto sealed = self->state.objects->get_object(each);
    if (!sealed.ok()) return sealed.why();
    if (!sealed->has_value()) {
      answer.absent.push_back(each);
      continue;
    }
    bytes += (*sealed)->size();
    if (!answer.objects.empty() && bytes > limits::fetch_answer_bytes_max) break;
    answer.objects.push_back(std::move(**sealed));
  }
  return encode_fetched(answer);
}

} // namespace glow
