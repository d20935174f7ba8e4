#include "runtime/link/estimates.hpp"

#include <algorithm>
#include <cstdio>

namespace glow::link {
namespace {

constexpr double local_rate_bps = 100e6;
constexpr double control_rate_bps = 1e6;
constexpr duration local_rtt = 10ms;
/// Fewer bytes between two pings say nothing about the rate of the link.
constexpr std::uint64_t rate_sample_bytes = 64u << 10;
constexpr int same_class_needed = 3;
/// How long the low rate that was measured last counts, when nothing more is measured: at first, and at the most.
constexpr duration ceiling_trust_min = 1min;
constexpr duration ceiling_trust_max = 1h;
constexpr double loss_worth_telling = 0.02;
/// What was measured so shortly before is excused, too.
constexpr duration excused_time = 2s;
/// Pings while packets flow: at first, and while enough flows to measure a rate; and while little does.
constexpr duration measuring_interval = 1s;
constexpr duration measuring_interval_light = 5s;
/// The same where bulk is shared among links: shares that are wrong cost throughput until they are
/// known to be.
constexpr duration measuring_interval_shared = 200ms;
constexpr double load_span_max_s = 1; ///< over longer the link was idle for a part of it
/// Sharing is over when nothing was sent by the shares for so long.
constexpr duration shared_lasts = 1s;
/// A link is full when more than this share of its load is lost, or its round trip stands so far above the least.
constexpr double full_loss = 0.005;
constexpr double full_rtt_share = 1.25;
constexpr duration full_rtt_rise = 2ms;

std::string in_ms(duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", to_ms(d));
  return text;
}

std::string in_mbit(double bps) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f Mbit/s", bps / 1e6);
  return text;
}

/// `over 30 s`: what was measured for a second and for an hour deserve different trust.
std::string over(duration span) {
  char text[32];
  const auto seconds = std::chrono::duration<double>(span).count();
  if (seconds < 120)
    std::snprintf(text, sizeof text, seconds < 9.95 ? " over %.1f s" : " over %.0f s", seconds);
  else
    std::snprintf(text, sizeof text, seconds < 7200 ? " over %.0f min" : " over %.0f h", seconds / (seconds < 7200 ? 60 : 3600));
  return text;
}

} // namespace

estimates::estimates(bool on_link, std::string declared_class, std::string declared_why, double known_rate_bps)
  : on_link_{on_link}, declared_{std::move(declared_class)}, declared_why_{std::move(declared_why)} {
  known_rate_bps_ = known_rate_bps;
  on_path_changed();
  reclassify();
}

void estimates::declare(std::string link_class, std::string why) {
  declared_ = std::move(link_class);
  declared_why_ = std::move(why);
  class_.clear(); // no hysteresis
  reclassify();
}

bool estimates::worth_measuring(steady_time now, bool traffic) const {
  const auto since = now - last_ping_at_;
  if (traffic && is_shared(now) && since >= measuring_interval_shared && bytes_sent_ - bytes_at_last_ping_ >= rate_sample_bytes)
    return true;
  if (since < measuring_interval) return false;
  if (rtt_samples_taken_ < rtt_samples_.size()) return true; // a single odd sample still moves the round trip
  if (!traffic) return false;                                // of a path that carries nothing the beat tells often enough
  return since >= measuring_interval_light || bytes_sent_ - bytes_at_last_ping_ >= rate_sample_bytes;
}

void estimates::on_shared_load(steady_time now) { shared_until_ = now + shared_lasts; }

std::uint32_t estimates::on_ping_sent(steady_time now) {
  auto& slot = pings_[next_number_ % pings_.size()];
  if (slot.number != 0) book_loss(true); // never answered while so many others were sent
  slot = {next_number_, now, bytes_sent_};
  ++counted_.sent;
  last_ping_at_ = now;
  bytes_at_last_ping_ = bytes_sent_;
  return next_number_++;
}

void estimates::on_pong(std::uint32_t number, std::uint64_t peer_bytes_received, steady_time now, bool loss_means_full) {
  auto& slot = pings_[number % pings_.size()];
  if (number == 0 || slot.number != number) return;
  auto sample = std::chrono::duration_cast<duration>(now - slot.sent_at);
  if (round_trips_.empty()) round_trips_.resize(1);
  round_trips_.front().record(sample);
  if (!rtt_is_own_) rtt_since_ = slot.sent_at;
  rtt_until_ = now;
  book_rtt(sample);
  // a queue that our own traffic fills is no property of the path: under load the class may only hear of a shorter one
  const bool is_loaded = last_pong_ && bytes_sent_ + bytes_received_ - carried_at_pong_ >= rate_sample_bytes;
  carried_at_pong_ = bytes_sent_ + bytes_received_;
  unloaded_rtt_ = is_loaded && unloaded_rtt_ > 0ns ? std::min(unloaded_rtt_, rtt_) : rtt_;
  book_loss(false);
  // unanswered pings that are overdue by now are lost
  for (auto& each : pings_)
    if (each.number != 0 && each.number < number && now - each.sent_at > std::max<duration>(3 * rtt_, 1s)) {
      book_loss(true);
      each.number = 0;
    }
  forget_old_ceiling(now);
  book_rate(slot, peer_bytes_received, sample, loss_means_full);
  slot.number = 0;
  is_hurried_ = is_shared(now) && now - reclassified_at_ < measuring_interval;
  if (!is_hurried_) reclassified_at_ = now;
  reclassify();
}

/// One answer that was held up on its way says nothing about the path, and would move routes all over the mesh: the smoothing
/// (RFC 6298 section 2, alpha = 1/8) sees the median of the latest samples.
void estimates::book_rtt(duration sample) {
  if (!rtt_is_own_) rtt_samples_taken_ = 0;
  rtt_samples_[rtt_samples_taken_++ % rtt_samples_.size()] = sample;
  auto sorted = rtt_samples_;
  auto end = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(rtt_samples_taken_, sorted.size()));
  std::sort(sorted.begin(), end);
  auto typical = sorted[static_cast<std::size_t>(end - sorted.begin() - 1) / 2];
  rtt_ = rtt_is_own_ ? rtt_ + (typical - rtt_) / 8 : typical;
  rtt_min_ = rtt_is_own_ ? std::min(rtt_min_, sample) : sample;
  rtt_is_own_ = true;
}

void estimates::book_loss(bool lost) {
  ++(lost ? counted_.lost : counted_.answered);
  loss_ += ((lost ? 1.0 : 0.0) - loss_) / 32;
}

void estimates::book_rate(const ping& answered, std::uint64_t peer_bytes_received, duration sample, bool loss_means_full) {
  auto before = last_pong_;
  last_pong_ = pong{answered.sent_at, answered.bytes_sent, peer_bytes_received};
  if (!before || peer_bytes_received < before->bytes_received || answered.sent_at - before->ping_sent_at < 20ms) return;
  auto sent = answered.bytes_sent - before->bytes_sent;
  auto arrived = peer_bytes_received - before->bytes_received;
  if (arrived < rate_sample_bytes && sent < rate_sample_bytes) return;
  auto seconds = std::chrono::duration<double>(answered.sent_at - before->ping_sent_at).count();
  auto rate = static_cast<double>(arrived) * 8 / seconds;
  if (seconds < load_span_max_s) book_load(static_cast<double>(arrived), static_cast<double>(sent), rate, sample);
  // more offered than delivered, or a queue that grew: the link was the bottleneck
  bool was_full =
    (loss_means_full && static_cast<double>(arrived) < 0.9 * static_cast<double>(sent)) || sample > 4 * rtt_min_ + 50ms;
  if (rate > rate_bps_ || was_full) {
    if (!was_full || !rate_is_ceiling_)
      rate_since_ = before->ping_sent_at; // what was less than the link's rate tells nothing of it
    rate_until_ = answered.sent_at;
    if (rate >= control_rate_bps) ceiling_trust_ = ceiling_trust_min;
  }
  if (rate > rate_bps_) {
    rate_bps_ = rate;
    rate_is_ceiling_ = was_full;
  } else if (was_full) {
    rate_bps_ += (rate - rate_bps_) / 2;
    rate_is_ceiling_ = true;
  }
}

/// Other than for the class, a queue that stands counts, and a loss however small: congestion control keeps a bottleneck's queue
/// filled, and seldom loses more.
void estimates::book_load(double arrived, double sent, double rate, duration sample) {
  if (sent < rate_sample_bytes) return;
  const auto missing = std::clamp(1 - arrived / sent, 0.0, 1.0);
  load_.loss = missing;
  load_.rate_bps = rate;
  load_.full = missing > full_loss || to_ms(sample) > to_ms(rtt_min_) * full_rtt_share + to_ms(full_rtt_rise);
  ++load_.sample;
}

/// A link that was once found slow carries no bulk, and so shows nothing better by itself: after a while it is taken for what its
/// round trip says, and measured again when bulk comes. Each time that finds it slow again counts for longer.
void estimates::forget_old_ceiling(steady_time now) {
  if (!rate_is_ceiling_ || known_rate_bps_ > 0 || rate_bps_ >= control_rate_bps || now - rate_until_ < ceiling_trust_) return;
  ceiling_trust_ = std::min<duration>(2 * ceiling_trust_, ceiling_trust_max);
  rate_is_ceiling_ = false;
  rate_bps_ = 0;
  last_pong_.reset();
}

void estimates::excuse_missing_bytes(steady_time now) {
  last_pong_.reset();
  if (known_rate_bps_ <= 0 && now - rate_until_ < excused_time) rate_is_ceiling_ = false;
}

void estimates::on_peer_rtt(duration rtt) {
  if (rtt_is_own_ || rtt <= 0ns) return;
  rtt_ = rtt_min_ = unloaded_rtt_ = rtt;
  reclassify();
}

void estimates::on_path_changed() {
  for (auto& each : pings_) each.number = 0;
  rtt_ = rtt_min_ = unloaded_rtt_ = 0ns;
  rtt_is_own_ = false;
  loss_ = 0;
  rate_bps_ = known_rate_bps_;
  rate_is_ceiling_ = known_rate_bps_ > 0;
  ceiling_trust_ = ceiling_trust_min;
  last_pong_.reset();
  load_ = {};
  told_load_ = 0;
  why_ = "not yet measured on this path";
}

std::string estimates::rtt_in_words() const {
  const auto since = rtt_samples_taken_ > 1 ? over(rtt_until_ - rtt_since_) : " so far";
  const auto unloaded =
    rtt_ >= local_rtt && unloaded_rtt_ < local_rtt ? ", " + in_ms(unloaded_rtt_) + " when idle" : std::string{};
  return "RTT " + in_ms(rtt_) + (rtt_is_own_ ? since : " so far") + unloaded;
}

std::string estimates::rate_in_words() const {
  if (rate_bps_ <= 0) return "rate not measured";
  return (rate_is_ceiling_ ? "rate " : "rate at least ") + in_mbit(rate_bps_)
         + (rate_until_ > rate_since_ ? over(rate_until_ - rate_since_) : std::string{});
}

void estimates::reclassify() {
  std::string wanted;
  std::string why;
  const bool is_quick = unloaded_rtt_ < local_rtt;
  const bool is_fast = rate_bps_ >= local_rate_bps;
  if (!declared_.empty()) {
    wanted = declared_;
    why = "declared by the transport" + (declared_why_.empty() ? "" : ": " + declared_why_);
    if (rtt_ > 0ns) why += "; " + rtt_in_words();
  } else if (rate_is_ceiling_ && rate_bps_ < control_rate_bps) {
    wanted = "control";
    why = rate_in_words();
  } else if (rtt_ == 0ns) {
    wanted = on_link_ ? "local" : "wan";
    why = on_link_ ? "directly attached, not yet measured" : "not yet measured";
  } else if (is_quick && (rate_is_ceiling_ ? is_fast : on_link_ || is_fast)) {
    wanted = "local";
    why = rtt_in_words() + ", " + (rate_bps_ > 0 ? rate_in_words() : "directly attached");
  } else {
    wanted = "wan";
    why = is_quick && rate_is_ceiling_ ? rate_in_words() + ", " + rtt_in_words() : rtt_in_words() + ", " + rate_in_words();
  }
  if (loss_ >= loss_worth_telling) why += ", " + std::to_string(static_cast<int>(loss_ * 100 + 0.5)) + " % of pings lost";
  candidate_seen_ = wanted != candidate_ ? 1 : is_hurried_ ? candidate_seen_ : candidate_seen_ + 1;
  candidate_ = wanted;
  if (wanted == class_ || class_.empty() || candidate_seen_ >= same_class_needed) {
    counted_.class_changes += !class_.empty() && wanted != class_;
    class_ = wanted;
    why_ = why;
  } else {
    why_ = why + ": " + wanted + " if it lasts, " + std::to_string(candidate_seen_) + " of " + std::to_string(same_class_needed)
           + " measurements";
  }
}

bool estimates::worth_telling(steady_time now) {
  if (is_shared(now) && load_.sample != told_load_) {
    told_load_ = load_.sample;
    return true;
  }
  if (now - told_at_ < 1s && told_at_ != steady_time{}) return false;
  auto differs = [](double a, double b, double share) { return a < b * (1 - share) || a > b * (1 + share); };
  bool news = class_ != told_class_ || differs(rate_bps_, told_rate_bps_, 0.5)
              || (differs(to_ms(rtt_), to_ms(told_rtt_), 0.25) && std::chrono::abs(rtt_ - told_rtt_) > 1ms)
              || (told_rtt_ == 0ns && rtt_ > 0ns);
  if (!news) return false;
  told_at_ = now;
  told_class_ = class_;
  told_rtt_ = rtt_;
  told_rate_bps_ = rate_bps_;
  return true;
}

} // namespace glow::link
