// An endpoint whose neighbour, a member, says what it likes: true-looking conversation packets, fragments, acknowledgements,
// handshakes of end-to-end sessions, garbage.
#include "runtime/base/overloaded.hpp"
#include "runtime/stream/endpoint_machine.hpp"
#include "runtime/stream/limits.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

#include <map>
#include <set>

namespace glow::fuzz {
namespace {

using namespace stream;

constexpr std::size_t steps_max = 96;
constexpr std::size_t route_bytes = 1200;

struct cast_of_nodes {
  std::shared_ptr<const identity::node_keys> self, near, far;
  identity::roster_ptr everybody, without_near;
};

const cast_of_nodes& nodes() {
  static const cast_of_nodes all = [] {
    seeded_random random{8};
    cast_of_nodes out;
    for (auto* each : {&out.self, &out.near, &out.far})
      *each = std::make_shared<identity::node_keys>(identity::node_keys::generate(random));
    auto roster = identity::roster{};
    roster.id.value[0] = 9;
    roster.self = out.self->id();
    for (auto* each : {&out.self, &out.near, &out.far})
      roster.members.push_back({(*each)->id(), "node", identity::role::member, {}});
    std::sort(roster.members.begin(), roster.members.end(), [](auto& a, auto& b) { return a.id < b.id; });
    out.everybody = std::make_shared<identity::roster>(roster);
    std::erase_if(roster.members, [&](auto& each) { return each.id == out.near->id(); });
    out.without_near = std::make_shared<identity::roster>(roster);
    return out;
  }();
  return all;
}

class besieged_endpoint {
public:
  besieged_endpoint() {
    take(machine_.on_roster(nodes().everybody, now_));
    tell_routes(true);
  }

  void step(script& from) {
    switch (from.below(13)) {
    case 0: hear(false, to_bytes(from.counted_bytes())); break;
    case 1: // what we said comes back, or nearly
      if (!tape_.empty()) hear(from.below(2) == 0, edited(from, tape_[from.u8() % tape_.size()]));
      break;
    case 2:
    case 3:
    case 4: hear(true, packet(from)); break;
    case 5: {
      const auto to_far = from.below(4) == 3;
      const auto lane = static_cast<traffic_class>(from.below(3));
      byte_string body(from.u16(), 7);
      const auto timeout = std::chrono::milliseconds{from.u16()};
      pending_.insert(next_ticket_);
      auto& to = to_far ? nodes().far->id() : nodes().near->id();
      take(machine_.send_request(next_ticket_++, to, lane, 7, std::move(body), timeout, now_));
      break;
    }
    case 6:
      if (tokens_.empty()) break;
      take(machine_.respond(*tokens_.begin(), byte_string(from.u16(), 5), now_));
      tokens_.erase(tokens_.begin());
      break;
    case 7: tick(std::chrono::milliseconds{from.u16()}); break;
    case 8: tell_routes(from.below(2) == 0); break;
    case 9: open_stream(from); break;
    case 10:
    case 11: use_stream(from); break;
    default: take(machine_.on_roster(from.below(4) == 0 ? nodes().without_near : nodes().everybody, now_)); break;
    }
    check();
  }

  /// Silence, until everything is over that this endpoint waits for.
  void settle() {
    for (int rounds = 0; rounds < 2000 && !pending_.empty(); ++rounds) {
      auto next = machine_.wake_at();
      require(next.has_value(), "an endpoint that waits for answers wants to be woken");
      tick(std::max<duration>(*next - now_, 1ms));
    }
    require(pending_.empty(), "every request is answered in the end");
  }

private:
  void open_stream(script& from) {
    endpoint_effects effects;
    auto made = machine_.open_stream(nodes().near->id(), static_cast<traffic_class>(from.below(3)),
                                     {"service", static_cast<stream_priority>(from.below(3)), 30s, 30s}, now_, effects);
    if (made) require(streams_.emplace(made->stream, stream_note{}).second, "a handle is given once");
    take(std::move(effects));
  }
  void use_stream(script& from) {
    if (streams_.empty()) return;
    auto at = streams_.begin();
    std::advance(at, from.u8() % streams_.size());
    const auto handle = at->first;
    switch (from.below(4)) {
    case 0:
    case 1: {
      std::vector<byte_string> bytes;
      bytes.emplace_back(std::min<std::size_t>(from.u16(), 20000), std::uint8_t{6});
      take(machine_.write_stream(handle, std::move(bytes), from.below(4) == 3, now_));
      break;
    }
    case 2: take(machine_.consume_stream(handle, std::exchange(at->second.unread, 0), now_)); break;
    default: streams_.erase(at); take(machine_.close_stream(handle, {error_code::stopped, "enough"}, now_));
    }
  }
  void on_stream(stream_told& told) {
    std::visit(overloaded{
                 [&](stream_arrived& e) {
                   require(!e.service.empty() && e.service.size() <= limits::stream_service_name_bytes_max, "a name is bounded");
                   require(streams_.emplace(e.stream, stream_note{}).second, "a handle is given once");
                 },
                 [&](stream_received& e) {
                   auto found = streams_.find(e.stream);
                   require(found != streams_.end(), "bytes come on open streams only");
                   require(!found->second.ended, "nothing follows an end");
                   found->second.ended = e.end;
                   for (auto& each : e.bytes) found->second.unread += each.size();
                   require(found->second.unread <= limits::stream_window_max, "what is not consumed is bounded");
                 },
                 [&](stream_writable& e) { require(streams_.contains(e.stream), "room is told of open streams only"); },
                 [&](stream_over& e) { require(streams_.erase(e.stream) == 1, "a stream is over once"); },
               },
               told.what);
  }
  /// A packet as the neighbour's endpoint would write it, with frames of the script's choice.
  byte_string packet(script& from) {
    packet_header header;
    header.lane = static_cast<traffic_class>(from.below(3));
    header.own_epoch = from.below(4) == 3 ? 2 : 1; // mostly the same incarnation
    header.peer_epoch = from.below(4) == 0 ? 0 : our_epoch_[lane_of(header.lane)];
    header.number = from.below(8) == 0 ? from.u32() : ++number_;
    byte_string out;
    append_header(out, header);
    for (auto frames = 1 + from.below(3); frames > 0; --frames) append_frame(from, out);
    return out;
  }
  static void append_frame(script& from, byte_string& out) {
    switch (from.below(9)) {
    case 0: append_ping(out); break;
    case 1: {
      ack_frame ack;
      ack.delay_us = from.u16();
      ack.count = 1 + from.below(4);
      std::uint32_t to = from.below(4) == 0 ? from.u32() : from.u8();
      for (std::size_t i = 0; i < ack.count; ++i) {
        ack.spans[i] = {to - from.u8(), to};
        to = ack.spans[i].from - 2 - from.u8();
      }
      append_ack(out, ack);
      break;
    }
    case 2: append_reset(out, {from.u8()}); break;
    case 3: append_cancel(out, {from.below(16)}); break;
    case 6:
    case 7: append_stream(from, out); break;
    case 8: append_notice(from, out); break;
    default: {
      message_frame message;
      message.kind = static_cast<message_kind>(from.below(3));
      message.id = from.below(8) == 0 ? from.u64() & varint_top : from.below(16);
      message.code = from.u8();
      message.timeout_ms = from.below(8) == 0 ? from.u64() & varint_top : from.u16();
      message.bytes = from.counted_bytes();
      if (message.bytes.size() > 1000) message.bytes = message.bytes.first(1000);
      message.offset = from.below(2) == 0 ? 0 : from.u16();
      message.total = message.offset + message.bytes.size() + (from.below(2) == 0 ? 0 : from.u32() % limits::message_bytes_max);
      append_message(out, message);
      break;
    }
    }
  }
  static void append_stream(script& from, byte_string& out) {
    stream_frame piece{
      from.below(2) == 0, from.below(4) == 0, from.below(4), from.below(4) == 0 ? from.u32() : from.below(64), {}};
    piece.bytes = from.counted_bytes();
    if (piece.bytes.size() > 1000) piece.bytes = piece.bytes.first(1000);
    append_stream_head(out, piece, piece.bytes.size());
    append(out, piece.bytes);
  }
  static void append_notice(script& from, byte_string& out) {
    const bool mine = from.below(2) == 0;
    const std::uint64_t id = from.below(4);
    switch (from.below(3)) {
    case 0: append_window(out, {mine, id, from.u32()}); break;
    case 1: append_close(out, {mine, id, from.u8(), from.below(2) == 0 ? from.u16() : from.u64() & varint_top, {}}); break;
    default: append_credit(out, {from.u64() & varint_top}); break;
    }
  }
  static constexpr std::uint64_t varint_top = (std::uint64_t{1} << 62) - 1;

  void hear(bool direct, byte_string payload) {
    std::vector<byte_string> one;
    one.push_back(std::move(payload));
    take(machine_.on_payloads(nodes().near->id(), direct, packet_batch{std::move(one)}, now_));
  }
  void tell_routes(bool direct) {
    std::vector<route> routes;
    for (auto traffic : {traffic_class::interactive, traffic_class::bulk})
      routes.push_back({nodes().near->id(), traffic, direct ? nodes().near->id() : nodes().far->id(), 1, 2000, route_bytes});
    take(machine_.on_routes(routes, now_));
  }
  void tick(duration span) {
    now_ += std::chrono::duration_cast<steady_time::duration>(span);
    take(machine_.on_tick(now_));
    if (auto next = machine_.wake_at()) require(*next > now_, "a tick puts off the next one");
  }
  void take(endpoint_effects effects) {
    for (auto& each : effects)
      std::visit(overloaded{
                   [&](send_payloads& e) {
                     for (auto& payload : e.payloads.take()) {
                       require(payload.size() <= route_bytes, "a payload fits its route");
                       if (e.direct && payload.size() >= packet_header_bytes)
                         our_epoch_[payload[0] & 3] = read_le<std::uint32_t>(payload.data() + 1);
                       if (tape_.size() < 64) tape_.push_back(payload);
                     }
                   },
                   [&](request_arrived& e) {
                     require(e.token > last_token_, "a token is given once");
                     last_token_ = e.token;
                     require(e.body.size() <= limits::message_bytes_max, "a request is bounded");
                     require(e.timeout >= duration::zero() && e.timeout <= limits::stream_request_timeout_max,
                             "a wait is bounded");
                     tokens_.insert(e.token);
                   },
                   [&](request_answered& e) { require(pending_.erase(e.ticket) == 1, "a request is answered once"); },
                   [&](stream_told& e) { on_stream(e); },
                 },
                 each);
  }
  void check() {
    auto figures = machine_.figures();
    require(figures.size() <= 2, "state is kept for members only");
    for (auto& each : figures) {
      require(each.held_bytes
                <= limits::stream_held_bytes_max + lane_count * limits::stream_inbound_bytes_max + steps_max * 20000,
              "held bytes are bounded");
      require(each.streams <= lane_count * limits::stream_open_max, "streams are bounded");
      require(each.requests_in <= lane_count * limits::stream_requests_outstanding_max, "requests at work are bounded");
    }
  }

  struct stream_note {
    std::size_t unread = 0;
    bool ended = false;
  };
  std::map<std::uint64_t, stream_note> streams_;
  seeded_random random_{9};
  steady_time now_{1h};
  endpoint_machine machine_{nodes().self, random_};
  std::vector<byte_string> tape_;
  std::array<std::uint32_t, 4> our_epoch_{};
  std::set<std::uint64_t> tokens_, pending_;
  std::uint64_t last_token_ = 0, next_ticket_ = 1;
  std::uint32_t number_ = 0;
};

void check_endpoint_machine(byte_view input) {
  script from{input};
  besieged_endpoint endpoint;
  for (std::size_t i = 0; i < steps_max && !from.done(); ++i) endpoint.step(from);
  endpoint.settle();
}

std::vector<seed> endpoint_machine_seeds() {
  // a request of the neighbour, whole; ours, acknowledged and answered; fragments; a restart; a session over a relay
  byte_string served{2, 1, 0, 0, 1, 0, 4, 0, 1, 1, 5, 1, 0x88, 0x13, 3, 1, 2, 3, 0, 0, 6, 40, 0, 7, 10, 0};
  byte_string asked{5, 0, 1, 100, 0, 0x10, 0x27, 2, 1, 0, 1, 1, 0, 1, 10, 0, 0, 5, 1, 3, 0,
                    2, 1, 0, 1,   1, 0,    4,    1, 1, 0, 0, 1, 0, 0, 4,  9, 9, 9, 9, 0, 0};
  byte_string fragments{2, 1, 0, 1, 1, 1, 4, 0, 1, 3, 5, 1, 0x10, 0x27, 4,    1, 2, 3, 4, 0, 1, 4, 0, 0,
                        0, 2, 1, 0, 1, 1, 1, 4, 0, 1, 3, 5, 1,    0x10, 0x27, 4, 5, 6, 7, 8, 1, 4, 0, 0};
  byte_string restart{5, 0, 1, 50, 0, 0xff, 0xff, 2, 1, 3, 1, 1, 0, 0, 7, 50, 0, 2, 1, 0, 0, 1, 0, 2, 5};
  byte_string relayed{8, 1, 5, 0, 1, 50, 0, 0xff, 0x7f, 1, 0, 0, 0, 7, 200, 1, 1, 1, 0, 1, 1, 3, 0, 2, 9, 0, 7, 0, 9, 9, 1};
  // the neighbour opens a stream to "a" and ends it; we open one, write and close it
  byte_string streamed{2, 1, 0, 0, 0, 1, 6, 0, 0, 0, 1, 0, 5, 1, 97, 1, 2, 3, 11, 0, 2, 9, 1, 1, 10, 1, 0, 100, 0, 3, 10, 1, 3};
  return {{"served", served},   {"asked", asked},     {"fragments", fragments},
          {"restart", restart}, {"relayed", relayed}, {"streamed", streamed}};
}

} // namespace

const target endpoint_machine_target{"endpoint_machine",
                                     "endpoint_machine, conversation, reassembly, loss_recovery, far_session",
                                     check_endpoint_machine,
                                     endpoint_machine_seeds,
                                     1024,
                                     20};

} // namespace glow::fuzz
