// A handshake between two real ends, one message of which is altered, or carries whatever the script says.
#include "runtime/link/handshake.hpp"
#include "runtime/link/limits.hpp"
#include "tests/fuzz/link_ends.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace link;
using progress = handshake::progress;

/// A handshake of each pattern, stopped before each message; every run begins with a copy.
struct handshake_stages {
  link_config initiator_terms, responder_terms;
  std::vector<byte_string> messages;           ///< datagrams 1, 2 and, where there is one, 3
  std::vector<handshake> initiator, responder; ///< as they stood before the message of this number
};

handshake_stages make_stages(pattern_code pattern) {
  handshake_stages out;
  auto& ends = link_ends::get();
  out.initiator_terms = ends.config(role::initiator, pattern);
  out.responder_terms = ends.config(role::responder, pattern);
  seeded_random random{static_cast<std::uint64_t>(pattern)};
  handshake first{role::initiator}, second{role::responder};
  auto stop_here = [&] {
    out.initiator.push_back(first);
    out.responder.push_back(second);
  };
  out.messages.push_back(*first.start(out.initiator_terms, random));
  stop_here();
  auto answered = second.on_message_1(*decode_handshake_1(out.messages[0]), out.responder_terms, random);
  if (answered.what == progress::needs_ticket)
    answered = second.on_ticket_secret(ends.ticket_secret(), out.responder_terms, random);
  out.messages.push_back(answered.send);
  stop_here();
  auto finished = first.on_message_2(*decode_handshake_2(out.messages[1]), out.initiator_terms, random);
  require(finished.what == progress::keyed, "a true message 2 keys the initiator");
  if (!finished.send.empty()) out.messages.push_back(finished.send);
  stop_here();
  return out;
}

const handshake_stages& stages_of(pattern_code pattern) {
  static const handshake_stages all[] = {make_stages(pattern_code::xx), make_stages(pattern_code::ik),
                                         make_stages(pattern_code::xxpsk3)};
  return all[static_cast<std::size_t>(pattern) - 1];
}

void check_outcome(const handshake::outcome& outcome) {
  require(outcome.send.size() <= limits::handshake_bytes_max, "an answer fits one datagram");
  if (outcome.what == progress::failed) require_readable(outcome.why);
}

/// Somebody on the way changes a message.
void check_altered(script& from, const handshake_stages& stages) {
  const auto number = from.below(stages.messages.size());
  const auto& original = stages.messages[number];
  auto datagram = edited(from, original);
  seeded_random random{5};
  auto first = stages.initiator[number];
  auto second = stages.responder[number];
  const bool altered = datagram != original;
  if (number == 0) {
    auto message = decode_handshake_1(datagram);
    if (!message) return;
    auto outcome = second.on_message_1(*message, stages.responder_terms, random);
    check_outcome(outcome);
    require(outcome.what != progress::keyed || message->pattern == pattern_code::ik, "message 1 alone keys with IK only");
    if (outcome.what == progress::keyed) {
      auto same = decode_handshake_1(original);
      require(same && message->noise.size() == same->noise.size()
                && std::equal(message->noise.begin(), message->noise.end(), same->noise.begin()),
              "an altered message 1 proves nothing");
    }
    return;
  }
  if (number == 1) {
    auto message = decode_handshake_2(datagram);
    if (!message) return;
    auto outcome = first.on_message_2(*message, stages.initiator_terms, random);
    check_outcome(outcome);
    auto same = decode_handshake_2(original);
    const bool same_noise = std::equal(message->noise.begin(), message->noise.end(), same->noise.begin(), same->noise.end());
    require(same_noise || outcome.what == progress::ignored, "an altered message 2 is ignored");
    require(message->sender == same->sender || outcome.what != progress::keyed, "a changed session index is noticed");
    if (altered && outcome.what == progress::ignored)
      require(first.on_message_2(*same, stages.initiator_terms, random).what == progress::keyed,
              "the true message 2 counts after an altered one");
    return;
  }
  auto message = decode_handshake_3(datagram);
  if (!message) return;
  auto outcome = second.on_message_3(*message, stages.responder_terms);
  check_outcome(outcome);
  auto same = decode_handshake_3(original);
  const bool same_noise = std::equal(message->noise.begin(), message->noise.end(), same->noise.begin(), same->noise.end());
  require(same_noise == (outcome.what == progress::keyed), "message 3 keys if and only if it is the true one");
  if (!same_noise)
    require(second.on_message_3(*same, stages.responder_terms).what == progress::keyed,
            "the true message 3 counts after an altered one");
}

/// A peer that knows its keys, but says inside what it likes: what only decode_payload and the judgement stand against.
/// `echoes`: it is well-behaved enough to give the responder's nonce back.
void check_hostile_peer(script& from, pattern_code pattern, bool echoes) {
  auto& ends = link_ends::get();
  auto terms = ends.config(role::responder, pattern);
  seeded_random random{6};
  constexpr std::uint32_t index = 11;
  auto hostile = ends.noise_initiator(pattern, index);
  const bool inside_first = pattern == pattern_code::ik;
  auto inside = to_bytes(from.rest());
  auto noise = hostile.write_message(inside_first ? inside : byte_view{}, random);
  if (!noise) return;
  std::optional<digest> ticket;
  if (pattern == pattern_code::xxpsk3) ticket = ends.ticket().id;
  auto datagram = encode(handshake_1{pattern, index, ticket, {}, *noise});
  auto message = decode_handshake_1(datagram);
  if (!message) return; // longer than a handshake may be
  handshake honest{role::responder};
  auto outcome = honest.on_message_1(*message, terms, random);
  if (outcome.what == progress::needs_ticket) outcome = honest.on_ticket_secret(ends.ticket_secret(), terms, random);
  check_outcome(outcome);
  if (!inside_first) {
    auto answer = decode_handshake_2(outcome.send);
    require(answer.ok(), "an honest responder answers message 1");
    auto told = hostile.read_message(answer->noise);
    require(told.ok(), "an honest responder's answer authenticates");
    if (auto own = decode_payload(inside); own && echoes) {
      own->echoed_nonce = decode_payload(*told)->nonce;
      inside = encode(*own);
    }
    auto third = hostile.write_message(inside, random);
    if (!third) return;
    auto last = encode(handshake_3{answer->sender, *third});
    auto read = decode_handshake_3(last);
    if (!read) return;
    outcome = honest.on_message_3(*read, terms);
    check_outcome(outcome);
    require(outcome.what != progress::ignored, "a message 3 that authenticates is judged");
  }
  if (outcome.what != progress::keyed) return;
  require(honest.peer().member.id == ends.keys(role::initiator)->id(), "whoever is keyed is who it proved to be");
  require(honest.peer().datagram_bytes_max >= limits::link_datagram_bytes_min
            && honest.peer().datagram_bytes_max <= terms.datagram_bytes_max,
          "datagrams stay within both ends' bounds");
  auto plain = byte_string(10, 1);
  honest.make_session({}).seal(datagram_type::sealed_packet, plain, {});
}

void check_handshake(byte_view input) {
  script from{input};
  const auto mode = from.below(3);
  const auto pattern = static_cast<pattern_code>(1 + from.below(3));
  if (mode > 0)
    check_hostile_peer(from, pattern, mode == 2);
  else
    check_altered(from, stages_of(pattern));
}

std::vector<seed> handshake_seeds() {
  auto& ends = link_ends::get();
  std::vector<seed> out;
  const char* names[] = {"xx", "ik", "join"};
  for (std::uint8_t pattern = 0; pattern < 3; ++pattern) {
    const auto& stages = stages_of(static_cast<pattern_code>(pattern + 1));
    for (std::uint8_t number = 0; number < stages.messages.size(); ++number)
      out.push_back({std::string{names[pattern]} + "_" + std::to_string(number + 1), {0, pattern, number, 1, 1, 40, 0, 1}});
    for (auto mode : {std::uint8_t{1}, std::uint8_t{2}}) {
      byte_string hostile{mode, pattern};
      append(hostile, encode(ends.told(role::initiator)));
      out.push_back({std::string{names[pattern]} + "_peer_" + std::to_string(mode), hostile});
    }
  }
  return out;
}

} // namespace

const target handshake_target{"handshake",
                              "link::handshake (XX, IK, XXpsk3), noise_handshake::read_message, decode_payload",
                              check_handshake,
                              handshake_seeds,
                              2048,
                              10};

} // namespace glow::fuzz
