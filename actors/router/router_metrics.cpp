// What the router tells of its measurements.
#include "actors/router/router.hpp"

namespace glow {
namespace {

using measure::family;

constexpr family packets{"glow_router_packets", "Overlay packets by traffic class and way."};
constexpr family bytes{"glow_router_bytes", "Bytes of overlay packets, headers included, by traffic class and way.", "bytes"};
constexpr family routing_packets{"glow_router_routing_packets", "Packets with news of routes; also counted as control traffic."};
constexpr family routing_bytes{"glow_router_routing_bytes", "Bytes of packets with news of routes.", "bytes"};
constexpr family dropped{"glow_router_dropped_packets", "Packets that went nowhere."};
constexpr family refused{"glow_router_refused_news", "Claims and offers of routes that were not believed."};
constexpr family table_changes{"glow_router_table_changes", "How often the best ways became others."};
constexpr family links_known{"glow_router_links", "Links that routing may use."};
constexpr family shares{"glow_router_bulk_share_ratio", "Share of a link in the bulk to its neighbour, where several carry it.",
                        "ratio"};
constexpr family reachable{"glow_router_reachable_nodes", "Nodes with a way, by table."};

constexpr std::array<const char*, route::router_traffic::classes> class_names{"control", "interactive", "bulk"};

void expose_traffic(measure::exposition& out, const route::router_traffic& counted) {
  auto add = [&](const auto& by_class, const char* way) {
    for (std::size_t i = 0; i < by_class.size(); ++i) {
      const measure::labels where{{"class", class_names[i]}, {"way", way}};
      out.counter(packets, where, by_class[i].packets);
      out.counter(bytes, where, by_class[i].bytes);
    }
  };
  add(counted.received, "received");
  add(counted.forwarded, "forwarded");
  add(counted.originated, "originated");
  out.counter(routing_packets, {{"direction", "in"}}, counted.routing_in.packets);
  out.counter(routing_packets, {{"direction", "out"}}, counted.routing_out.packets);
  out.counter(routing_bytes, {{"direction", "in"}}, counted.routing_in.bytes);
  out.counter(routing_bytes, {{"direction", "out"}}, counted.routing_out.bytes);
  out.counter(table_changes, {}, counted.table_changes);
}

} // namespace

void router_state::expose(measure::exposition& out) const {
  if (!machine) return;
  expose_traffic(out, machine->traffic());
  auto count = [&](const family& of, const char* reason, std::uint64_t value) { out.counter(of, {{"reason", reason}}, value); };
  const auto& drops = machine->drops();
  count(dropped, "malformed", drops.malformed);
  count(dropped, "not_a_member", drops.not_a_member);
  count(dropped, "hop_limit", drops.hop_limit);
  count(dropped, "no_route", drops.no_route);
  count(dropped, "not_a_neighbour", drops.not_a_neighbour);
  count(dropped, "too_long", drops.too_long);
  count(dropped, "not_admitted", drops.not_admitted);
  count(dropped, "returned", drops.returned);
  count(dropped, "unknown_link", drops.unknown_link);
  count(dropped, "stale_neighbour", drops.stale_neighbour);
  count(dropped, "trace_flood", drops.trace_flood);
  count(dropped, "unknown_label", drops.unknown_label);
  count(dropped, "undelivered", undelivered);
  const auto& news = machine->refused();
  count(refused, "malformed", news.malformed);
  count(refused, "forged", news.forged);
  count(refused, "strangers", news.strangers);
  count(refused, "outdated", news.outdated);
  for (const auto& [link, share] : machine->shares()) out.gauge(shares, {{"link", std::to_string(link)}}, share);
  out.gauge(links_known, {}, static_cast<double>(machine->links()));
  std::array<double, route::metric_classes> nodes{};
  for (const auto& each : machine->get_reachable()) ++nodes[route::index_of(each.table)];
  out.gauge(reachable, {{"table", "interactive"}}, nodes[route::index_of(route::metric_class::interactive)]);
  out.gauge(reachable, {{"table", "bulk"}}, nodes[route::index_of(route::metric_class::bulk)]);
}

} // namespace glow
