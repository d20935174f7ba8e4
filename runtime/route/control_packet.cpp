#include "runtime/route/control_packet.hpp"

#include "runtime/base/capnp.hpp"
#include "runtime/base/mixing.hpp"
#include "runtime/route/limits.hpp"
#include "schema/route.capnp.h"

namespace glow::route {

namespace {

void write_update(schema::RouteUpdate::Builder out, const route_update& update) {
  out.setOrigin(as_data(update.origin.view()));
  out.setEpoch(update.said.what.epoch);
  out.setSeqno(update.said.what.seqno);
  if (!update.said.by_origin.is_zero()) out.setSignature(as_data(update.said.by_origin.view()));
  unsigned classes = 0;
  if (auto& interactive = update.offers[index_of(metric_class::interactive)]) {
    classes |= 1;
    out.setInteractiveMetric(interactive->cost);
    out.setInteractiveHops(interactive->hops);
    out.setInteractivePacketBytesMax(interactive->packet_bytes_max);
  }
  if (auto& bulk = update.offers[index_of(metric_class::bulk)]) {
    classes |= 2;
    out.setBulkMetric(bulk->cost);
    out.setBulkHops(bulk->hops);
    out.setBulkPacketBytesMax(bulk->packet_bytes_max);
  }
  out.setClasses(static_cast<std::uint8_t>(classes));
}

error bad_field(std::string_view field) {
  return error{error_code::malformed, "routing packet with an impossible " + std::string{field}};
}

result<signed_claim> read_claim(std::uint64_t epoch, std::uint32_t seqno, capnp::Data::Reader signature) {
  if (signature.size() != 0 && signature.size() != identity::signature::size_bytes) return bad_field("signature");
  return signed_claim{{epoch, seqno}, identity::signature::from(from_data(signature))};
}

result<route_update> read_update(schema::RouteUpdate::Reader in) {
  if (in.getOrigin().size() != node_id::size_bytes) return bad_field("origin");
  auto said = read_claim(in.getEpoch(), in.getSeqno(), in.getSignature());
  if (!said) return said.why();
  route_update out{node_id::from(from_data(in.getOrigin())), *said, {}};
  if (in.getClasses() & 1)
    out.offers[index_of(metric_class::interactive)] =
      offer{in.getInteractiveMetric(), in.getInteractiveHops(), in.getInteractivePacketBytesMax()};
  if (in.getClasses() & 2)
    out.offers[index_of(metric_class::bulk)] = offer{in.getBulkMetric(), in.getBulkHops(), in.getBulkPacketBytesMax()};
  return out;
}

result<seqno_request> read_request(schema::SeqnoRequest::Reader in) {
  if (in.getOrigin().size() != node_id::size_bytes) return bad_field("origin");
  auto newer_than = read_claim(in.getEpoch(), in.getSeqno(), in.getSignature());
  if (!newer_than) return newer_than.why();
  return seqno_request{node_id::from(from_data(in.getOrigin())), *newer_than,
                       in.getBulk() ? metric_class::bulk : metric_class::interactive, in.getHopLimit()};
}

result<control_packet> read_control(schema::RouteControl::Reader in) {
  control_packet out{in.getSession(), in.getNumber(), in.getAckSession(), {}, {}, {}};
  for (auto size : {in.getAcks().size(), in.getUpdates().size(), in.getRequests().size()})
    if (size > limits::route_entries_per_packet_max) return bad_field("list length");
  for (auto ack : in.getAcks()) out.acks.push_back(ack);
  for (auto each : in.getUpdates()) {
    auto update = read_update(each);
    if (!update) return update.why();
    out.updates.push_back(*update);
  }
  for (auto each : in.getRequests()) {
    auto request = read_request(each);
    if (!request) return request.why();
    out.requests.push_back(*request);
  }
  if (in.getHasDigest()) out.digest = in.getTableDigest();
  out.asks_table = in.getAsksTable();
  return out;
}

/// Text that a stranger wrote and a terminal will show.
std::string printable(capnp::Text::Reader text) {
  std::string out{text.begin(), std::min<std::size_t>(text.size(), limits::trace_text_bytes_max)};
  std::replace_if(
    out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

} // namespace

byte_string encode(const control_packet& packet) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::RouteControl>();
  out.setSession(packet.session);
  out.setNumber(packet.number);
  out.setAckSession(packet.ack_session);
  unsigned i = 0;
  if (!packet.acks.empty()) {
    auto acks = out.initAcks(static_cast<unsigned>(packet.acks.size()));
    for (auto each : packet.acks) acks.set(i++, each);
  }
  if (!packet.updates.empty()) {
    auto updates = out.initUpdates(static_cast<unsigned>(packet.updates.size()));
    i = 0;
    for (auto& each : packet.updates) write_update(updates[i++], each);
  }
  if (!packet.requests.empty()) {
    auto requests = out.initRequests(static_cast<unsigned>(packet.requests.size()));
    i = 0;
    for (auto& each : packet.requests) {
      auto request = requests[i++];
      request.setOrigin(as_data(each.origin.view()));
      request.setEpoch(each.newer_than.what.epoch);
      request.setSeqno(each.newer_than.what.seqno);
      request.setSignature(as_data(each.newer_than.by_origin.view()));
      request.setBulk(each.table == metric_class::bulk);
      request.setHopLimit(each.hop_limit);
    }
  }
  out.setHasDigest(packet.digest.has_value());
  out.setTableDigest(packet.digest.value_or(0));
  out.setAsksTable(packet.asks_table);
  return to_bytes(message);
}

std::uint64_t offer_digest(const node_id& origin, metric_class c, const offer& told, const claim& by) {
  if (told.cost == infinite_metric) return 0;
  return mix_words(read_le<std::uint64_t>(origin.data()),
                   {std::uint64_t{index_of(c)} << 40 | std::uint64_t{told.hops} << 32 | told.cost, by.epoch,
                    std::uint64_t{told.packet_bytes_max} << 32 | by.seqno});
}

result<control_packet> decode_control_packet(byte_view body) { return read_message<schema::RouteControl>(body, read_control); }

byte_string encode(const trace_packet& packet) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::RouteTrace>();
  out.setTrace(packet.trace);
  out.setProbe(packet.probe);
  out.setAnswer(packet.answer);
  out.setLink(as_capnp_text(packet.link.substr(0, limits::trace_text_bytes_max)));
  out.setLinkClass(as_capnp_text(packet.link_class));
  return to_bytes(message);
}

result<trace_packet> decode_trace_packet(byte_view body) {
  return read_message<schema::RouteTrace>(body, [](schema::RouteTrace::Reader in) -> result<trace_packet> {
    return trace_packet{in.getTrace(), in.getProbe(), in.getAnswer(), printable(in.getLink()), printable(in.getLinkClass())};
  });
}

} // namespace glow::route
