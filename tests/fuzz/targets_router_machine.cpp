// A router between two neighbours that say what they like about others, in announcements with true and false signatures.
#include "runtime/base/overloaded.hpp"
#include "runtime/route/limits.hpp"
#include "runtime/route/router_machine.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

#include <set>

namespace glow::fuzz {
namespace {

using namespace route;

constexpr std::size_t steps_max = 64;
constexpr std::size_t link_bytes = 1200;
/// Self, two neighbours, two nodes beyond, one that is no member.
constexpr std::size_t node_count = 6, members = 5;

struct claims_of_nodes {
  std::vector<identity::node_keys> keys;
  std::array<std::array<signed_claim, 4>, node_count> said; ///< what each has signed so far
};

const claims_of_nodes& nodes() {
  static const claims_of_nodes all = [] {
    claims_of_nodes out;
    seeded_random random{12};
    for (std::size_t i = 0; i < node_count; ++i) {
      out.keys.push_back(identity::node_keys::generate(random));
      const claim claims[] = {{1000, 1}, {1000, 2}, {1000, 0xffffffff}, {1001, 1}};
      for (std::size_t k = 0; k < 4; ++k) out.said[i][k] = sign_claim(out.keys[i], claims[k]);
    }
    return out;
  }();
  return all;
}

class besieged_router {
public:
  besieged_router() {
    identity::roster roster;
    roster.self = id(0);
    for (std::size_t i = 0; i < members; ++i) roster.members.push_back({id(i), "node", identity::role::member, {}});
    take(0, machine_.set_roster(roster, now_));
    for (std::uint32_t link : {1u, 2u}) raise(link, 2ms);
  }

  void step(script& from) {
    const auto link = static_cast<std::uint32_t>(1 + from.below(2));
    switch (from.below(10)) {
    case 0: hear(link, to_bytes(from.counted_bytes())); break;
    case 1:
    case 2:
    case 3: announce(link, from); break;
    case 4: {
      overlay_header header{static_cast<packet_kind>(from.below(3)),
                            static_cast<traffic_class>(from.below(3)),
                            false,
                            from.u8(),
                            id(from.below(node_count)),
                            id(from.below(node_count))};
      if (header.kind == packet_kind::announcement) header.kind = packet_kind::data;
      auto body = header.kind == packet_kind::trace ? encode(trace_packet{from.u8(), from.u8(), from.below(2) == 1, "x", "wan"})
                                                    : to_bytes(from.counted_bytes());
      hear(link, put_overlay_header(header, body));
      break;
    }
    case 5: // what we said comes back, or nearly
      if (!tape_.empty()) hear(link, edited(from, tape_[from.u8() % tape_.size()]));
      break;
    case 6: tick(std::chrono::milliseconds{from.u16()}); break;
    case 7:
      if (from.below(2) == 0)
        take(0, machine_.drop_link(link, now_));
      else
        raise(link, std::chrono::milliseconds{from.u8()});
      break;
    case 9: speak_of_labels(link, from); break;
    default: {
      take(0, machine_.on_payloads(id(from.below(node_count)), traffic_class::bulk, from.below(2) == 0,
                                   packet_batch::of(byte_string(from.u8(), 1)), now_));
      router_effects begun;
      if (from.below(8) == 0) (void)machine_.start_trace(id(from.below(node_count)), 1s, now_, begun);
      take(0, std::move(begun));
      break;
    }
    }
    check();
  }

private:
  static const node_id& id(std::size_t i) { return nodes().keys[i].id(); }

  void raise(std::uint32_t link, duration rtt) {
    link_view view{link, id(link), "udp://10.0.0.1:1", "local", link_bytes, rtt, 1e9, 0, true};
    take(0, machine_.set_link(view, now_));
  }
  void announce(std::uint32_t link, script& from) {
    control_packet packet;
    packet.session = 1 + from.below(8) / 7;
    packet.number = from.below(8) == 0 ? from.u64() : ++number_;
    packet.ack_session = their_session_[link];
    for (auto acks = from.below(4); acks > 0; --acks) packet.acks.push_back(from.u8());
    for (auto updates = from.below(4); updates > 0; --updates) {
      const auto origin = from.below(node_count);
      packet.updates.push_back({id(origin), said(origin, from), {told(from), told(from)}});
    }
    for (auto requests = from.below(2); requests > 0; --requests) {
      const auto origin = from.below(node_count);
      packet.requests.push_back({id(origin), said(origin, from), static_cast<metric_class>(from.below(2)), from.u8()});
    }
    hear(link, put_overlay_header({packet_kind::announcement, traffic_class::control, true, 1, {}, {}}, encode(packet)));
  }
  /// Mostly what the origin has signed; else somebody's forgery of it.
  static signed_claim said(std::size_t origin, script& from) {
    auto out = nodes().said[origin][from.below(4)];
    switch (from.below(6)) {
    case 0: out.by_origin = {}; break;
    case 1: out.by_origin.value[from.below(64)] ^= 1; break;
    case 2: out.what.epoch = from.u64(); break;
    default: break;
    }
    return out;
  }
  static std::optional<offer> told(script& from) {
    const auto what = from.below(8);
    if (what == 0) return std::nullopt;
    if (what == 1) return offer{infinite_metric, 0, 0};
    if (what == 2) return offer{from.u32(), from.u8(), from.u32()};
    return offer{from.u16(), static_cast<std::uint8_t>(from.below(4)), 1000};
  }

  /// Binds, answers and complaints, and packets under labels that were bound or were not.
  void speak_of_labels(std::uint32_t link, script& from) {
    const auto label = static_cast<std::uint16_t>(from.below(4) == 0 ? from.below(1024) : from.below(4));
    const label_bind bind{from.below(2), from.u8(), label, {id(from.below(node_count)), id(from.below(node_count))}};
    const auto what = from.below(4);
    if (what == 3) {
      overlay_header header{packet_kind::labelled,
                            static_cast<traffic_class>(from.below(3)),
                            false,
                            static_cast<std::uint8_t>(from.below(64)),
                            {},
                            {},
                            label};
      return hear(link, put_overlay_header(header, to_bytes(from.counted_bytes())));
    }
    const auto said = what == 0   ? label_packet{bind}
                      : what == 1 ? label_packet{label_bound{bind.life, bind.number, label}}
                                  : label_packet{label_unknown{label}};
    hear(link, put_overlay_header({packet_kind::labelled, traffic_class::control, true, 1, {}, {}}, encode(said)));
  }

  void hear(std::uint32_t link, byte_string packet) {
    take(link, machine_.on_packets(link, packet_batch::of(std::move(packet)), now_));
  }
  void tick(duration span) {
    now_ += std::chrono::duration_cast<steady_time::duration>(span);
    take(0, machine_.on_tick(now_));
  }
  void take(std::uint32_t came_from, router_effects effects) {
    std::size_t packets = 0;
    for (auto& each : effects)
      std::visit(overloaded{
                   [&](send_packets& e) {
                     require(e.link == 1 || e.link == 2, "packets go out by links that there are");
                     for (auto& packet : e.packets.contents()) {
                       ++packets;
                       check_sent(came_from, e.link, packet);
                     }
                   },
                   [&](deliver_payloads& e) {
                     require(e.from != id(0) || came_from == 0, "nobody speaks in this node's name");
                     require(!e.direct || came_from == 0 || e.from == id(came_from),
                             "a direct payload is of the neighbour itself");
                   },
                   [](routes_moved&) {},
                   [](trace_end& e) {
                     if (e.steps) require(e.steps->size() <= limits::hop_limit_default + 1u, "a trace is bounded");
                   },
                   [&](wake& e) { require(e.at > now_ - 1s, "an alarm lies ahead"); },
                 },
                 each);
    require(packets <= 64, "one input causes a bounded number of packets");
  }
  void check_sent(std::uint32_t came_from, std::uint32_t link, byte_view packet) {
    require(packet.size() <= link_bytes, "a packet fits its link");
    auto header = decode_overlay_header(packet);
    require(header.ok(), "a router sends packets that decode");
    if (tape_.size() < 32) tape_.push_back(to_bytes(packet));
    const bool is_data = header->kind == packet_kind::data || header->kind == packet_kind::labelled;
    if (is_data && !header->direct && came_from != 0)
      require(link != came_from, "a packet does not return to where it came from");
    if (header->kind != packet_kind::announcement) return;
    auto told = decode_control_packet(byte_view{packet}.subspan(direct_header_bytes));
    require(told.ok(), "a router's announcements decode");
    their_session_[link] = told->session;
    for (auto& update : told->updates)
      for (auto& offered : update.offers)
        if (offered && offered->cost != infinite_metric)
          require(verify_claim(update.origin, update.said), "what is told on is what its origin signed");
  }
  void check() {
    auto routes = machine_.get_routes();
    require(routes.size() <= members * 2 * metric_classes, "routes are bounded by members and neighbours");
    for (auto& each : machine_.get_reachable()) {
      require(each.destination != id(0) && each.destination != id(node_count - 1), "routes lead to other members");
      require(each.next == id(1) || each.next == id(2), "the next hop is a neighbour");
      require(each.link == 1 || each.link == 2, "the next hop has a link");
      require(each.cost != infinite_metric && each.hops <= limits::hop_limit_default, "a route has a cost and an end");
    }
  }

  seeded_random random_{13};
  steady_time now_{1000s};
  router_machine machine_{nodes().keys[0], 1000, random_};
  std::array<std::uint64_t, 3> their_session_{};
  std::uint64_t number_ = 0;
  std::vector<byte_string> tape_;
};

void check_router_machine(byte_view input) {
  script from{input};
  besieged_router router;
  for (std::size_t i = 0; i < steps_max && !from.done(); ++i) router.step(from);
}

std::vector<seed> router_machine_seeds() {
  // announcements of both neighbours about themselves and the nodes beyond; then packets to forward, a trace, a cut
  byte_string learnt;
  for (auto link : {std::uint8_t{0}, std::uint8_t{1}})
    append(
      learnt,
      byte_string{link, 1, 0,    1, 0, 2, static_cast<std::uint8_t>(link + 1), 0, 5, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 5, 3, 0x10, 1,
                  1,    3, 0x10, 1, 1, 0});
  auto forward = learnt;
  append(forward,
         byte_string{0, 4, 0, 1, 9, 1, 3, 3, 1, 2, 3, 1, 4, 2, 0, 1, 1, 3, 5, 6, 0, 0, 6, 0xe8, 3, 0, 7, 0, 0, 8, 3, 0, 9, 0, 3});
  byte_string forged{0, 1, 0, 1, 0, 1, 3, 0, 0, 3, 1, 0, 1, 3, 1, 0, 1, 0, 0, 1, 0,
                     1, 0, 1, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 3, 1, 0, 1, 0, 0};
  byte_string requests{0, 1, 0, 1, 0, 0, 1, 0, 2, 5, 0, 9, 1, 1, 0, 1, 0, 0, 1, 3, 0, 5, 1, 16, 0, 6, 0, 4};
  // labels 0 and 1 bound for nodes beyond, used, complained of; a bind of another life
  auto labels = learnt;
  append(labels,
         byte_string{0, 9, 1, 0, 0, 1, 1, 3, 0, 0, 9, 1, 0, 0, 2, 1, 4, 0, 0, 9, 1, 0, 0, 1, 1, 3, 3, 1, 20, 5, 1, 2, 3, 4,
                     5, 1, 9, 1, 1, 1, 1, 3, 4, 3, 2, 9, 2, 1, 1, 0, 9, 1, 2, 0, 3, 1, 3, 2, 0, 9, 1, 0, 1,  4, 1, 4, 0});
  return {{"learnt", learnt}, {"forward", forward}, {"forged", forged}, {"requests", requests}, {"labels", labels}};
}

} // namespace

const target router_machine_target{"router_machine",
                                   "router_machine, distance_vector, trace_table, label_sender, label_receiver",
                                   check_router_machine,
                                   router_machine_seeds,
                                   1024,
                                   20};

} // namespace glow::fuzz
