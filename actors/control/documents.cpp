#include "actors/control/documents.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/link/proxy.hpp"
#include "runtime/route/admission.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace glow::documents {
namespace {

json known_ms(duration d) { return d.count() > 0 ? json(to_ms(d)) : json(nullptr); }

/// Whether it carries bulk, by its class or its owners' wish.
bool bulk_of(const link_info& link) {
  return route::admits(link.link_class, link.bulk, traffic_class::bulk) == route::admission::carried;
}

const route_info* best_route(const std::vector<route_info>& routes) {
  const route_info* best = nullptr;
  for (auto& each : routes)
    if (!best || each.traffic == traffic_class::interactive) best = &each;
  return best;
}

bool is_utf8(const std::string& text) {
  try {
    return json(text).dump().size() > 0; // the strict handler throws on anything else
  } catch (const json::type_error&) {
    return false;
  }
}

} // namespace

const char* to_text(traffic_class traffic) {
  switch (traffic) {
  case traffic_class::control: return "control";
  case traffic_class::interactive: return "interactive";
  case traffic_class::bulk: return "bulk";
  }
  return "unknown";
}

json time(wall_time at) {
  auto ms = to_unix_ms(at);
  if (ms <= 0) return nullptr;
  auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  std::array<char, 40> out{};
  if (!::gmtime_r(&seconds, &utc)) return nullptr;
  auto size = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(out.data() + size, out.size() - size, ".%03dZ", static_cast<int>(ms % 1000));
  return out.data();
}

void put_name(json& out, const std::string& key, const std::string& name) {
  out[key] = name;
  if (!is_utf8(name)) out[key + "_hex"] = to_hex(as_bytes(name));
}

json node(const identity::member& member, const identity::roster& roster, const known_node& known) {
  auto self = member.id == roster.self;
  auto* route = best_route(known.routes);
  json out{{"id", to_string(member.id)},
           {"name", member.name},
           {"namespace", roster.name},
           {"role", identity::to_string(member.as)},
           {"self", self},
           {"online", self || route != nullptr},
           {"hops", nullptr},
           {"via", nullptr},
           {"rtt_ms", nullptr},
           {"last_seen", known.last_seen ? time(*known.last_seen) : json(nullptr)}};
  if (self) out["hops"] = 0;
  if (self || !route) return out;
  out["hops"] = route->hops;
  out["via"] = roster.name_of(route->next);
  if (route->hops <= 1 && known.link && known.link->rtt.count() > 0)
    out["rtt_ms"] = to_ms(known.link->rtt);
  else if (route->traffic == traffic_class::interactive && route->metric > 0)
    out["rtt_ms"] = route->metric / 1000.0; // the metric is the expected latency in microseconds
  return out;
}

json link(const link_info& link, std::optional<double> bulk_share) {
  return {{"id", link.id},
          {"peer", link.peer_name},
          {"peer_id", link.peer.is_zero() ? json(nullptr) : json(to_string(link.peer))},
          {"channel", link::to_shown_text(link.channel)},
          {"class", link.link_class},
          {"why", link.why},
          {"state", link.state},
          {"rtt_ms", known_ms(link.rtt)},
          {"rate_bps", link.rate_bps},
          {"loss", link.loss},
          {"bulk", bulk_of(link)},
          {"bulk_share", bulk_share ? json(*bulk_share) : json(nullptr)},
          {"mtu", link.packet_bytes_max},
          {"datagram_bytes", link.datagram_bytes},
          {"bytes_in", link.bytes_in},
          {"bytes_out", link.bytes_out},
          {"up_s", to_ms(link.up_for) / 1000}};
}

json waiting(const waiting_dial& dial) {
  return {{"id", dial.dial},    {"peer", nullptr},
          {"peer_id", nullptr}, {"channel", link::to_shown_text(dial.uri)},
          {"class", nullptr},   {"why", dial.last_error},
          {"state", "waiting"}, {"rtt_ms", nullptr},
          {"rate_bps", 0},      {"loss", 0},
          {"mtu", 0},           {"datagram_bytes", 0},
          {"bytes_in", 0},      {"bytes_out", 0},
          {"up_s", 0},          {"next_try_s", to_ms(dial.next_try_in) / 1000}};
}

json route(const route_info& route, const identity::roster& roster) {
  return {{"node", roster.name_of(route.destination)},
          {"node_id", to_string(route.destination)},
          {"class", to_text(route.traffic)},
          {"next", roster.name_of(route.next)},
          {"link", route.link},
          {"metric", route.metric},
          {"hops", route.hops},
          {"feasible", route.feasible}};
}

json trace(const trace_report& report, const node_id& to, const identity::roster& roster) {
  auto hops = json::array();
  for (auto& each : report.hops)
    hops.push_back({{"node", roster.name_of(each.node)},
                    {"id", to_string(each.node)},
                    {"rtt_ms", known_ms(each.rtt)},
                    {"link", each.link},
                    {"class", each.link_class}});
  return {{"node", roster.name_of(to)}, {"id", to_string(to)}, {"hops", std::move(hops)}};
}

json entry(const listed_entry& entry) {
  json out{{"kind", entry.kind},       {"size", entry.size},     {"mtime", time(entry.modified)},
           {"version", entry.version}, {"copies", entry.copies}, {"mode", entry.mode}};
  put_name(out, "name", entry.name);
  if (entry.kind == "symlink") put_name(out, "target", entry.target);
  return out;
}

json version(const path_version& version) {
  return {{"version", version.version}, {"commit", version.commit}, {"time", time(version.time)},
          {"device", version.device},   {"size", version.size},     {"change", version.change}};
}

json put(const put_done& done) {
  json out{{"commit", done.commit}, {"files", done.files}, {"bytes", done.bytes}, {"skipped", done.skipped}};
  put_name(out, "path", done.path);
  return out;
}

json job(const job_info& job, bool with_steps) {
  auto& count = job.steps;
  json out{{"id", job.id},
           {"state", job.state},
           {"steps", {{"total", count.total}, {"done", count.done}, {"failed", count.failed}, {"running", count.running}}},
           {"eta_s", job.eta_s >= 0 ? json(job.eta_s) : json(nullptr)},
           {"command", job.command},
           {"submitted", time(job.submitted)}};
  put_name(out, "out", job.out);
  if (!with_steps) return out;
  auto steps = json::array();
  for (auto& each : job.each_step) {
    json step{{"index", each.index},
              {"state", each.state},
              {"node", each.node.empty() ? json(nullptr) : json(each.node)},
              {"attempts", each.attempts},
              {"exit_status", each.exit_status >= 0 ? json(each.exit_status) : json(nullptr)},
              {"why", each.why}};
    put_name(step, "input", each.input);
    steps.push_back(std::move(step));
  }
  out["each_step"] = std::move(steps);
  return out;
}

json letter(const mail::letter_status& letter, const identity::roster& roster) {
  constexpr const char* states[] = {"waiting", "delivered", "expired", "refused"};
  json out{{"id", to_string(letter.id)},
           {"to", roster.name_of(letter.to)},
           {"to_id", to_string(letter.to)},
           {"box", letter.box},
           {"state", states[static_cast<std::size_t>(letter.state)]},
           {"sent", time(letter.sent)},
           {"expires", time(letter.expires)},
           {"ended", time(letter.ended)},
           {"online", letter.reachable},
           {"custodians", letter.custodians},
           {"why", nullptr}};
  if (!letter.why.empty()) put_name(out, "why", letter.why); // another node may have said it
  return out;
}

json message(const message_taken& message, const identity::roster& roster) {
  return {{"id", to_string(message.id)}, {"from", roster.name_of(message.from)}, {"from_id", to_string(message.from)},
          {"box", message.box},          {"time", time(message.sent)},           {"received", time(message.received)},
          {"size", message.body.size()}};
}

json mailboxes(const mailbox_list& list, const identity::roster& roster) {
  auto boxes = json::array();
  for (auto& each : list.boxes)
    boxes.push_back({{"name", each.name}, {"messages", each.letters}, {"bytes", each.bytes}, {"oldest", time(each.oldest)}});
  auto sent = json::array();
  for (auto& each : list.letters) sent.push_back(letter(each, roster));
  return {{"boxes", std::move(boxes)}, {"sent", std::move(sent)}, {"held_for_others", list.held_for_others}};
}

} // namespace glow::documents
