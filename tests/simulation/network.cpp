#include "tests/simulation/network.hpp"

#include <algorithm>

namespace glow::simulation {
namespace {

constexpr duration reordering_delay_max = 50ms;
/// A lost segment of a reliable medium comes this much later (TCP's least retransmission timeout, RFC 6298).
constexpr duration retransmission_delay = 200ms;
/// What a byte-stream medium holds back while its cable is cut, before it gives the segment up.
constexpr duration blocked_retry = 500ms;

} // namespace

std::size_t network::lay(machine_number a, machine_number b, medium_profile profile) {
  auto number = cables_.size();
  index_[{std::min(a, b), std::max(a, b), profile.scheme}] = number;
  cables_.push_back({std::min(a, b), std::max(a, b), std::move(profile), {}, {}, {}});
  return number;
}

network::laid_cable* network::find(machine_number from, machine_number to, const std::string& scheme, int& from_end) {
  auto found = index_.find({std::min(from, to), std::max(from, to), scheme});
  if (found == index_.end()) return nullptr;
  from_end = from < to ? 0 : 1;
  return &cables_[found->second];
}

const medium_profile* network::profile_between(machine_number a, machine_number b, const std::string& scheme) const {
  auto found = index_.find({std::min(a, b), std::max(a, b), scheme});
  return found == index_.end() ? nullptr : &cables_[found->second].profile;
}

void network::cut(std::size_t cable, int from_end, bool on) { cables_[cable].cut[from_end] = on; }

void network::break_carrier(std::size_t cable) {
  cut_both(cable, true);
  for (int end : {0, 1})
    if (auto found = receivers_.find({end_of(cable, end), profile_of(cable).scheme}); found != receivers_.end())
      found->second->on_carrier_lost(end_of(cable, 1 - end));
}

void network::switch_off(machine_number machine, bool off) {
  if (off)
    off_.insert(machine);
  else
    off_.erase(machine);
}

network::nat_state* network::nat_of(machine_number machine, const laid_cable& cable) {
  auto found = cable.profile.on_link ? nats_.end() : nats_.find(machine);
  return found == nats_.end() ? nullptr : &found->second;
}

void network::leave_nat(nat_state& nat, machine_number to, frame& what) {
  const bool symmetric = nat.box.what == nat_box::kind::symmetric;
  std::erase_if(nat.mappings, [&](auto& each) { return each.until <= engine_.now(); });
  auto mapping = std::find_if(nat.mappings.begin(), nat.mappings.end(), [&](auto& each) { return !symmetric || each.to == to; });
  if (mapping == nat.mappings.end()) mapping = nat.mappings.insert(mapping, nat_mapping{to, ++nat.last_port, {}, {}});
  mapping->until = engine_.now() + nat.box.mapping_life;
  mapping->written_to.emplace(to, what.to_port);
  what.from_port = mapping->port;
}

bool network::enter_nat(nat_state& nat, machine_number from, frame& what) {
  auto mapping = std::find_if(nat.mappings.begin(), nat.mappings.end(), [&](auto& each) { return each.port == what.to_port; });
  if (mapping == nat.mappings.end() || mapping->until <= engine_.now()) return false;
  if (nat.box.what != nat_box::kind::endpoint_independent && !mapping->written_to.contains({from, what.from_port})) return false;
  what.to_port = listening_port;
  return true;
}

void network::attach(machine_number at, const std::string& scheme, frame_receiver* receiver) {
  receivers_[{at, scheme}] = receiver;
}

void network::detach(machine_number at, const std::string& scheme, const frame_receiver* receiver) {
  auto found = receivers_.find({at, scheme});
  if (found != receivers_.end() && found->second == receiver) receivers_.erase(found);
}

void network::send(machine_number from, machine_number to, const std::string& scheme, frame what) {
  int end = 0;
  auto* wire = find(from, to, scheme, end);
  if (wire == nullptr || off_.contains(from)) return;
  if (tap_) tap_(static_cast<std::size_t>(wire - cables_.data()), end, what);
  if (auto* nat = nat_of(from, *wire); nat && !wire->profile.reliable) leave_nat(*nat, to, what);
  auto& medium = wire->profile;
  auto now = engine_.now();
  auto bytes = what.bytes.size() + 28; // an IPv4 and a UDP header, or as much
  auto& free = wire->wire_free[end];
  free = std::max(free, now);
  auto backlog = static_cast<double>((free - now).count()) * 1e-9 * static_cast<double>(medium.rate_bps) / 8;
  bytes_carried_ += bytes;
  if (!medium.reliable && backlog > static_cast<double>(medium.queue_bytes)) return;
  free += duration{static_cast<std::int64_t>(static_cast<double>(bytes) * 8e9 / static_cast<double>(medium.rate_bps))};
  auto when = free + medium.latency;
  if (medium.jitter > 0ns)
    when += duration{static_cast<std::int64_t>(random_.next_below(static_cast<std::uint64_t>(medium.jitter.count())))};
  bool lost = random_.next_unit() < medium.loss + faults_.extra_loss;
  if (medium.reliable) {
    if (lost) when += retransmission_delay;
    when = std::max(when, wire->last_arrival[end]);
    wire->last_arrival[end] = when;
    return schedule(when, from, to, scheme, std::move(what));
  }
  if (lost || wire->cut[end]) return;
  if (random_.next_unit() < faults_.reordering)
    when += duration{static_cast<std::int64_t>(random_.next_below(reordering_delay_max.count()))};
  if (random_.next_unit() < faults_.duplication) schedule(when + medium.latency, from, to, scheme, what);
  if (!what.bytes.empty() && random_.next_unit() < faults_.corruption) {
    auto bit = random_.next_below(what.bytes.size() * 8);
    what.bytes[bit / 8] = static_cast<std::uint8_t>(what.bytes[bit / 8] ^ (1u << (bit % 8)));
  }
  schedule(when, from, to, scheme, std::move(what));
}

void network::schedule(steady_time when, machine_number from, machine_number to, const std::string& scheme, frame what) {
  engine_.at(when, [this, from, to, scheme, held = std::make_shared<frame>(std::move(what))] {
    arrive(from, to, scheme, std::move(*held));
  });
}

void network::arrive(machine_number from, machine_number to, const std::string& scheme, frame what) {
  int end = 0;
  auto* wire = find(from, to, scheme, end);
  if (wire->cut[end] || off_.contains(to)) {
    if (!wire->profile.reliable) return;
    // the kernel repeats it until the cable is back, in order
    auto when = std::max(engine_.now() + blocked_retry, wire->last_arrival[end]);
    wire->last_arrival[end] = when;
    return schedule(when, from, to, scheme, std::move(what));
  }
  if (auto* nat = nat_of(to, *wire)) {
    if (wire->profile.reliable ? what.what == frame::kind::open : !enter_nat(*nat, from, what)) return;
  }
  auto found = receivers_.find({to, scheme});
  engine_.hash().add((static_cast<std::uint64_t>(from) << 32) | to);
  engine_.hash().add(what.bytes.size());
  if (found != receivers_.end()) return found->second->on_frame(from, std::move(what));
  // nobody listens there: a byte stream is told so, as by a reset; datagrams vanish, as behind a firewall
  if (wire->profile.reliable && what.what != frame::kind::refuse && what.what != frame::kind::close)
    send(to, from, scheme, {.what = frame::kind::refuse, .connection = what.connection, .bytes = {}});
}

} // namespace glow::simulation
