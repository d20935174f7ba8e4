#include "runtime/route/router_machine.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/route/admission.hpp"
#include "runtime/route/limits.hpp"

namespace glow::route {

static_assert(link::sealed_head_bytes == routed_header_bytes, "what a sealed head seals is the header of a routed packet");
static_assert(link::sealed_label_bytes == labelled_header_bytes, "and of a labelled one");

namespace {

void count(std::array<packet_counters, router_traffic::classes>& of, traffic_class traffic, std::size_t packet_bytes) {
  of[static_cast<std::size_t>(traffic)].add(packet_bytes);
}

double control_rate_bps(const link_view& link) {
  if (link.link_class == "local") return std::max(link.rate_bps, 1e8);
  if (link.link_class == "wan") return std::max(link.rate_bps, 1e7);
  return link.rate_bps > 0 ? link.rate_bps : 64e3;
}

} // namespace

router_machine::router_machine(identity::node_keys keys, std::uint64_t epoch, random_source& random, route_tuning tuning)
  : keys_{keys}, self_{keys.id()}, random_{random}, tuning_{tuning}, table_{std::move(keys), epoch, random, tuning} {}

// ---- links and members -----------------------------------------------------------------------------------------

router_effects router_machine::set_roster(const identity::roster& roster, steady_time now) {
  std::vector<node_id> members;
  for (auto& each : roster.members) members.push_back(each.id);
  std::sort(members.begin(), members.end());
  absorb(table_.set_members(std::move(members), now));
  for (auto& [peer, links] : neighbours_) sync_adjacency(peer, now);
  return finish(now);
}

router_effects router_machine::set_link(link_view link, steady_time now) {
  if (link.id == 0 || link.peer == self_) return finish(now);
  auto known = links_.find(link.id);
  if (known == links_.end()) {
    if (links_.size() >= limits::links_max) {
      ++drops_.unknown_link;
      return finish(now);
    }
    neighbours_[link.peer].links.push_back(link.id);
    if (link.labels) labels_.emplace(link.id, link_labels{label_sender{random_.next_u64(), now}, {}});
  } else if (known->second.peer != link.peer) { // an id never changes hands
    ++drops_.unknown_link;
    return finish(now);
  }
  const auto peer = link.peer;
  links_[link.id] = std::move(link);
  sync_adjacency(peer, now);
  return finish(now);
}

router_effects router_machine::drop_link(std::uint32_t link, steady_time now) {
  auto at = links_.find(link);
  if (at == links_.end()) return finish(now);
  const auto peer = at->second.peer;
  links_.erase(at);
  labels_.erase(link);
  auto& of = neighbours_.at(peer);
  std::erase(of.links, link);
  sync_adjacency(peer, now);
  if (of.links.empty()) neighbours_.erase(peer);
  moved_ = true; // the rows name links
  return finish(now);
}

void router_machine::choose_links(neighbour_links& of) const {
  for (auto c : each_metric_class) {
    auto& best = of.best[index_of(c)];
    auto cost_of = [&](std::uint32_t id) {
      auto at = links_.find(id);
      return at == links_.end() ? infinite_metric : link_cost(c, at->second);
    };
    const auto current = cost_of(best);
    auto bar = current == infinite_metric ? double{infinite_metric} : static_cast<double>(current) * (1 - tuning_.link_share);
    if (current == infinite_metric) best = 0;
    for (auto id : of.links)
      if (const auto cost = static_cast<double>(cost_of(id)); cost < bar) best = id, bar = cost;
  }
}

void router_machine::sync_adjacency(const node_id& peer, steady_time now) {
  auto& of = neighbours_.at(peer);
  const auto before = of.best;
  choose_links(of);
  moved_ |= before != of.best;
  std::vector<const link_view*> all;
  for (auto id : of.links)
    if (auto link = links_.find(id); link != links_.end()) all.push_back(&link->second);
  of.bulk.update(all, of.best[index_of(metric_class::bulk)], tuning_.stripe, now);
  for (auto* each : all) // it learns what its path takes only when there is something to carry
    if (of.bulk.verdict_of(each->id) == stripe_verdict::short_packets)
      effects_.emplace_back(send_packets{each->id, packet_batch{}, link::expectation::nothing, link::sealing::whole, true});
  auto* talk = link_of(peer, metric_class::interactive);
  if (!talk || !table_.is_member(peer)) return absorb(table_.drop_neighbour(peer, now));
  adjacency between;
  for (auto c : each_metric_class)
    if (auto* link = link_of(peer, c)) {
      between.cost[index_of(c)] = link_cost(c, *link);
      const auto traffic = c == metric_class::bulk ? traffic_class::bulk : traffic_class::interactive;
      between.packet_bytes_max[index_of(c)] = static_cast<std::uint32_t>(
        std::min(admitted_bytes_max(link->link_class, link->bulk, traffic, link->packet_bytes_max), limits::frame_bytes_max));
    }
  between.control_bytes_max = talk->packet_bytes_max - std::min(talk->packet_bytes_max, direct_header_bytes);
  between.rtt = talk->rtt;
  between.rate_bps = control_rate_bps(*talk);
  absorb(table_.set_neighbour(peer, between, now));
}

const link_view* router_machine::link_of(const node_id& neighbour, metric_class c) const {
  auto at = neighbours_.find(neighbour);
  if (at == neighbours_.end()) return nullptr;
  auto link = links_.find(at->second.best[index_of(c)]);
  return link == links_.end() ? nullptr : &link->second;
}

// ---- what the tables said --------------------------------------------------------------------------------------

void router_machine::absorb(table_effects told) {
  moved_ |= told.changed;
  traffic_.table_changes += told.changed;
  for (auto& each : told.send)
    if (auto* link = link_of(each.to, metric_class::interactive)) {
      auto packet =
        put_overlay_header({packet_kind::announcement, traffic_class::control, true, 1, {}, {}}, std::move(each.body));
      traffic_.routing_out.add(packet.size());
      count(traffic_.originated, traffic_class::control, packet.size());
      put_out(*link, traffic_class::control, {std::move(packet), 0},
              each.is_answered ? link::expectation::answer : link::expectation::nothing);
    }
}

void router_machine::absorb(trace_table::outcome told) {
  for (auto& each : told.probes)
    originate({packet_kind::trace, traffic_class::control, false, each.hop_limit, self_, each.to}, std::move(each.body));
  for (auto& each : told.ended) effects_.emplace_back(std::move(each));
}

router_effects router_machine::finish(steady_time now) {
  for (auto& [key, out] : out_.by_link) {
    auto& [link, headroom, seal] = key;
    const bool shared = out.bulk && neighbours_.at(links_.at(link).peer).bulk.measures();
    effects_.emplace_back(send_packets{link, packet_batch{std::move(out.packets), headroom}, out.expects, seal, shared});
  }
  for (auto& each : out_.routed_here)
    effects_.emplace_back(deliver_payloads{each.from, false, packet_batch{std::move(each.payloads), each.headroom}});
  out_ = {};
  const auto pause = std::max<duration>(limits::routes_told_pause,
                                        static_cast<int>(table_.destinations()) * limits::routes_told_pause_per_destination);
  const auto ahead = (limits::routes_told_in_a_row - 1) * pause;
  if (moved_ && now + ahead >= tell_moved_at_) {
    moved_ = false;
    tell_moved_at_ = std::max(now, tell_moved_at_) + pause;
    effects_.emplace_back(routes_moved{});
  }
  auto at = std::min(table_.wake_at(), traces_.wake_at());
  if (moved_) at = std::min(at, tell_moved_at_ - ahead);
  if (at < woken_at_) { // an alarm that rings too early does no harm, and deadlines mostly move backward
    woken_at_ = at;
    effects_.emplace_back(wake{at});
  }
  return std::exchange(effects_, {});
}

router_effects router_machine::on_tick(steady_time now) {
  woken_at_ = steady_time::max(); // that alarm is spent
  absorb(table_.on_tick(now));
  trace_table::outcome out;
  traces_.on_tick(now, out);
  absorb(std::move(out));
  return finish(now);
}

// ---- packets ---------------------------------------------------------------------------------------------------

/// The neighbour that takes it; nobody when no link to it admits that traffic.
std::optional<node_id> router_machine::next_hop(const node_id& to, traffic_class traffic, const node_id* came_from) const {
  const auto c = metric_class_of(traffic);
  auto chosen = table_.best(to, c);
  if (chosen && came_from && chosen->via == *came_from) chosen = table_.best(to, c, came_from);
  if (chosen && link_of(chosen->via, c)) return chosen->via;
  // a neighbour whose announcement is still on its way; handing a packet to its destination makes no loop
  if (table_.is_member(to) && link_of(to, c)) return to;
  return std::nullopt;
}

/// Bulk goes by shares; other traffic over the best link, or the next best where that one does not admit a packet so long.
const link_view* router_machine::link_for(const node_id& neighbour, traffic_class traffic, std::size_t packet_bytes) {
  const auto c = metric_class_of(traffic);
  auto* best = link_of(neighbour, c);
  if (!best) return nullptr;
  auto& of = neighbours_.at(neighbour);
  if (traffic == traffic_class::bulk) {
    auto turn = links_.find(of.bulk.next(packet_bytes));
    return turn == links_.end() ? best : &turn->second;
  }
  auto admitted = [&](const link_view& link) {
    return admitted_bytes_max(link.link_class, link.bulk, traffic, link.packet_bytes_max);
  };
  if (packet_bytes <= admitted(*best)) return best;
  auto least = infinite_metric;
  for (auto id : of.links)
    if (auto& link = links_.at(id); packet_bytes <= admitted(link) && link_cost(c, link) < least)
      best = &link, least = link_cost(c, link);
  return best;
}

const link_view* router_machine::link_towards(const node_id& to, traffic_class traffic) const {
  const auto next = next_hop(to, traffic, nullptr);
  return next ? link_of(*next, metric_class_of(traffic)) : nullptr;
}

bool router_machine::put_out(const link_view& link, traffic_class traffic, roomy_packet packet, link::expectation expects,
                             link::sealing seal) {
  const auto bytes = packet.content_bytes();
  if (bytes > admitted_bytes_max(link.link_class, link.bulk, traffic, link.packet_bytes_max)) {
    ++(bytes > link.packet_bytes_max ? drops_.too_long : drops_.not_admitted);
    return false;
  }
  auto& out = out_.by_link[{link.id, packet.headroom, seal}];
  out.packets.push_back(std::move(packet.bytes));
  out.expects = std::max(out.expects, expects);
  out.bulk |= traffic == traffic_class::bulk;
  return true;
}

router_effects router_machine::on_packets(std::uint32_t link, packet_batch packets, steady_time now) {
  auto at = links_.find(link);
  if (at == links_.end()) {
    drops_.unknown_link += packets.size();
    return finish(now);
  }
  const auto from = at->second; // a copy: what arrives may change the tables
  if (!table_.is_member(from.peer)) {
    drops_.not_a_member += packets.size();
    return finish(now);
  }
  out_.headroom = packets.headroom();
  for (auto& each : packets.take_with_headroom()) take_in(from, {std::move(each), out_.headroom}, now);
  if (!out_.direct_here.empty())
    effects_.emplace_back(
      deliver_payloads{from.peer, true, packet_batch{std::exchange(out_.direct_here, {}), out_.headroom + direct_header_bytes}});
  return finish(now);
}

void router_machine::take_in(const link_view& from, roomy_packet packet, steady_time now) {
  auto header = decode_overlay_header(packet.content());
  if (header) count(traffic_.received, header->traffic, packet.content_bytes());
  if (!header) {
    ++drops_.malformed;
  } else if (!header->direct) {
    packet.headroom += header->size_bytes();
    if (header->kind == packet_kind::labelled)
      take_in_labelled(from, *header, std::move(packet), now);
    else
      take_in_routed(from, *header, std::move(packet), now);
  } else if (header->kind == packet_kind::announcement) {
    traffic_.routing_in.add(packet.content_bytes());
    absorb(table_.on_control(from.peer, packet.content().subspan(direct_header_bytes), now));
  } else if (header->kind == packet_kind::labelled) {
    traffic_.routing_in.add(packet.content_bytes());
    on_label_packet(from, packet.content().subspan(direct_header_bytes), now);
  } else if (header->kind == packet_kind::data) {
    out_.direct_here.push_back(std::move(packet.bytes));
  } else {
    ++drops_.malformed; // probes are always routed
  }
}

void router_machine::take_in_routed(const link_view& from, overlay_header header, roomy_packet payload, steady_time now) {
  if (header.source == self_) {
    ++drops_.returned;
    return;
  }
  if (!table_.is_member(header.source) || !table_.is_member(header.destination)) {
    ++drops_.not_a_member;
    return;
  }
  if (header.destination == self_) {
    if (header.kind == packet_kind::trace) return on_trace(header, payload.content(), now);
    auto& here = out_.routed_here;
    if (here.empty() || here.back().from != header.source || here.back().headroom != payload.headroom)
      here.push_back({header.source, payload.headroom, {}});
    here.back().payloads.push_back(std::move(payload.bytes));
    return;
  }
  if (header.hop_limit <= 1) {
    if (header.kind == packet_kind::trace) return on_trace(header, payload.content(), now);
    ++drops_.hop_limit;
    return;
  }
  if (!relays_for(from.peer)) {
    ++drops_.stale_neighbour;
    return;
  }
  const auto next = next_hop(header.destination, header.traffic, &from.peer);
  if (!next) {
    ++drops_.no_route;
  } else if (*next == from.peer) {
    ++drops_.returned;
  } else {
    --header.hop_limit;
    const auto bytes = payload.content_bytes() + header.size_bytes();
    if (put_out_data(*link_for(*next, header.traffic, bytes), header, std::move(payload), traffic_.forwarded, now)) ++forwarded_;
  }
}

router_effects router_machine::on_payloads(const node_id& to, traffic_class traffic, bool direct, packet_batch payloads,
                                           steady_time now) {
  if (to == self_) {
    effects_.emplace_back(deliver_payloads{self_, true, std::move(payloads)});
    return finish(now);
  }
  auto next = direct ? std::optional{to} : next_hop(to, traffic, nullptr);
  if (!next || !table_.is_member(to) || !link_of(*next, metric_class_of(traffic))) {
    (direct ? drops_.not_a_neighbour : drops_.no_route) += payloads.size();
    return finish(now);
  }
  overlay_header header{packet_kind::data, traffic, direct, 1, {}, {}};
  if (!direct) header.hop_limit = limits::hop_limit_default, header.source = self_, header.destination = to;
  const auto headroom = payloads.headroom();
  for (auto& each : payloads.take_with_headroom()) {
    roomy_packet payload{std::move(each), headroom};
    const auto bytes = payload.content_bytes() + header.size_bytes();
    put_out_data(*link_for(*next, traffic, bytes), header, std::move(payload), traffic_.originated, now);
  }
  return finish(now);
}

void router_machine::originate(const overlay_header& header, byte_string payload) {
  if (auto* link = link_towards(header.destination, header.traffic)) {
    count(traffic_.originated, header.traffic, payload.size() + header.size_bytes());
    put_out(*link, header.traffic, {put_overlay_header(header, std::move(payload)), 0});
  } else {
    ++drops_.no_route;
  }
}

// ---- traces ----------------------------------------------------------------------------------------------------

result<std::uint64_t> router_machine::start_trace(const node_id& to, duration timeout, steady_time now, router_effects& out) {
  trace_table::outcome begun;
  if (to == self_) {
    const auto id = random_.next_u64();
    begun.ended.push_back({id, std::vector<trace_step>{{self_, {}, {}, {}}}});
    absorb(std::move(begun));
    out = finish(now);
    return id;
  }
  auto* link = link_towards(to, traffic_class::control);
  if (!link)
    return error{error_code::unreachable,
                 "no route to " + to_short_string(to) + ": `glow routes --why " + to_short_string(to) + "` tells why"};
  auto id = traces_.start(to, link->description, link->link_class, timeout, now, random_, begun);
  absorb(std::move(begun));
  out = finish(now);
  return id;
}

void router_machine::on_trace(const overlay_header& header, byte_view body, steady_time now) {
  auto packet = decode_trace_packet(body);
  if (!packet) {
    ++drops_.malformed;
    return;
  }
  if (packet->answer) {
    trace_table::outcome out;
    if (header.destination == self_) traces_.on_answer(header.source, *packet, now, out);
    return absorb(std::move(out));
  }
  if (now - answers_since_ >= 1s) answers_since_ = now, answers_ = 0;
  if (answers_++ >= limits::trace_answers_per_second) {
    ++drops_.trace_flood;
    return;
  }
  trace_packet answer{packet->trace, packet->probe, true, {}, {}};
  if (header.destination != self_)
    if (auto* link = link_towards(header.destination, header.traffic))
      answer.link = link->description, answer.link_class = link->link_class;
  originate({packet_kind::trace, traffic_class::control, false, limits::hop_limit_default, self_, header.source}, encode(answer));
}

// ---- the table for others --------------------------------------------------------------------------------------

std::vector<stripe::member> router_machine::shares_to(const node_id& neighbour) const {
  auto of = neighbours_.find(neighbour);
  return of == neighbours_.end() || of->second.bulk.members().size() < 2 ? std::vector<stripe::member>{}
                                                                         : of->second.bulk.members();
}

std::map<std::uint32_t, double> router_machine::shares() const {
  std::map<std::uint32_t, double> out;
  for (auto& [peer, of] : neighbours_)
    if (of.bulk.members().size() > 1)
      for (auto& each : of.bulk.members()) out.emplace(each.link, each.share);
  return out;
}

route_row router_machine::row_of(const way& found) const {
  route_row row{found.destination, found.table, found.via, 0, found.cost, found.hops, 0, found.feasible, found.chosen};
  if (auto* link = link_of(found.via, found.table)) row.link = link->id;
  const auto header = found.via == found.destination ? direct_header_bytes : routed_header_bytes;
  row.payload_bytes_max = found.packet_bytes_max - std::min<std::size_t>(found.packet_bytes_max, header);
  return row;
}

std::vector<route_row> router_machine::get_routes() const {
  std::vector<route_row> out;
  for (auto& each : table_.get_ways()) out.push_back(row_of(each));
  return out;
}

std::vector<route_row> router_machine::get_reachable() const {
  std::vector<route_row> out;
  auto chosen = table_.get_chosen_ways();
  out.reserve(chosen.size());
  for (auto& each : chosen) out.push_back(row_of(each));
  return out;
}

} // namespace glow::route
