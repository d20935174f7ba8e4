// The document of glow routes --why.
#include "actors/control/documents.hpp"

#include "runtime/base/base32.hpp"

namespace glow::documents {
namespace {

using route::infinite_metric;

json known_cost(route::metric cost) { return cost == infinite_metric ? json(nullptr) : json(cost); }

json link_of(const route::explanation& why, traffic_class traffic, const route::judged_way& way, const route::judged_link& link) {
  return {{"id", link.what.id},
          {"channel", link.what.description},
          {"class", link.what.link_class},
          {"metric", known_cost(link.cost)},
          {"taken", (link.chosen || link.share > 0) && link.cost != infinite_metric},
          {"share", link.share > 0 ? json(link.share) : json(nullptr)},
          {"why", link_verdict_in_words(why, traffic, way, link)}};
}

json way_of(const route::explanation& why, traffic_class traffic, const route::judged_way& way, const route::name_lookup& name) {
  auto links = json::array();
  for (auto& each : way.links) links.push_back(link_of(why, traffic, way, each));
  return {{"next", name(way.what.via)},
          {"next_id", to_string(way.what.via)},
          {"metric", known_cost(way.what.cost)},
          {"promised", known_cost(way.promised)},
          {"hops", way.promised == infinite_metric ? json(nullptr) : json(way.what.hops)},
          {"feasible", way.what.feasible},
          {"taken", way.what.chosen && way.what.feasible && way.what.cost != infinite_metric},
          {"why", verdict_in_words(why, traffic, way, name)},
          {"links", std::move(links)}};
}

json class_of(const route::explanation& why, traffic_class traffic, const route::name_lookup& name) {
  auto& table = why.table_of(traffic);
  json out{{"class", to_text(traffic)},
           {"next", nullptr},
           {"link", nullptr},
           {"metric", nullptr},
           {"hops", nullptr},
           {"feasible_distance", table.feasible_distance ? known_cost(*table.feasible_distance) : json(nullptr)},
           {"why", decision_in_words(why, traffic, name)},
           {"ways", json::array()}};
  for (auto& each : table.ways) {
    auto way = way_of(why, traffic, each, name);
    if (way["taken"] == true) {
      for (auto key : {"next", "metric", "hops"}) out[key] = way[key];
      for (auto& link : way["links"])
        if (link["taken"] == true && out["link"].is_null()) out["link"] = link["id"];
    }
    out["ways"].push_back(std::move(way));
  }
  return out;
}

} // namespace

json explanation(const route::explanation& why, const identity::roster& roster) {
  const route::name_lookup name = [&](const node_id& node) { return roster.name_of(node); };
  auto classes = json::array();
  for (auto traffic : {traffic_class::control, traffic_class::interactive, traffic_class::bulk})
    classes.push_back(class_of(why, traffic, name));
  return {{"node", roster.name_of(why.to)}, {"id", to_string(why.to)}, {"classes", std::move(classes)}};
}

} // namespace glow::documents
