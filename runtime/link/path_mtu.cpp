#include "runtime/link/path_mtu.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace glow::link {
namespace {

/// UDP payloads of the paths one meets, shortest first; the ceiling comes on top. IPv4 takes 28 bytes of the MTU, IPv6 48.
constexpr std::array<std::size_t, 14> usual_lengths{
  1252,       // MTU 1280 (mobile tunnels) IPv4
  1332,       // 1380 IPv6, 1360 IPv4
  1352, 1372, // 1400 (IPsec, OpenVPN, cloud overlays) IPv6, IPv4; WireGuard's 1420 IPv6
  1392,       // 1420 (WireGuard) IPv4
  1412,       // 1440, 1460 IPv6
  1432,       // 1460 IPv4, 1480 (6in4) IPv6
  1444,       // 1492 (PPPoE) IPv6
  1452,       // 1500 (Ethernet) IPv6, 1480 IPv4
  1464,       // 1492 IPv4
  1472,       // 1500 IPv4
  4052,       // 4100: some clouds and radio back-haul
  8952, 8972, // 9000 (jumbo frames) IPv6, IPv4
};

/// So many datagrams, and such a part of them, missing between two pings that some came through of.
constexpr std::size_t partly_missing_min = 8;
constexpr std::size_t partly_missing_part = 4;

} // namespace

void path_mtu::enable(std::size_t ceiling) {
  ceiling_ = std::min<std::size_t>(ceiling, length_mask);
  impassable_ = ceiling_ + 1;
}

/// The next length to try: what the network named, else the ceiling, else the middle of what is left.
std::optional<std::size_t> path_mtu::candidate() const {
  if (!is_enabled() || now_ >= ceiling_) return std::nullopt;
  if (told_to_fit_ > now_ && told_to_fit_ < impassable_) return told_to_fit_;
  if (impassable_ > ceiling_) return ceiling_;
  std::vector<std::size_t> left;
  for (auto each : usual_lengths)
    if (each > now_ && each < impassable_) left.push_back(each);
  if (left.empty()) return std::nullopt;
  return left[left.size() / 2];
}

std::uint32_t path_mtu::number_of(std::size_t length) const {
  return probe_kind | (generation_ << length_bits & ~(kind_mask | length_mask)) | static_cast<std::uint32_t>(length);
}

std::optional<std::size_t> path_mtu::wants_probe(std::uint64_t bytes_sent, duration rtt, steady_time now) {
  if (!is_enabled()) return std::nullopt;
  if (now >= search_again_at_) { // the path may carry longer ones by now
    search_again_at_ = steady_time::max();
    impassable_ = ceiling_ + 1;
    told_to_fit_ = 0;
  }
  if (probe_waits_) {
    if (now - probe_at_ < std::max<duration>(limits::path_mtu_probe_timeout_min, 3 * rtt)) return std::nullopt;
    probe_waits_ = false;
    if (++unanswered_ >= limits::path_mtu_probes_max) give_up_on(probed_, now);
  }
  auto length = candidate();
  if (!length) return std::nullopt;
  auto paid = has_probed_ ? limits::path_mtu_bytes_per_probe_byte * *length : limits::path_mtu_first_probe_bytes;
  if (bytes_sent - bytes_at_probe_ < paid) return std::nullopt;
  if (*length != probed_) unanswered_ = 0;
  probed_ = *length;
  return length;
}

std::uint32_t path_mtu::on_probe_sent(std::uint64_t bytes_sent, steady_time now) {
  probe_waits_ = true;
  probe_at_ = now;
  bytes_at_probe_ = bytes_sent;
  has_probed_ = true;
  return number_of(probed_);
}

bool path_mtu::on_probe_answered(std::uint32_t number, steady_time now) {
  auto length = length_of(number);
  if (!is_enabled() || number != number_of(length) || length <= base_ || length > ceiling_) return false;
  if (in_doubt_ && length >= now_) { // what is as long as what we send passes
    in_doubt_ = false;
    doubt_pause_ = std::min<duration>(2 * doubt_pause_, limits::path_mtu_doubt_pause_max);
  }
  if (length == probed_) probe_waits_ = false, unanswered_ = 0;
  if (length <= now_) return false;
  now_ = length;
  impassable_ = length == told_to_fit_ ? length + 1 : std::max(impassable_, length + 1);
  settle(now);
  return true;
}

void path_mtu::give_up_on(std::size_t length, steady_time now) {
  impassable_ = std::min(impassable_, length);
  unanswered_ = 0;
  settle(now);
}

void path_mtu::settle(steady_time now) {
  if (is_complete() && now_ < ceiling_) search_again_at_ = now + limits::path_mtu_search_pause;
}

void path_mtu::on_ping_sent(std::uint32_t number, duration rtt, steady_time now) {
  if (!is_enabled()) return;
  // pings may overlap: the one that is awaited is only given up when it is lost
  if (awaited_ && now - awaited_->sent_at < limits::path_mtu_probe_timeout_min + 2 * rtt) return;
  awaited_ = mark{number, now, short_bytes_, long_sent_, 0};
}

path_mtu::verdict path_mtu::on_pong(std::uint32_t number, std::uint64_t bytes_arrived, steady_time now) {
  if (!is_enabled()) return {};
  if (verdict_ping_ && number >= *verdict_ping_) {
    verdict_ping_.reset();
    if (in_doubt_) return fall(now);
  }
  if (!awaited_ || awaited_->ping != number) return {};
  const auto long_sent = awaited_->long_sent - counted_.long_sent;
  const auto short_bytes = awaited_->short_bytes - counted_.short_bytes;
  const auto arrived = bytes_arrived - std::min(bytes_arrived, counted_.arrived);
  const bool nothing_long_arrived = arrived <= short_bytes;
  if (long_sent > 0 && long_sent < limits::path_mtu_missing_min && nothing_long_arrived) return awaited_.reset(), verdict{};
  counted_ = *awaited_;
  counted_.arrived = bytes_arrived;
  awaited_.reset();
  if (long_sent == 0) return {};
  if (nothing_long_arrived) return doubt(now);
  // a hole that opened since the ping before: plain loss looks like this, too, so more confirmations must fail
  const auto full = long_sent * now_;
  const auto missing = short_bytes + full - std::min(short_bytes + full, arrived);
  auto out = missing > partly_missing_min * now_ && missing > full / partly_missing_part ? doubt(now) : verdict{};
  out.confirm_with *= 2;
  return out;
}

path_mtu::verdict path_mtu::doubt(steady_time now) {
  if (now_ <= base_ || in_doubt_) return {};
  if (doubted_at_ && now - *doubted_at_ < doubt_pause_) return {};
  doubted_at_ = now;
  in_doubt_ = true;
  return {false, limits::path_mtu_confirmations};
}

path_mtu::verdict path_mtu::fall(steady_time now) {
  impassable_ = std::min(impassable_, now_);
  now_ = base_;
  in_doubt_ = false;
  doubt_pause_ = limits::path_mtu_doubt_pause_min;
  verdict_ping_.reset();
  probe_waits_ = false;
  unanswered_ = 0;
  ++generation_;
  settle(now);
  return {true, 0};
}

path_mtu::verdict path_mtu::on_too_long(std::size_t fits, bool certain, steady_time now) {
  if (!is_enabled()) return {};
  if (fits > base_ && fits < ceiling_) told_to_fit_ = fits;
  if (probe_waits_ && probed_ > std::max(now_, fits)) {
    probe_waits_ = false;
    give_up_on(probed_, now);
    if (fits == 0) return {}; // about the probe, most likely
  }
  if (certain && fits != 0) impassable_ = std::min(impassable_, std::max(fits, base_) + 1);
  if (now_ <= std::max(base_, fits)) return {};
  return certain ? fall(now) : doubt(now);
}

void path_mtu::on_path_changed() {
  now_ = base_;
  impassable_ = ceiling_ + 1;
  told_to_fit_ = 0;
  ++generation_;
  probe_waits_ = false;
  unanswered_ = 0;
  has_probed_ = false;
  search_again_at_ = steady_time::max();
  awaited_.reset();
  verdict_ping_.reset();
  doubted_at_.reset();
  doubt_pause_ = limits::path_mtu_doubt_pause_min;
  in_doubt_ = false;
}

} // namespace glow::link
