// What router_machine adds to an explanation: the links to each neighbour, and which of them takes what.
#include "runtime/route/router_machine.hpp"

namespace glow::route {

judged_link router_machine::judge(const neighbour_links& of, const link_view& link, metric_class c) const {
  judged_link out{link, link_cost(c, link), of.best[index_of(c)] == link.id};
  if (c != metric_class::bulk) return out;
  if (of.bulk.members().size() > 1) out.share = of.bulk.share_of(link.id);
  out.as = of.bulk.verdict_of(link.id);
  return out;
}

explanation router_machine::explain(const node_id& to) const {
  explanation out;
  out.to = to;
  out.is_self = to == self_;
  out.is_member = table_.is_member(to);
  out.tuning = tuning_;
  for (auto c : each_metric_class) {
    auto& table = out.tables[index_of(c)] = table_.judge(to, c);
    for (auto& each : table.ways) {
      auto of = neighbours_.find(each.what.via);
      if (of == neighbours_.end()) continue;
      for (auto id : of->second.links)
        if (auto link = links_.find(id); link != links_.end()) each.links.push_back(judge(of->second, link->second, c));
    }
  }
  return out;
}

} // namespace glow::route
