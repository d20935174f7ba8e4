#include "runtime/route/stripe.hpp"

#include "runtime/route/admission.hpp"
#include "runtime/route/limits.hpp"

#include <algorithm>
#include <set>

namespace glow::route {
namespace {

bool is_admitted(const link_view& link) { return admits(link.link_class, link.bulk, traffic_class::bulk) == admission::carried; }

/// Either way round; unmeasured round trips are no reason.
bool are_far_apart(duration a, duration b, double factor, duration rise) {
  if (a <= duration::zero() || b <= duration::zero()) return false;
  const auto [less, more] = std::minmax({to_ms(a), to_ms(b)});
  return more > less * factor && more > less + to_ms(rise);
}

} // namespace

void stripe::take_in(record& of, const link_view& link) {
  const auto& load = link.load;
  if (load.sample == of.sample) return;
  if (load.sample < of.sample) { // another path: what was known is void
    const auto left_out = of.left_out_for;
    of = {};
    of.left_out_for = left_out;
  }
  of.sample = load.sample;
  if (load.sample == 0) return;
  ++of.samples;
  of.loss += (std::min(load.loss, limits::stripe_loss_counted_max) - of.loss) * limits::stripe_loss_gain;
  if (load.full) {
    of.rate_bps = of.was_full ? (of.rate_bps + load.rate_bps) / 2 : load.rate_bps;
    of.was_full = true;
  } else {
    of.rate_bps = std::max(of.rate_bps, load.rate_bps * (of.was_full ? limits::stripe_growth : limits::stripe_growth_first));
  }
}

void stripe::leave_out(record& of, stripe_verdict why, const stripe_tuning& tuning, steady_time now) {
  const auto pause =
    of.left_out_for == duration::zero() ? tuning.left_out_first : std::min(2 * of.left_out_for, tuning.left_out_max);
  const auto sample = of.sample;
  of = {}; // when it is tried again nothing is held against it
  of.sample = sample;
  of.left_out_for = pause;
  of.left_out_until = now + pause;
  of.left_out_why = why;
}

/// Lossy by comparison: what all of them lose is the congestion that their sum makes.
void stripe::note_losses(const std::vector<const link_view*>& eligible, const stripe_tuning& tuning) {
  double least = 1;
  for (auto* each : eligible)
    if (auto& of = known_[each->id]; of.samples > 0) least = std::min(least, of.loss);
  for (auto* each : eligible) {
    auto& of = known_[each->id];
    if (!of.is_news || of.samples == 0) continue;
    of.lossy_in_a_row = of.loss > least + tuning.loss_kept ? of.lossy_in_a_row + 1 : 0;
  }
}

const link_view* stripe::leader_of(const std::vector<const link_view*>& eligible, std::uint32_t best) const {
  const link_view* leader = nullptr;
  double highest = -1;
  for (auto* each : eligible) {
    auto& of = known_.at(each->id);
    // the best link is what the neighbour's way was announced by: it leads unless another is clearly faster
    const auto merit = of.rate_bps * (each->id == best ? limits::stripe_growth : 1.0);
    if (merit > highest || (merit == highest && each->id == best)) leader = each, highest = merit;
  }
  return leader;
}

stripe_verdict stripe::judge(const link_view& link, const link_view& leader, const link_view& best, const stripe_tuning& tuning,
                             steady_time now) {
  auto& of = known_[link.id];
  const auto& lead = known_.at(leader.id);
  if (now < of.left_out_until) return of.left_out_why;
  if (link.link_class != leader.link_class) return stripe_verdict::other_class;
  if (link.medium != leader.medium) return stripe_verdict::other_medium;
  if (link.packet_bytes_max < best.packet_bytes_max) return stripe_verdict::short_packets;
  if (are_far_apart(link.rtt_min, leader.rtt_min, of.takes_part ? tuning.rtt_factor_kept : tuning.rtt_factor, tuning.rtt_rise))
    return stripe_verdict::far_round_trip;
  if (of.was_full && of.rate_bps < lead.rate_bps * (of.takes_part ? tuning.rate_share_kept : tuning.rate_share)) {
    leave_out(of, stripe_verdict::is_slow, tuning, now);
    return stripe_verdict::is_slow;
  }
  if (lead.rate_bps <= 0) return stripe_verdict::waits;
  return of.rate_bps > 0 ? stripe_verdict::shares : stripe_verdict::is_tried;
}

void stripe::update(const std::vector<const link_view*>& links, std::uint32_t best, const stripe_tuning& tuning,
                    steady_time now) {
  std::erase_if(known_, [&](auto& entry) {
    return std::none_of(links.begin(), links.end(), [&](auto* each) { return each->id == entry.first; });
  });
  const link_view* announced = nullptr;
  std::vector<const link_view*> eligible;
  candidates_ = 0;
  for (auto* each : links) {
    auto& of = known_[each->id];
    if (each->id == best) announced = each;
    of.verdict = !is_admitted(*each) ? stripe_verdict::is_refused
                 : each->silent      ? stripe_verdict::is_silent
                                     : stripe_verdict::waits;
    candidates_ += of.verdict != stripe_verdict::is_refused;
    const bool is_news = each->load.sample != of.sample;
    take_in(of, *each);
    of.is_news = is_news;
    if (of.verdict == stripe_verdict::waits) eligible.push_back(each);
  }
  if (!tuning.several) candidates_ = std::min<std::size_t>(candidates_, 1);
  std::vector<const link_view*> taking_part;
  if (eligible.empty() || !announced) { // all are silent: the best one is as good as any, until it is given up
    members_.clear();
    return;
  }
  note_losses(eligible, tuning);
  std::vector<const link_view*> sound;
  for (auto* each : eligible) {
    auto& of = known_[each->id];
    if (of.lossy_in_a_row >= tuning.lossy_samples) leave_out(of, of.verdict = stripe_verdict::is_lossy, tuning, now);
    if (now >= of.left_out_until) sound.push_back(each);
  }
  if (sound.empty()) sound = eligible;
  if (!tuning.several) sound = {announced};
  const auto& leader = *leader_of(sound, best);
  for (auto* each : eligible) {
    auto& of = known_[each->id];
    const bool leads = each == &leader;
    if (!tuning.several && !leads) continue;
    of.verdict = leads ? stripe_verdict::leads : judge(*each, leader, *announced, tuning, now);
    of.takes_part = leads || of.verdict == stripe_verdict::shares || of.verdict == stripe_verdict::is_tried;
    if (of.takes_part) taking_part.push_back(each);
  }
  for (auto& [link, of] : known_)
    if (of.verdict == stripe_verdict::leads && taking_part.size() == 1 && candidates_ == 1) of.verdict = stripe_verdict::alone;
  deal(taking_part, leader, tuning);
}

void stripe::deal(const std::vector<const link_view*>& taking_part, const link_view& leader, const stripe_tuning& tuning) {
  const auto lead_rate = std::max(known_.at(leader.id).rate_bps, 1.0);
  auto weight_of = [&](const link_view& link) {
    const auto rate = known_.at(link.id).rate_bps;
    return link.id == leader.id ? lead_rate : rate > 0 ? rate : lead_rate * tuning.trial_share;
  };
  double sum = 0;
  for (auto* each : taking_part) sum += weight_of(*each);
  const auto run_time_s = std::chrono::duration<double>(limits::stripe_run).count();
  const auto lead_run = std::clamp(lead_rate / 8 * run_time_s, static_cast<double>(limits::stripe_run_bytes_min),
                                   static_cast<double>(limits::stripe_run_bytes_max));
  std::vector<member> made;
  for (auto* each : taking_part) {
    const auto weight = weight_of(*each);
    const auto run = static_cast<std::int64_t>(std::max(lead_run * weight / lead_rate, 1.0 * limits::stripe_run_bytes_least));
    auto before = std::find_if(members_.begin(), members_.end(), [&](auto& one) { return one.link == each->id; });
    const auto left = before == members_.end() ? run : std::min(before->left_bytes, run);
    made.push_back({each->id, weight / sum, known_.at(each->id).rate_bps, run, left});
  }
  const auto whose = turn_ < members_.size() ? members_[turn_].link : 0;
  members_ = std::move(made);
  turn_ = 0;
  for (std::size_t i = 0; i < members_.size(); ++i)
    if (members_[i].link == whose) turn_ = i;
}

std::uint32_t stripe::next(std::size_t packet_bytes) {
  if (members_.empty()) return 0;
  // each turn adds at least one short run, and a debt is at most one packet: this ends
  while (members_[turn_].left_bytes <= 0) {
    members_[turn_].left_bytes += members_[turn_].run_bytes;
    turn_ = (turn_ + 1) % members_.size();
  }
  members_[turn_].left_bytes -= static_cast<std::int64_t>(packet_bytes);
  return members_[turn_].link;
}

double stripe::share_of(std::uint32_t link) const {
  for (auto& each : members_)
    if (each.link == link) return each.share;
  return 0;
}

stripe_verdict stripe::verdict_of(std::uint32_t link) const {
  auto found = known_.find(link);
  return found == known_.end() ? stripe_verdict::is_refused : found->second.verdict;
}

} // namespace glow::route
