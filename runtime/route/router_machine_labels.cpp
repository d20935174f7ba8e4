// Labels in router_machine: what stands in place of the ids of those who send and receive (label_tables.hpp).
#include "runtime/route/router_machine.hpp"

#include "runtime/base/overloaded.hpp"

namespace glow::route {
namespace {

/// Endpoints seal what goes to a node that is no neighbour; the probes of traces are ours, and nobody has sealed them.
link::sealing sealing_of(const overlay_header& header) {
  if (header.direct || header.kind == packet_kind::trace) return link::sealing::whole;
  return header.kind == packet_kind::labelled ? link::sealing::label : link::sealing::head;
}

} // namespace

void router_machine::speak_of_labels(const link_view& link, const label_packet& what, link::expectation expects) {
  auto packet = put_overlay_header({packet_kind::labelled, traffic_class::control, true, 1, {}, {}}, encode(what));
  const auto bytes = packet.size();
  if (!put_out(link, traffic_class::control, {std::move(packet), 0}, expects)) return;
  traffic_.routing_out.add(bytes);
  traffic_.originated[static_cast<std::size_t>(traffic_class::control)].add(bytes);
}

bool router_machine::put_out_data(const link_view& link, overlay_header header, roomy_packet payload,
                                  std::array<packet_counters, router_traffic::classes>& counted, steady_time now) {
  auto table = header.direct || header.kind != packet_kind::data ? labels_.end() : labels_.find(link.id);
  if (table != labels_.end() && link.packet_bytes_max >= direct_header_bytes + label_bind_bytes) {
    auto told = table->second.sends.on_packet({header.source, header.destination}, now);
    if (told.bind) speak_of_labels(link, *told.bind, link::expectation::answer);
    if (told.label) {
      header.kind = packet_kind::labelled;
      header.label = *told.label;
      header.hop_limit = std::min(header.hop_limit, labelled_hop_limit_max);
    }
  }
  auto packet = put_overlay_header(header, std::move(payload));
  const auto bytes = packet.content_bytes();
  if (!put_out(link, header.traffic, std::move(packet), link::expectation::traffic, sealing_of(header))) return false;
  counted[static_cast<std::size_t>(header.traffic)].add(bytes);
  return true;
}

void router_machine::take_in_labelled(const link_view& from, overlay_header header, roomy_packet payload, steady_time now) {
  auto table = labels_.find(from.id);
  auto* pair = table == labels_.end() ? nullptr : table->second.receives.pair_of(header.label);
  if (!pair) {
    ++drops_.unknown_label;
    if (table != labels_.end() && table->second.receives.tells_unknown(now))
      speak_of_labels(from, label_unknown{header.label}, link::expectation::nothing);
    return;
  }
  header.kind = packet_kind::data;
  header.source = pair->source;
  header.destination = pair->destination;
  take_in_routed(from, header, std::move(payload), now);
}

void router_machine::on_label_packet(const link_view& from, byte_view body, steady_time now) {
  auto table = labels_.find(from.id);
  auto packet = decode_label_packet(body);
  if (table == labels_.end() || !packet) {
    ++drops_.malformed;
    return;
  }
  std::visit(overloaded{
               [&](const label_bind& p) { speak_of_labels(from, table->second.receives.on_bind(p), link::expectation::nothing); },
               [&](const label_bound& p) { table->second.sends.on_bound(p); },
               [&](const label_unknown& p) { table->second.sends.on_unknown(p.label, now); },
             },
             *packet);
}

} // namespace glow::route
