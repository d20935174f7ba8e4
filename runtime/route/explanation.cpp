#include "runtime/route/explanation.hpp"

#include "runtime/route/admission.hpp"
#include "runtime/route/limits.hpp"

#include <algorithm>
#include <cstdio>

namespace glow::route {
namespace {

const char* to_text(traffic_class traffic) {
  return traffic == traffic_class::bulk ? "bulk" : traffic == traffic_class::control ? "control" : "interactive";
}

std::string percent(double share) { return std::to_string(static_cast<int>(share * 100 + 0.5)) + " %"; }

bool is_usable(const judged_way& each) { return each.what.feasible && each.what.cost != infinite_metric && !each.too_far; }

const judged_way* taken_in(const judged_table& table) {
  for (auto& each : table.ways)
    if (each.what.chosen && is_usable(each)) return &each;
  return nullptr;
}

std::string name_of(const judged_link& link) {
  return "link " + std::to_string(link.what.id) + " (" + link.what.description + ")";
}

/// The admission table, in words.
std::string refusal(traffic_class traffic, const judged_link& link) {
  return std::string{to_text(traffic)} + " is refused over " + link.what.link_class + " " + name_of(link) + ": "
         + reason_of(link.what.link_class, link.what.bulk, traffic);
}

/// What is odd about a link that is taken: it admits by its owners' wish, or only small packets.
std::string admission_remark(traffic_class traffic, const judged_link& link) {
  if (auto why = reason_of(link.what.link_class, link.what.bulk, traffic); !why.empty()) return "; " + why;
  const bool wished = admits(link.what.link_class, link::bulk_wish::by_class, traffic) == admission::refused;
  return wished ? "; a " + link.what.link_class + " link, and its owners want bulk there (bulk=yes)" : "";
}

/// A link's part in what several carry; empty where one has it all.
std::string share_in_words(const judged_link& link) {
  switch (link.as) {
  case stripe_verdict::leads:
  case stripe_verdict::shares: return link.share > 0 ? "carries " + percent(link.share) + " of it" : "";
  case stripe_verdict::is_tried: return "carries " + percent(link.share) + " of it until its rate is known";
  case stripe_verdict::waits: return "shares bulk once the rate of the link that leads is known";
  case stripe_verdict::is_silent: return "no share of bulk: its peer is silent there";
  case stripe_verdict::other_class: return "no share of bulk: the link that leads is of another class";
  case stripe_verdict::other_medium: return "no share of bulk: the link that leads is of another medium";
  case stripe_verdict::short_packets: return "no share of bulk: its packets are shorter than the best link's";
  case stripe_verdict::far_round_trip: return "no share of bulk: its round trip is too far from that of the link that leads";
  case stripe_verdict::is_slow: return "no share of bulk for a while: it is much slower than the link that leads";
  case stripe_verdict::is_lossy: return "no share of bulk for a while: it loses more than the other links";
  case stripe_verdict::alone:
  case stripe_verdict::is_refused: break;
  }
  return "";
}

/// A neighbour that offers a way, while none of our links to it admits the traffic.
std::string refusals(traffic_class traffic, const judged_way& candidate, const std::string& via) {
  if (candidate.links.empty()) return "no link to " + via + " is up";
  std::string out;
  for (auto& each : candidate.links) out += (out.empty() ? "" : "; ") + refusal(traffic, each);
  return out;
}

std::string cheaper_by(const judged_way& rival, const judged_way& taken) {
  return percent(1 - static_cast<double>(rival.what.cost) / static_cast<double>(taken.what.cost));
}

std::string why_infeasible(const judged_table& table, const judged_way& candidate) {
  if (candidate.older_claim) return "not feasible: it rests on an older claim of the destination than the way this node had";
  const auto bound = table.feasible_distance ? cost_in_words(table.table, *table.feasible_distance) : std::string{"nothing"};
  return "not feasible: its promise of " + cost_in_words(table.table, candidate.promised) + " is not below the feasible distance "
         + bound + ", so it may lead back through here"
         + (table.asks_for_newer_claim ? "; the destination is asked for a newer claim" : "");
}

std::string why_taken(const explanation& of, const judged_table& table, const judged_way& taken, const name_lookup& name) {
  const judged_way* rival = nullptr;
  std::size_t feasible = 0;
  for (auto& each : table.ways) {
    if (!is_usable(each)) continue;
    ++feasible;
    if (&each != &taken && (!rival || each.what.cost < rival->what.cost)) rival = &each;
  }
  std::string out = "the only feasible way";
  if (rival && rival->what.cost < taken.what.cost)
    out = "kept, although the way via " + name(rival->what.via) + " is " + cheaper_by(*rival, taken)
          + " cheaper: a change must save " + percent(of.tuning.switch_share);
  else if (rival)
    out = "the cheapest of " + std::to_string(feasible) + " feasible ways";
  if (taken.keeps_old_promise) out += "; its neighbour now promises less, which counts once the destination makes a newer claim";
  return out;
}

} // namespace

std::string cost_in_words(metric_class table, metric cost) {
  if (cost == infinite_metric) return "infinite";
  char text[40];
  const auto ms = static_cast<double>(cost) / 1000;
  std::snprintf(text, sizeof text, ms < 100 ? "%.1f ms" : "%.0f ms", ms);
  return std::string{text} + (table == metric_class::bulk ? " per MiB" : "");
}

std::string decision_in_words(const explanation& of, traffic_class traffic, const name_lookup& name) {
  if (of.is_self) return "this is the node itself";
  if (!of.is_member) return "no way: it is no member of this namespace";
  auto& table = of.table_of(traffic);
  if (auto* taken = taken_in(table)) {
    std::string out = "via " + name(taken->what.via);
    int shared = 0;
    for (auto& each : taken->links)
      if (each.share > 0)
        out += (shared++ == 0 ? " by " : " and ") + each.what.link_class + " " + name_of(each) + ", " + percent(each.share);
    for (auto& each : taken->links)
      if (each.chosen && shared == 0)
        out += " by " + each.what.link_class + " " + name_of(each) + admission_remark(traffic, each);
    return out + ": " + why_taken(of, table, *taken, name);
  }
  if (table.ways.empty()) return "no way: no neighbour is linked";
  std::string out = "no way:";
  auto add = [&, first = true](const judged_way& each) mutable {
    out += (first ? " " : "; ") + name(each.what.via) + ": " + verdict_in_words(of, traffic, each, name);
    first = false;
  };
  const bool offered =
    std::any_of(table.ways.begin(), table.ways.end(), [](auto& each) { return each.promised != infinite_metric; });
  if (!offered) return "no way: no neighbour offers one";
  for (auto& each : table.ways)
    if (each.promised != infinite_metric) add(each);
  return out;
}

std::string verdict_in_words(const explanation& of, traffic_class traffic, const judged_way& candidate, const name_lookup& name) {
  auto& table = of.table_of(traffic);
  const auto via = name(candidate.what.via);
  if (candidate.promised == infinite_metric) {
    const bool itself = candidate.what.via == of.to;
    return itself ? via + " has not announced itself yet"
                  : via + " offers no " + to_text(traffic) + " way: it has none, or its own leads through here";
  }
  if (candidate.what.cost == infinite_metric) return refusals(traffic, candidate, via);
  if (candidate.too_far) return "too far: packets may make " + std::to_string(limits::hop_limit_default) + " hops";
  if (!candidate.what.feasible) return why_infeasible(table, candidate);
  auto* taken = taken_in(table);
  if (!taken) return "feasible, about to be taken";
  if (taken == &candidate) return "taken: " + why_taken(of, table, candidate, name);
  if (candidate.what.cost < taken->what.cost)
    return "ready; " + cheaper_by(candidate, *taken) + " cheaper than the way taken, and a change must save "
           + percent(of.tuning.switch_share);
  return "ready; costs " + cost_in_words(table.table, candidate.what.cost) + ", the way taken "
         + cost_in_words(table.table, taken->what.cost);
}

std::string link_verdict_in_words(const explanation& of, traffic_class traffic, const judged_way& candidate,
                                  const judged_link& link) {
  const auto table = metric_class_of(traffic);
  if (link.cost == infinite_metric) return refusal(traffic, link);
  const judged_link* chosen = nullptr;
  for (auto& each : candidate.links)
    if (each.chosen) chosen = &each;
  const auto share = table == metric_class::bulk ? share_in_words(link) : std::string{};
  if (chosen == &link || link.share > 0)
    return (candidate.links.size() == 1 ? "taken: the only link" : "taken") + (share.empty() ? "" : ": " + share)
           + admission_remark(traffic, link);
  if (!chosen) return "ready";
  if (!share.empty()) return "ready; " + share;
  return "ready; costs " + cost_in_words(table, link.cost) + ", link " + std::to_string(chosen->what.id) + " "
         + cost_in_words(table, chosen->cost) + ", and a change must save " + percent(of.tuning.link_share);
}

} // namespace glow::route
