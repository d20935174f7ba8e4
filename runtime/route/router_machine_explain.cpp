// What router_machine adds to an explanation: the links to each neighbour, and which of them takes what.
#include "runtime/route/router_machine.hpp"

namespace glow::route {

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
        if (auto link = links_.find(id); link != links_.end())
          each.links.push_back({link->second, link_cost(c, link->second), of->second.best[index_of(c)] == id});
    }
  }
  return out;
}

} // namespace glow::route
