#include "tests/simulation/checkers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace glow::simulation {
namespace {

constexpr std::size_t violations_kept = 50;

constexpr double control_share_max = 0.02;
/// Shorter than this proves nothing: one beat of a serial line is more than its share of a second.
constexpr duration settled_for_min = 2min;

} // namespace

void violation_list::add(duration at, const std::string& what) {
  if (violations_.size() < violations_kept) violations_.push_back(fmt::format("{:.3f} s: {}", to_ms(at) / 1000, what));
}

std::vector<std::size_t> loop_checker::find_loop(const next_hops& next) {
  std::vector<std::size_t> seen_from(next.size(), nowhere); // where the walk that saw a node began
  for (std::size_t start = 0; start < next.size(); ++start) {
    auto at = start;
    for (; at < next.size() && seen_from[at] == nowhere; at = next[at]) seen_from[at] = start;
    if (at >= next.size() || seen_from[at] != start) continue; // it ends, or leads into a walk that ended
    std::vector<std::size_t> loop{at};
    for (auto on = next[at]; on != at; on = next[on]) loop.push_back(on);
    return loop;
  }
  return {};
}

void delivery_checker::on_sent(std::uint64_t number, probe what) {
  ++sent_;
  open_[number] = what;
}

void delivery_checker::on_served(std::uint64_t number, std::size_t at, std::size_t claimed_from, const digest& body,
                                 std::uint64_t life, duration when) {
  auto found = open_.find(number);
  if (!served_.emplace(number, at, life).second)
    into_.add(when, fmt::format("request {} was served twice by node {} in one life", number, at));
  if (found == open_.end()) return; // its asker gave up: serving it late is allowed, once
  auto& sent = found->second;
  if (sent.to != at) into_.add(when, fmt::format("request {} for node {} was served by node {}", number, sent.to, at));
  if (sent.from != claimed_from)
    into_.add(when, fmt::format("request {} from node {} arrived as from node {}", number, sent.from, claimed_from));
  if (sent.body != body) into_.add(when, fmt::format("request {} arrived with other bytes", number));
}

void delivery_checker::on_answered(std::uint64_t number, const digest& body, duration when) {
  auto found = open_.find(number);
  if (found == open_.end()) return into_.add(when, fmt::format("request {} was answered twice", number));
  if (found->second.body != body) into_.add(when, fmt::format("the answer to request {} has other bytes", number));
  ++answered_;
  open_.erase(found);
}

void delivery_checker::on_failed(std::uint64_t number) { open_.erase(number); }

void plaintext_checker::on_frame(byte_view bytes, std::size_t from, std::size_t to, duration when) {
  if (bytes.size() < marker_.size()) return;
  if (::memmem(bytes.data(), bytes.size(), marker_.data(), marker_.size()) != nullptr)
    into_.add(when, fmt::format("plaintext of a payload on the wire from node {} to node {}", from, to));
}

void object_checker::on_acknowledged(const std::string& path, const digest& content, std::size_t at) {
  acknowledged_[path] = {content, at};
}

void object_checker::on_read(const std::string& path, std::size_t at, const digest& content, duration when) {
  auto found = acknowledged_.find(path);
  if (found != acknowledged_.end() && found->second.first != content)
    into_.add(when, fmt::format("node {} read other bytes from {} than were put", at, path));
}

void object_checker::on_final_read(const std::string& path, std::size_t at, const digest* content, const std::string& why,
                                   duration when) {
  if (content == nullptr)
    return into_.add(when, fmt::format("{}, acknowledged by node {}, cannot be read on node {}: {}", path,
                                       acknowledged_.at(path).second, at, why));
  on_read(path, at, *content, when);
}

void replica_checker::on_listing(std::size_t at, const std::string& listing, duration when) {
  if (!first_) first_ = {at, listing};
  if (first_->second != listing)
    into_.add(when, fmt::format("nodes {} and {} see different trees after quiet", first_->first, at));
}

void replica_checker::on_no_listing(std::size_t at, const std::string& why, duration when) {
  into_.add(when, fmt::format("node {} cannot list the namespace after quiet: {}", at, why));
}

void job_checker::on_ended(const std::string& job, const std::string& state, std::uint64_t steps, std::uint64_t done,
                           duration when) {
  if (state != "done" || steps != done)
    into_.add(when, fmt::format("job {} is '{}' after quiet with {} of {} steps done", job, state, done, steps));
}

void job_checker::on_output(const std::string& path, std::size_t versions, duration when) {
  if (versions != 1) into_.add(when, fmt::format("output {} exists in {} versions instead of one", path, versions));
}

void mail_checker::on_sent(std::uint64_t number, std::size_t to, const digest& body) {
  messages_[number] = {to, body, false, false, 0};
}

void mail_checker::on_acknowledged(std::uint64_t number) {
  messages_[number].acknowledged = true;
  ++acknowledged_;
}

void mail_checker::on_taken(std::uint64_t number, std::size_t at, const digest& body, duration when) {
  auto found = messages_.find(number);
  if (found == messages_.end() || found->second.to != at || found->second.body != body)
    into_.add(when, fmt::format("node {} found message {} in its box, which nobody has sent like that", at, number));
}

void mail_checker::on_removed(std::uint64_t number, duration when) {
  auto& known = messages_[number];
  if (++known.removed > 1) into_.add(when, fmt::format("message {} was in the box of node {} twice", number, known.to));
}

void mail_checker::on_maybe_removed(std::uint64_t number) { messages_[number].maybe_removed = true; }

void mail_checker::judge(duration when) {
  for (auto& [number, each] : messages_)
    if (each.acknowledged && each.removed == 0 && !each.maybe_removed)
      into_.add(when, fmt::format("message {} to node {} was acknowledged and has not come", number, each.to));
}

void queue_checker::on_queue(const std::string& what, std::size_t length, std::size_t bound, duration when) {
  longest_ = std::max(longest_, length);
  if (length > bound) into_.add(when, fmt::format("{} holds {} entries, its bound is {}", what, length, bound));
}

void budget_checker::on_frame(std::size_t wire, std::uint64_t rate_bps, std::size_t bytes) {
  if (!settled_since_) return;
  auto& counted = wires_[wire];
  counted.rate_bps = rate_bps;
  counted.bytes += bytes;
}

void budget_checker::set_settled(bool settled, duration when) {
  if (settled == settled_since_.has_value()) return;
  if (settled)
    settled_since_ = when;
  else
    settled_for_ += when - *std::exchange(settled_since_, std::nullopt);
}

void budget_checker::judge(const std::function<std::string(std::size_t wire)>& name_of, duration when) {
  const auto time = settled_for_ + (settled_since_ ? when - *settled_since_ : 0ns);
  if (time < settled_for_min) return;
  for (auto& [wire, seen] : wires_) {
    const auto rate = static_cast<double>(seen.bytes) * 8 / (to_ms(time) / 1000);
    const auto share = rate / static_cast<double>(seen.rate_bps);
    if (share > control_share_max)
      into_.add(when, fmt::format("control traffic takes {:.1f} % of {}", share * 100, name_of(wire)));
  }
}

} // namespace glow::simulation
