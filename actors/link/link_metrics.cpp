// What a link tells of its measurements.
#include "actors/link/link.hpp"

#include "runtime/base/base32.hpp"

namespace glow {
namespace {

using measure::family;
using measure::labels;

constexpr family facts{"glow_link", "A link to a neighbour: its peer, channel, class and state."};
constexpr family bytes{"glow_link_bytes", "Sealed bytes that a link carried.", "bytes"};
constexpr family packets{"glow_link_packets", "Overlay packets that a link carried."};
constexpr family rejected{"glow_link_rejected_datagrams", "Datagrams that were not taken."};
constexpr family dropped{"glow_link_dropped_packets", "Overlay packets that a link could not send."};
constexpr family pings_sent{"glow_link_pings_sent", "Pings that left."};
constexpr family pings_lost{"glow_link_pings_lost", "Pings whose answer never came."};
constexpr family round_trips{"glow_link_rtt_seconds", "Round trips that pings measured.", "seconds"};
constexpr family smoothed{"glow_link_smoothed_rtt_seconds", "Round trip as routing sees it.", "seconds"};
constexpr family rate{"glow_link_rate_bytes_per_second", "Highest rate seen to arrive at the peer.", "bytes_per_second"};
constexpr family loss{"glow_link_loss_ratio", "Share of the latest pings that were lost.", "ratio"};
constexpr family datagram_bytes{"glow_link_datagram_bytes", "Longest datagram that the path was found to carry.", "bytes"};
constexpr family packet_bytes{"glow_link_packet_bytes", "Longest overlay packet that the link takes.", "bytes"};
constexpr family class_changes{"glow_link_class_changes", "How often the measured class became another one."};

labels with(labels where, std::string_view name, std::string value) {
  where.push_back({name, std::move(value)});
  return where;
}

} // namespace

void link_state::expose(measure::exposition& out) const {
  if (!machine) return;
  const auto now = info({});
  const labels here{{"link", std::to_string(id)}, {"peer", now.peer_name}, {"channel", to_string(now.channel)}};
  auto known = with(with(here, "class", now.link_class), "state", now.state);
  out.info(facts, now.peer.is_zero() ? known : with(known, "peer_id", to_short_string(now.peer)));
  out.counter(bytes, with(here, "direction", "in"), now.bytes_in);
  out.counter(bytes, with(here, "direction", "out"), now.bytes_out);
  const auto& counted = machine->counters();
  out.counter(packets, with(here, "direction", "in"), counted.packets_in);
  out.counter(packets, with(here, "direction", "out"), counted.packets_out);
  out.counter(rejected, with(here, "reason", "foreign"), counted.rejected_foreign);
  out.counter(rejected, with(here, "reason", "forged"), counted.rejected_forged);
  out.counter(rejected, with(here, "reason", "replayed"), counted.rejected_replayed);
  out.counter(dropped, with(here, "reason", "too_long"), counted.dropped_too_long);
  out.counter(dropped, with(here, "reason", "not_up"), counted.dropped_not_up);
  const auto& measured = machine->measured();
  out.counter(pings_sent, here, measured.pings().sent);
  out.counter(pings_lost, here, measured.pings().lost);
  out.counter(class_changes, here, measured.pings().class_changes);
  out.times(round_trips, here, measured.round_trips() ? *measured.round_trips() : measure::histogram{});
  if (now.rtt > 0ns) out.gauge(smoothed, here, std::chrono::duration<double>(now.rtt).count());
  if (now.rate_bps > 0) out.gauge(rate, here, now.rate_bps / 8);
  out.gauge(loss, here, now.loss);
  if (now.datagram_bytes > 0) {
    out.gauge(datagram_bytes, here, static_cast<double>(now.datagram_bytes));
    out.gauge(packet_bytes, here, static_cast<double>(now.packet_bytes_max));
  }
}

} // namespace glow
