#include "runtime/identity/sync.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/record_schema.hpp"

#include <algorithm>
#include <unordered_set>

namespace glow::identity {
namespace {

/// Enough of a digest to tell 4096 records apart; a clash costs one record until the next one is added.
std::uint64_t prefix_of(const digest& name) { return read_le<std::uint64_t>(name.data()); }

using prefixes = std::unordered_set<std::uint64_t>;

result<prefixes> read_prefixes(capnp::List<std::uint64_t>::Reader in) {
  if (in.size() > limits::membership_records_max) return error{error_code::malformed, "membership sync: too many prefixes"};
  return prefixes{in.begin(), in.end()};
}

std::vector<membership_record> records_where(const membership_log& log, const prefixes& names, bool listed) {
  std::vector<membership_record> out;
  for (auto& [name, record] : log.records())
    if (names.contains(prefix_of(name)) == listed) out.push_back(record);
  return out;
}

void merge_addresses(namespace_state& ours, const node_id& teller, const std::vector<node_addresses>& addresses,
                     sync_effect& effect) {
  for (auto& [node, uris] : addresses) {
    const bool changed = node == teller ? ours.remember_addresses(node, uris) : ours.remember_hearsay(node, uris);
    effect.addresses_new |= changed;
    effect.first_hand |= changed && node == teller;
  }
}

struct decoded_request {
  digest set;
  prefixes have;
  std::vector<membership_record> pushed;
  std::vector<node_addresses> addresses;
  byte_string certificate;
  bool brief;
  std::uint64_t places;
};

result<decoded_request> read_request(schema::SyncRequest::Reader in) {
  auto set = read_fixed<digest>(in.getSetDigest(), "set digest");
  if (!set) return set.why();
  auto have = read_prefixes(in.getHave());
  if (!have) return have.why();
  auto pushed = read_records(in.getPushed());
  if (!pushed) return pushed.why();
  auto addresses = read_addresses(in.getAddresses());
  if (!addresses) return addresses.why();
  return decoded_request{
    *set,          std::move(*have),    std::move(*pushed), std::move(*addresses), to_bytes(from_data(in.getCertificate())),
    in.getBrief(), in.getPlacesDigest()};
}

struct decoded_response {
  digest set;
  std::vector<membership_record> records;
  prefixes wanted;
  std::vector<node_addresses> addresses;
  bool differs;
};

result<decoded_response> read_response(schema::SyncResponse::Reader in) {
  auto set = read_fixed<digest>(in.getSetDigest(), "set digest");
  if (!set) return set.why();
  auto records = read_records(in.getRecords());
  if (!records) return records.why();
  auto wanted = read_prefixes(in.getWanted());
  if (!wanted) return wanted.why();
  auto addresses = read_addresses(in.getAddresses());
  if (!addresses) return addresses.why();
  return decoded_response{*set, std::move(*records), std::move(*wanted), std::move(*addresses), in.getDiffers()};
}

/// Those that this side tells: of a brief exchange its own only.
std::vector<node_addresses> told_addresses(const namespace_state& ours, bool brief) {
  auto all = ours.known_addresses(true);
  if (brief) std::erase_if(all, [&](auto& each) { return each.first != ours.self(); });
  return all;
}

} // namespace

byte_string make_sync_request(const namespace_state& ours, const node_id& answerer, sync_extent extent) {
  const bool brief = extent == sync_extent::brief;
  capnp::MallocMessageBuilder message;
  auto request = message.initRoot<schema::SyncRequest>();
  request.setSetDigest(as_data(ours.log().set_digest().view()));
  request.setBrief(brief);
  request.setPlacesDigest(ours.places_digest(ours.self(), answerer));
  if (!brief) {
    auto have = request.initHave(static_cast<unsigned>(ours.log().records().size()));
    unsigned i = 0;
    for (auto& [name, record] : ours.log().records()) have.set(i++, prefix_of(name));
  }
  if (auto certificate = ours.make_certificate()) request.setCertificate(as_data(*certificate));
  auto addresses = told_addresses(ours, brief);
  write_addresses(request.initAddresses(static_cast<unsigned>(addresses.size())), addresses);
  return to_bytes(message);
}

result<std::pair<byte_string, sync_effect>> answer_sync(namespace_state& ours, const node_id& asker, byte_view request) {
  auto read = read_message<schema::SyncRequest>(request, read_request);
  if (!read) return read.why();
  sync_effect effect;
  if (!ours.current_roster()->find(asker)) { // perhaps admitted by somebody whom we have not met since
    if (auto checked = ours.log().check_peer(asker, read->certificate); !checked) return checked.why();
    effect.records_new = ours.merge(*records_of_certificate(ours.id(), asker, read->certificate));
  }
  effect.records_new += ours.merge(read->pushed);
  merge_addresses(ours, asker, read->addresses, effect);
  auto set = ours.log().set_digest();
  effect.level = set == read->set;

  capnp::MallocMessageBuilder message;
  auto response = message.initRoot<schema::SyncResponse>();
  response.setSetDigest(as_data(set.view()));
  if (read->brief) response.setDiffers(!effect.level || ours.places_digest(ours.self(), asker) != read->places);
  // a mere push has nothing in `have`; its sender knows our records already
  if (!effect.level && !read->have.empty()) {
    auto lacking = records_where(ours.log(), read->have, false);
    write_records(response.initRecords(static_cast<unsigned>(lacking.size())), lacking);
    auto wanted = read->have;
    for (auto& [name, record] : ours.log().records()) wanted.erase(prefix_of(name));
    auto list = response.initWanted(static_cast<unsigned>(wanted.size()));
    unsigned i = 0;
    for (auto each : wanted) list.set(i++, each);
    effect.level = wanted.empty();
  }
  auto addresses = told_addresses(ours, read->brief);
  write_addresses(response.initAddresses(static_cast<unsigned>(addresses.size())), addresses);
  return std::pair{to_bytes(message), effect};
}

result<std::pair<std::optional<next_sync_request>, sync_effect>> finish_sync(namespace_state& ours, const node_id& answerer,
                                                                             sync_extent asked, byte_view response) {
  auto read = read_message<schema::SyncResponse>(response, read_response);
  if (!read) return read.why();
  sync_effect effect;
  effect.records_new = ours.merge(read->records);
  merge_addresses(ours, answerer, read->addresses, effect);
  effect.level = ours.log().set_digest() == read->set;
  std::optional<next_sync_request> next;
  if (asked == sync_extent::brief && read->differs)
    next = {sync_extent::everything, make_sync_request(ours, answerer, sync_extent::everything)};
  if (asked == sync_extent::everything && !read->wanted.empty()) {
    auto records = records_where(ours.log(), read->wanted, true);
    capnp::MallocMessageBuilder message;
    auto request = message.initRoot<schema::SyncRequest>();
    request.setSetDigest(as_data(ours.log().set_digest().view()));
    write_records(request.initPushed(static_cast<unsigned>(records.size())), records);
    if (auto certificate = ours.make_certificate()) request.setCertificate(as_data(*certificate));
    next = {sync_extent::push, to_bytes(message)};
  }
  return std::pair{std::move(next), effect};
}

// ---- the plan ---------------------------------------------------------------------------------------------------

void sync_plan::set_reachable(const std::vector<node_id>& neighbours, std::vector<node_id> farther, steady_time now) {
  farther_ = std::move(farther);
  if (farther_.empty()) farther_due_.reset();
  if (!farther_.empty() && !farther_due_) farther_due_ = now + limits::sync_farther_first;
  std::map<node_id, peer> kept;
  for (auto& node : neighbours) {
    auto known = peers_.find(node);
    kept[node] = known != peers_.end() ? known->second : peer{now};
  }
  for (auto& [node, state] : peers_) // an exchange under way ends by itself, and is counted until then
    if (state.asked) kept.try_emplace(node, state);
  peers_ = std::move(kept);
}

void sync_plan::knowledge_changed(steady_time now, const std::optional<node_id>& told_by) {
  for (auto& [node, state] : peers_) {
    if (node == told_by) continue;
    state.again = state.asked;
    state.due = std::min(state.due, now);
  }
}

std::vector<node_id> sync_plan::start(steady_time now) {
  std::vector<node_id> out;
  if (farther_due_ && *farther_due_ <= now && asked_ < limits::syncs_at_once_max) {
    farther_due_ = now + limits::sync_pause_idle;
    peers_.try_emplace(farther_[next_farther_++ % farther_.size()], peer{now});
  }
  for (auto& [node, state] : peers_) {
    if (asked_ >= limits::syncs_at_once_max) break;
    if (state.asked || state.due > now) continue;
    state.asked = true;
    ++asked_;
    out.push_back(node);
  }
  return out;
}

void sync_plan::finished(const node_id& node, bool well, steady_time now) {
  auto at = peers_.find(node);
  if (at == peers_.end() || !at->second.asked) return;
  auto& state = at->second;
  state.asked = false;
  --asked_;
  if (std::find(farther_.begin(), farther_.end(), node) != farther_.end()) {
    peers_.erase(at); // its turn comes again
    return;
  }
  if (well) {
    state.failures = 0;
    state.due = state.again ? now : now + limits::sync_pause_idle;
  } else {
    auto pause = limits::sync_retry_first;
    for (std::uint32_t i = 0; i < state.failures && pause < limits::sync_retry_last; ++i) pause *= 2;
    state.failures = std::min(state.failures + 1, 32u);
    state.due = now + std::min(pause, limits::sync_retry_last);
  }
  state.again = false;
}

std::optional<steady_time> sync_plan::wake_at() const {
  if (asked_ >= limits::syncs_at_once_max) return std::nullopt;
  auto out = farther_due_;
  for (auto& [node, state] : peers_)
    if (!state.asked && (!out || state.due < *out)) out = state.due;
  return out;
}

} // namespace glow::identity
