// What routers decode: the overlay header, routing packets, traces.
#include "runtime/route/control_packet.hpp"
#include "runtime/route/label_packet.hpp"
#include "runtime/route/limits.hpp"
#include "runtime/route/overlay_header.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace route;

void check_overlay_header(byte_view input) {
  auto header = decode_overlay_header(input);
  if (!header) return require_readable(header.why());
  require(header->size_bytes() <= input.size(), "a header is no longer than its packet");
  auto payload = to_bytes(input.subspan(header->size_bytes()));
  auto packet = put_overlay_header(*header, payload);
  require(packet == to_bytes(input), "a header written again is the same");
}

std::vector<seed> overlay_header_seeds() {
  auto body = to_bytes(std::string_view{"payload"});
  auto one = node_id::from(byte_string(32, 1)), other = node_id::from(byte_string(32, 2));
  return {{"routed", put_overlay_header({packet_kind::data, traffic_class::bulk, false, 16, one, other}, body)},
          {"direct", put_overlay_header({packet_kind::data, traffic_class::interactive, true, 1, {}, {}}, body)},
          {"announcement", put_overlay_header({packet_kind::announcement, traffic_class::control, true, 1, {}, {}}, body)},
          {"trace", put_overlay_header({packet_kind::trace, traffic_class::control, false, 2, one, other}, body)},
          {"labelled", put_overlay_header({packet_kind::labelled, traffic_class::bulk, false, 63, {}, {}, 1023}, body)}};
}

void check_routing_packet(byte_view input) {
  keeps_meaning(
    input, [](byte_view bytes) { return decode_label_packet(bytes); }, [](const label_packet& p) { return encode(p); });
  keeps_meaning(
    input, [](byte_view bytes) { return decode_control_packet(bytes); }, [](const control_packet& p) { return encode(p); });
  keeps_meaning(
    input, [](byte_view bytes) { return decode_trace_packet(bytes); }, [](const trace_packet& p) { return encode(p); });
  if (auto read = decode_control_packet(input)) {
    require(read->acks.size() <= limits::route_entries_per_packet_max
              && read->updates.size() <= limits::route_entries_per_packet_max
              && read->requests.size() <= limits::route_entries_per_packet_max,
            "lists of a routing packet are bounded");
    auto bytes = encode(*read);
    require(bytes.size() <= control_packet_bytes + read->acks.size() * ack_bytes + read->updates.size() * route_update_bytes
                              + read->requests.size() * seqno_request_bytes,
            "a routing packet is no longer than its router reckons");
  }
  if (auto read = decode_trace_packet(input)) {
    require(read->link.size() <= limits::trace_text_bytes_max && read->link_class.size() <= limits::trace_text_bytes_max,
            "texts of a trace are bounded");
    for (char c : read->link) require(c >= ' ' && c <= '~', "texts of a trace move no terminal");
  }
}

std::vector<seed> routing_packet_seeds() {
  seeded_random random{1};
  auto keys = identity::node_keys::generate(random);
  auto said = sign_claim(keys, {1700000000, 3});
  control_packet told{7, 1, 9, {1, 2, 5}, {}, {}};
  told.updates.push_back({keys.id(), said, {offer{2000, 1, 1200}, offer{90000, 1, 1200}}});
  told.updates.push_back({node_id::from(byte_string(32, 5)), {}, {offer{infinite_metric, 0, 0}, std::nullopt}});
  control_packet asked{7, 2, 9, {}, {}, {{keys.id(), said, metric_class::bulk, 16}}};
  return {{"updates", encode(told)},
          {"request", encode(asked)},
          {"label_bind", encode(label_bind{7, 1, 1023, {keys.id(), node_id::from(byte_string(32, 5))}})},
          {"label_bound", encode(label_bound{7, 1, 1023})},
          {"label_unknown", encode(label_unknown{1023})},
          {"acks", encode(control_packet{7, 0, 9, {3, 4, 5, 6}, {}, {}})},
          {"probe", encode(trace_packet{5, 2, false, {}, {}})},
          {"answer", encode(trace_packet{5, 2, true, "udp://10.0.0.1:7400", "local"})}};
}

} // namespace

const target overlay_header_target{"overlay_header", "route::decode_overlay_header", check_overlay_header, overlay_header_seeds,
                                   256};
const target routing_packet_target{"routing_packet", "route::decode_control_packet, decode_trace_packet, decode_label_packet",
                                   check_routing_packet, routing_packet_seeds, 8192};

} // namespace glow::fuzz
