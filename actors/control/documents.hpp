/// The JSON documents of the control socket (apps/README.md describes each field). Pure: values in, documents out.
#pragma once

#include "actors/contracts/node.hpp"

#include <nlohmann/json.hpp>

#include <map>

namespace glow::documents {

using json = nlohmann::json;

/// RFC 3339 in UTC with milliseconds; null for the epoch, which stands for "never".
json time(wall_time at);
/// Adds `key`, and `key`_hex with the exact bytes where they are no UTF-8.
void put_name(json& out, const std::string& key, const std::string& name);

/// `control`, `interactive`, `bulk`.
const char* to_text(traffic_class traffic);

/// What `glow nodes` merges.
struct known_node {
  std::vector<route_info> routes; ///< feasible ones
  std::optional<link_info> link;  ///< the fastest one that is up
  std::optional<wall_time> last_seen;
};
json node(const identity::member& member, const identity::roster& roster, const known_node& known);
/// `bulk_share`: of a link that shares the bulk to its neighbour with others.
json link(const link_info& link, std::optional<double> bulk_share = {});
json waiting(const waiting_dial& dial);
json route(const route_info& route, const identity::roster& roster);
/// Why packets for a node go where they go, per traffic class, in figures and in words.
json explanation(const route::explanation& why, const identity::roster& roster);
json trace(const trace_report& report, const node_id& to, const identity::roster& roster);
json entry(const listed_entry& entry);
json version(const path_version& version);
json put(const put_done& done);
json job(const job_info& job, bool with_steps);
json letter(const mail::letter_status& letter, const identity::roster& roster);
/// About a message, without its body.
json message(const message_taken& message, const identity::roster& roster);
json mailboxes(const mailbox_list& list, const identity::roster& roster);

} // namespace glow::documents
