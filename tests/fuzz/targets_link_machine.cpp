// Link machines under fire: a pair with somebody on the wire between them, and one with a hostile member at the other end.
#include "runtime/base/overloaded.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/link_machine.hpp"
#include "tests/fuzz/link_ends.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

#include <deque>
#include <set>

namespace glow::fuzz {
namespace {

using namespace link;

constexpr std::size_t steps_max = 96;
/// One datagram in gives a few out; a window of admission fragments is the most.
constexpr std::size_t datagrams_per_input_max = limits::packets_before_up_max + 2 * limits::admission_window_fragments;

/// A machine, and what it must not do.
struct watched_machine {
  explicit watched_machine(link_config config) : datagram_bytes_max{config.datagram_bytes_max}, machine{std::move(config)} {}

  std::size_t datagram_bytes_max;
  link_machine machine;
  bool ended = false;
  bool ticket_asked = false;
  bool admission_asked = false;
  std::vector<byte_string> sent;      ///< of the last input
  std::vector<std::string> delivered; ///< of the last input
  std::size_t ups = 0;

  void take(effects todo) {
    sent.clear();
    delivered.clear();
    for (auto& each : todo) {
      require(!ended, "nothing follows give_up");
      std::visit(overloaded{
                   [&](send_datagrams& e) {
                     for (auto& run : e.datagrams.contents())
                       for (auto& datagram : datagrams_of(run, e.run_bytes)) sent.push_back(to_bytes(datagram));
                   },
                   [&](deliver_packets& e) {
                     for (auto& packet : e.packets.contents()) delivered.push_back(to_text(packet));
                   },
                   [&](announce_up&) { ++ups; },
                   [&](announce_changed&) {},
                   [&](give_up& e) {
                     ended = true;
                     require(e.why.message.size() <= 4096, "a reason is bounded");
                   },
                   [&](ask_ticket_secret&) { ticket_asked = true; },
                   [&](ask_admission&) { admission_asked = true; },
                   [&](joined&) {},
                   [&](move_channel&) {},
                   [&](wake_at&) {},
                 },
                 each);
    }
    require(sent.size() <= datagrams_per_input_max, "one input causes a bounded number of datagrams");
    for (auto& each : sent)
      require(!each.empty() && each.size() <= std::max(datagram_bytes_max, limits::handshake_bytes_max),
              "a datagram fits its channel");
    require(ended == machine.is_gone(), "a machine that gave up is gone");
    if (machine.is_up()) require(machine.peer().has_value(), "a link that is up knows its peer");
  }
};

// ---- a pair, and somebody between them -------------------------------------------------------------------------

class tapped_pair {
public:
  tapped_pair(pattern_code pattern, bool reliable)
    : sides_{make(role::initiator, pattern, reliable), make(role::responder, pattern, reliable)} {
    for (auto i : both_) input(i, sides_[i].machine.start(now_, random_));
  }

  void step(script& from) {
    const auto what = from.below(8);
    const std::size_t to = from.below(2);
    switch (what) {
    case 0:
    case 1: // the wire works
      for (int i = 0; i < 4; ++i) arrive_next();
      break;
    case 2: // something of the past again, or nearly
      if (!tape_.empty()) hear(to, edited(from, tape_[from.u8() % tape_.size()]));
      break;
    case 3: // made up
      hear(to, to_bytes(from.counted_bytes()));
      break;
    case 4: // lost
      if (!wire_.empty()) wire_.pop_front();
      break;
    case 5: // time passes
      pass(std::chrono::milliseconds{from.u8() * 10 + 1});
      break;
    case 6: { // traffic
      auto packet = std::to_string(++packets_) + "?";
      said_[to].insert(packet);
      input(to, sides_[to].machine.on_packets_to_send(packet_batch::of(to_bytes(packet)), now_));
      break;
    }
    default: // overtaken
      if (wire_.size() > 1) std::swap(wire_.front(), wire_.back());
      break;
    }
  }
  /// The wire works again: whoever still wants must come up, or give up.
  void settle() {
    for (int rounds = 0; rounds < 400 && !(done(0) && done(1)); ++rounds) {
      for (int arrivals = 0; !wire_.empty(); ++arrivals) {
        require(arrivals < 10'000, "two ends come to rest");
        arrive_next();
      }
      pass(100ms);
    }
    require(done(0) && done(1), "a handshake ends within its time");
  }

private:
  static watched_machine make(role which, pattern_code pattern, bool reliable) {
    auto config = link_ends::get().config(which, pattern);
    config.reliable = reliable;
    return watched_machine{std::move(config)};
  }
  bool done(std::size_t i) const { return sides_[i].ended || sides_[i].machine.is_up(); }

  void arrive_next() {
    if (wire_.empty()) return;
    auto [to, datagram] = std::move(wire_.front());
    wire_.pop_front();
    hear(to, std::move(datagram));
  }
  void hear(std::size_t to, byte_string datagram) {
    input(to, sides_[to].machine.on_datagrams(packet_batch::of(std::move(datagram)), now_, random_));
  }
  void pass(duration span) {
    now_ += std::chrono::duration_cast<steady_time::duration>(span);
    for (auto i : both_) {
      if (sides_[i].machine.next_tick() > now_) continue;
      input(i, sides_[i].machine.on_tick(now_, random_));
      require(sides_[i].ended || sides_[i].machine.next_tick() > now_, "a tick puts off the next one");
    }
  }
  void input(std::size_t i, effects todo) {
    auto& side = sides_[i];
    side.take(std::move(todo));
    for (auto& each : side.delivered) require(said_[1 - i].erase(each) == 1, "what is delivered was sent, and once");
    for (auto& each : side.sent) {
      if (tape_.size() < 64) tape_.push_back(each);
      if (wire_.size() < 256) wire_.emplace_back(1 - i, each);
    }
    if (std::exchange(side.ticket_asked, false))
      input(i, side.machine.on_ticket_secret(link_ends::get().ticket_secret(), now_, random_));
    if (std::exchange(side.admission_asked, false)) input(i, side.machine.on_admission(byte_string(3000, 1), now_, random_));
  }

  static constexpr std::array<std::size_t, 2> both_{0, 1};
  seeded_random random_{3};
  steady_time now_{1000s};
  std::array<watched_machine, 2> sides_;
  std::array<std::set<std::string>, 2> said_;
  std::deque<std::pair<std::size_t, byte_string>> wire_;
  std::vector<byte_string> tape_;
  std::size_t packets_ = 0;
};

void check_link_machine(byte_view input) {
  script from{input};
  const auto pattern = static_cast<pattern_code>(1 + from.below(3));
  tapped_pair pair{pattern, from.below(4) == 3};
  for (std::size_t i = 0; i < steps_max && !from.done(); ++i) pair.step(from);
  pair.settle();
}

std::vector<seed> link_machine_seeds() {
  return {{"xx", {0, 0, 0, 0, 0, 0, 6, 0, 6, 1, 0, 0, 5, 0, 50, 0, 0}},
          {"ik_replayed", {1, 0, 0, 0, 2, 1, 0, 0, 0, 0, 2, 1, 1, 1, 1, 4, 0, 9, 6, 0, 0, 0}},
          {"join", {2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 30, 0, 0, 0, 0}},
          {"lossy", {0, 0, 4, 0, 5, 0, 60, 0, 0, 4, 0, 5, 0, 100, 7, 0, 0, 0, 6, 1, 6, 0, 2, 0, 5, 0, 0, 0}},
          {"garbage", {0, 0, 3, 1, 9, 5, 22, 0, 0, 0, 1, 2, 3, 4, 3, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0}}};
}

// ---- a member that means harm ----------------------------------------------------------------------------------

/// A responder's machine that is up, and the session of the other end.
struct member_world {
  watched_machine honest;
  session hostile;
  seeded_random random{4};
  steady_time now{1000s};
};

member_world make_member_world(pattern_code pattern) {
  auto& ends = link_ends::get();
  seeded_random random{4};
  steady_time now{1000s};
  handshake mine{role::initiator};
  auto terms = ends.config(role::initiator, pattern);
  watched_machine honest{ends.config(role::responder, pattern)};
  honest.take(honest.machine.start(now, random));
  auto hear = [&](byte_string datagram) {
    honest.take(honest.machine.on_datagrams(packet_batch::of(std::move(datagram)), now, random));
  };
  hear(*mine.start(terms, random));
  if (honest.ticket_asked) honest.take(honest.machine.on_ticket_secret(ends.ticket_secret(), now, random));
  auto finished = mine.on_message_2(*decode_handshake_2(honest.sent.at(0)), terms, random);
  require(finished.what == handshake::progress::keyed, "a true message 2 keys the initiator");
  auto keys = mine.make_session(now);
  if (!finished.send.empty()) {
    hear(finished.send);
  } else {
    auto first = encode(frame{ping_frame{1, 1, 0}});
    keys.seal(datagram_type::sealed_frame, first, now);
    hear(first);
  }
  return {std::move(honest), std::move(keys), random, now};
}

void check_link_member(byte_view input) {
  static const member_world worlds[] = {make_member_world(pattern_code::xx), make_member_world(pattern_code::ik),
                                        make_member_world(pattern_code::xxpsk3)};
  script from{input};
  auto world = worlds[from.below(3)];
  auto& machine = world.honest.machine;
  for (std::size_t i = 0; i < steps_max && !from.done(); ++i) {
    const auto what = from.below(8);
    if (what < 5) {
      byte_string datagram;
      if (what == 4 && !world.honest.sent.empty())
        datagram = edited(from, world.honest.sent.front());
      else
        datagram = to_bytes(from.counted_bytes());
      if (what < 4)
        world.hostile.seal(what == 3 ? datagram_type::sealed_packet : datagram_type::sealed_frame, datagram, world.now);
      world.honest.take(
        machine.on_datagrams_from(what == 2 ? 1 : 0, packet_batch::of(std::move(datagram)), world.now, world.random));
    } else if (what == 5) {
      world.now += std::chrono::milliseconds{from.u16()};
      world.honest.take(machine.on_tick(world.now, world.random));
      require(world.honest.ended || machine.next_tick() > world.now, "a tick puts off the next one");
    } else if (what == 6) {
      world.honest.take(machine.on_packets_to_send(packet_batch::of(byte_string(from.u16() % 2000, 1)), world.now));
    } else if (world.honest.admission_asked) {
      world.honest.admission_asked = false;
      world.honest.take(machine.on_admission(byte_string(from.u16(), 1), world.now, world.random));
    }
    auto figures = machine.figures(world.now);
    require(figures.loss >= 0 && figures.loss <= 1, "loss is a share");
    require(figures.rate_bps >= 0 && figures.rtt >= duration::zero(), "figures make sense");
    require(figures.packet_bytes_max <= world.honest.datagram_bytes_max, "a packet is no longer than its datagram");
  }
}

std::vector<seed> link_member_seeds() {
  auto say = [](byte_string& out, const frame& what) {
    out.push_back(0);
    append_counted(out, encode(what));
  };
  byte_string frames{0};
  say(frames, ping_frame{2, 5, 1000});
  say(frames, pong_frame{1, 1, 5000});
  append(frames, byte_string{5, 100, 0, 6, 100, 0, 3, 3, 1, 2, 3});
  say(frames, pong_frame{2, 1, 500000});
  append(frames, byte_string{2, 2, 1, 1, 5, 0xff, 0xff});
  say(frames, close_frame{{error_code::none, "bye"}});
  byte_string join{2, 7, 0x90, 0x10};
  for (auto i : std::array<std::uint16_t, 4>{0, 1, 3, 2}) say(join, admission_received_frame{i});
  append(join, byte_string{5, 0x2c, 1});
  say(join, admission_frame{0, 2, {1, 2, 3}});
  byte_string estimates{1};
  for (std::uint32_t i = 1; i < 6; ++i) {
    append(estimates, byte_string{5, 0xe8, 0x03, 6, 0, 4});
    say(estimates, pong_frame{i, i, std::uint64_t{1} << (i * 12)});
  }
  return {{"frames", frames}, {"join", join}, {"estimates", estimates}};
}

} // namespace

const target link_machine_target{
  "link_machine", "link_machine: a pair with somebody on the wire between them", check_link_machine, link_machine_seeds, 512, 20};
const target link_member_target{"link_member",
                                "link_machine, session, estimates, join: a hostile member at the other end",
                                check_link_member,
                                link_member_seeds,
                                1024,
                                4};

} // namespace glow::fuzz
