#include "runtime/route/trace.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/route/limits.hpp"

namespace glow::route {

void trace_table::probe(std::uint64_t id, path_walk& of, steady_time now, outcome& out) {
  of.sent_at = now;
  out.probes.push_back({of.to, of.hop_limit, encode(trace_packet{id, of.hop_limit, false, {}, {}})});
}

result<std::uint64_t> trace_table::start(const node_id& to, const std::string& first_link, const std::string& first_class,
                                         duration timeout, steady_time now, random_source& random, outcome& out) {
  if (walks_.size() >= limits::traces_max)
    return error{error_code::exhausted, "too many traces run at once; wait for one of them to end"};
  const auto id = random.next_u64();
  const auto deadline = now + std::clamp(timeout, duration{1ms}, limits::trace_timeout_max);
  auto& begun = walks_[id] = path_walk{to, 1, deadline, now, first_link, first_class, {}};
  probe(id, begun, now, out);
  return id;
}

void trace_table::on_answer(const node_id& from, const trace_packet& answer, steady_time now, outcome& out) {
  auto at = walks_.find(answer.trace);
  if (at == walks_.end() || answer.probe != at->second.hop_limit) return; // late, repeated or invented
  auto& walk = at->second;
  walk.steps.push_back({from, now - walk.sent_at, walk.next_link, walk.next_class});
  if (from == walk.to) {
    out.ended.push_back({at->first, std::move(walk.steps)});
    walks_.erase(at);
    return;
  }
  if (walk.hop_limit >= limits::hop_limit_default) {
    out.ended.push_back({at->first, error{error_code::unreachable, "the path to " + to_short_string(walk.to) + " is longer than "
                                                                     + std::to_string(limits::hop_limit_default) + " hops"}});
    walks_.erase(at);
    return;
  }
  walk.next_link = answer.link;
  walk.next_class = answer.link_class;
  ++walk.hop_limit;
  probe(at->first, walk, now, out);
}

void trace_table::on_tick(steady_time now, outcome& out) {
  for (auto at = walks_.begin(); at != walks_.end();) {
    auto& walk = at->second;
    if (now >= walk.deadline) {
      auto last = walk.steps.empty() ? "no hop answered" : "the last answer came from " + to_short_string(walk.steps.back().node);
      out.ended.push_back({at->first, error{error_code::timed_out, "no answer from hop " + std::to_string(walk.hop_limit)
                                                                     + " towards " + to_short_string(walk.to) + "; " + last}});
      at = walks_.erase(at);
      continue;
    }
    if (now >= walk.sent_at + limits::trace_probe_pause) probe(at->first, walk, now, out);
    ++at;
  }
}

steady_time trace_table::wake_at() const {
  auto out = steady_time::max();
  for (auto& [id, walk] : walks_) out = std::min({out, walk.deadline, walk.sent_at + limits::trace_probe_pause});
  return out;
}

} // namespace glow::route
