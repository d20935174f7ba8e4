// What distance_vector knows of the ways to one node, for explanation.hpp.
#include "runtime/route/distance_vector.hpp"
#include "runtime/route/explanation.hpp"
#include "runtime/route/limits.hpp"

namespace glow::route {

judged_table distance_vector::judge(const node_id& to, metric_class c) const {
  judged_table out;
  out.table = c;
  auto at = destinations_.find(to);
  const auto* table = at == destinations_.end() ? nullptr : &at->second.tables[index_of(c)];
  if (table) {
    if (table->feasible_claim) out.feasible_distance = table->feasible_cost;
    out.asks_for_newer_claim = wanted_.contains({to, c});
    for (auto& each : table->ways) {
      if (slots_[each.via].second == nullptr) continue; // its neighbour has just gone
      auto& judged = out.ways.emplace_back();
      judged.what = way_of(to, *table, each, c);
      judged.promised = each.promised.cost;
      judged.older_claim = table->feasible_claim && each.said->what < table->feasible_claim->what;
      judged.keeps_old_promise = each.worse_since;
      judged.too_far = each.promised.hops >= limits::hop_limit_default;
    }
  }
  for (auto& neighbour : neighbours_) { // those that offer nothing are part of the answer
    const auto& via = neighbour.first;
    if (std::none_of(out.ways.begin(), out.ways.end(), [&](auto& each) { return each.what.via == via; }))
      out.ways.emplace_back().what = {to, c, via, infinite_metric, 0, 0, false, false};
  }
  std::stable_sort(out.ways.begin(), out.ways.end(), [](auto& left, auto& right) {
    const auto rank = [](auto& each) {
      return std::tuple{!each.what.chosen, !each.what.feasible, each.what.cost, each.promised};
    };
    return rank(left) < rank(right);
  });
  return out;
}

} // namespace glow::route
