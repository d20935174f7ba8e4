#include "runtime/link/handshake.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/link/frames.hpp"
#include "runtime/link/limits.hpp"

namespace glow::link {
namespace {

constexpr std::string_view prologue_label = "glow link 1";
/// Type, receiver and sender index, and in message 1 room for ticket id and cookie.
constexpr std::size_t header_bytes_max = 7 + 32 + 16;

/// The table is searched once.
const noise_pattern& pattern_of(pattern_code code) {
  static const noise_pattern patterns[] = {*find_noise_pattern("XX"), *find_noise_pattern("IK"), *find_noise_pattern("XXpsk3")};
  return patterns[static_cast<std::size_t>(code) - 1];
}

handshake::outcome ignored() { return {}; }
handshake::outcome failed(error why, byte_string send = {}) {
  return {handshake::progress::failed, std::move(send), std::move(why)};
}

error refused_by_peer(const error& why) {
  return {why.code, "the other side refused: " + (why.message.empty() ? "no reason given" : why.message)};
}

} // namespace

result<void> handshake::begin(const handshake_terms& terms) {
  byte_string prologue = to_bytes(prologue_label);
  prologue.push_back(static_cast<std::uint8_t>(pattern_));
  append_le(prologue, initiator_index_);
  if (ticket_id_) append(prologue, ticket_id_->view());
  noise_handshake::setup setup;
  setup.initiator = role_ == role::initiator;
  setup.prologue = prologue;
  setup.own_static = secret_key{terms.keys->x25519_secret().view()};
  if (role_ == role::initiator && pattern_ == pattern_code::ik) {
    auto peer = identity::x25519_of(*terms.expected);
    if (!peer) return error{error_code::usage, "the node id to dial is no public key"};
    setup.peer_static = *peer;
  }
  if (role_ == role::initiator && terms.join_with) setup.psk = terms.join_with->secret;
  auto begun = noise_handshake::begin(pattern_of(pattern_), setup);
  if (!begun) return begun.why();
  noise_ = std::move(*begun);
  return {};
}

payload handshake::own_payload(const handshake_terms& terms) const {
  payload out;
  out.session_index = terms.session_index;
  out.features = terms.features;
  out.datagram_bytes_max = static_cast<std::uint32_t>(std::min(terms.datagram_bytes_max, limits::frame_bytes_max));
  out.datagram_bytes_ceiling = static_cast<std::uint32_t>(std::min(terms.datagram_bytes_ceiling, limits::frame_bytes_max));
  out.node = terms.keys->id();
  out.space = terms.space;
  out.certificate = terms.certificate;
  out.node_name = terms.node_name.substr(0, limits::node_name_bytes_max);
  out.listening = terms.listening;
  out.observed = terms.observed_peer_at.size() <= limits::uri_bytes_max ? terms.observed_peer_at : std::string{};
  out.nonce = own_nonce_;
  out.echoed_nonce = peer_nonce_;
  out.chosen = chosen_;
  return out;
}

result<byte_string> handshake::fitting_payload(const handshake_terms& terms) const {
  auto room = std::min(terms.datagram_bytes_max, limits::handshake_bytes_max);
  auto what = own_payload(terms);
  if (what.listening.size() > limits::handshake_uris_max) what.listening.resize(limits::handshake_uris_max);
  while (true) {
    auto bytes = encode(what);
    if (bytes.size() + noise_->next_overhead() + header_bytes_max <= room) return bytes;
    // places are gossiped later as well: the least of what we tell
    if (!what.listening.empty())
      what.listening.pop_back();
    else if (!what.observed.empty())
      what.observed.clear();
    else
      return error{error_code::exhausted,
                   "the handshake needs " + std::to_string(bytes.size())
                     + " bytes of payload, more than the channel's datagrams hold; its certificate is too long"};
  }
}

result<byte_string> handshake::start(const handshake_terms& terms, random_source& random) {
  pattern_ = terms.join_with ? pattern_code::xxpsk3 : terms.expected ? pattern_code::ik : pattern_code::xx;
  initiator_index_ = terms.session_index;
  if (terms.join_with) ticket_id_ = terms.join_with->id;
  random.fill(own_nonce_.value);
  if (auto begun = begin(terms); !begun) return begun.why();
  byte_string inside;
  if (pattern_ == pattern_code::ik) {
    auto fitting = fitting_payload(terms);
    if (!fitting) return fitting.why();
    inside = std::move(*fitting);
    nonce_shown_ = true;
  }
  auto noise = noise_->write_message(inside, random);
  if (!noise) return noise.why();
  message_1_ = std::move(*noise);
  last_sent_ = encode(handshake_1{pattern_, initiator_index_, ticket_id_, std::nullopt, message_1_});
  return last_sent_;
}

byte_string handshake::with_cookie(const cookie& echoed) {
  last_sent_ = encode(handshake_1{pattern_, initiator_index_, ticket_id_, echoed, message_1_});
  return last_sent_;
}

bool handshake::answers(const handshake_1& message) const {
  return role_ == role::responder && message.sender == initiator_index_ && message.pattern == pattern_
         && std::equal(message.noise.begin(), message.noise.end(), message_1_.begin(), message_1_.end());
}

result<void> handshake::judge(const payload& theirs, const handshake_terms& terms, bool joining) {
  auto proven = identity::x25519_of(theirs.node);
  if (!proven || *proven != *noise_->peer_static())
    return {error_code::tampered, "the peer's node id does not belong to the key it proved"};
  if (theirs.node == terms.keys->id()) return {error_code::failed, "this place leads back to this node itself"};
  bool only_the_expected = role_ == role::initiator || !terms.answers_any_member;
  if (terms.expected && only_the_expected && theirs.node != *terms.expected)
    return {error_code::tampered,
            "node " + to_short_string(theirs.node) + " answered where " + to_short_string(*terms.expected) + " was expected"};
  auto ours = own_payload(terms);
  auto agreed = agree_on(ours, theirs);
  if (agreed == 0)
    return {error_code::failed, "no common link protocol: one side speaks " + std::to_string(ours.oldest) + " to "
                                  + std::to_string(ours.newest) + ", the other " + std::to_string(theirs.oldest) + " to "
                                  + std::to_string(theirs.newest) + "; update the older one"};
  if ((theirs.chosen != 0 && theirs.chosen != agreed) || (nonce_shown_ && theirs.echoed_nonce != own_nonce_))
    return {error_code::tampered, "the peer's answer does not belong to what was offered"};
  chosen_ = agreed;
  if (theirs.space != terms.space)
    return {error_code::not_a_member, "wrong namespace: one side belongs to " + to_short_string(terms.space) + ", the other to "
                                        + to_short_string(theirs.space)};
  peer_.member.id = theirs.node;
  peer_.member.name = theirs.node_name;
  if (!(joining && role_ == role::responder)) { // who joins has no certificate yet: the ticket speaks for it
    auto member = terms.check_member(theirs.node, theirs.certificate);
    if (!member) return member.why();
    peer_.member = std::move(*member);
  }
  peer_.listening = theirs.listening;
  peer_.observed_us_at = theirs.observed;
  peer_.features = theirs.features & (terms.features | features_said);
  auto both = std::min<std::size_t>(terms.datagram_bytes_max, theirs.datagram_bytes_max);
  peer_.datagram_bytes_max = std::max(both, limits::link_datagram_bytes_min);
  peer_.datagram_bytes_ceiling = terms.datagram_bytes_ceiling;
  if (theirs.datagram_bytes_ceiling != 0) // who does not say takes in whatever comes
    peer_.datagram_bytes_ceiling = std::min<std::size_t>(peer_.datagram_bytes_ceiling, theirs.datagram_bytes_ceiling);
  return {};
}

handshake::outcome handshake::on_message_1(const handshake_1& message, const handshake_terms& terms, random_source& random) {
  pattern_ = message.pattern;
  initiator_index_ = peer_index_ = message.sender;
  ticket_id_ = message.ticket_id;
  message_1_ = to_bytes(message.noise);
  random.fill(own_nonce_.value);
  if (auto begun = begin(terms); !begun) return failed(begun.why());
  auto inside = noise_->read_message(message.noise);
  if (!inside) return failed({error_code::tampered, "a handshake arrived that was not meant for this node's key"});
  waits_for_ticket_ = pattern_ == pattern_code::xxpsk3;
  if (waits_for_ticket_) return {progress::needs_ticket, {}, {}};
  if (pattern_ == pattern_code::xx) return answer_message_1(terms, random, std::nullopt);
  auto theirs = decode_payload(*inside);
  if (!theirs) return failed(theirs.why());
  peer_nonce_ = theirs->nonce;
  auto judged = judge(*theirs, terms, false);
  return answer_message_1(terms, random, judged ? std::nullopt : std::optional{judged.why()});
}

handshake::outcome handshake::on_ticket_secret(result<byte_string> secret, const handshake_terms& terms, random_source& random) {
  waits_for_ticket_ = false;
  if (secret && secret->size() != secret_key::size())
    secret = error{error_code::failed, "the ticket's secret has the wrong length"};
  if (!secret) return answer_message_1(terms, random, secret.why());
  noise_->set_psk(secret_key{*secret});
  identity::wipe(*secret);
  return answer_message_1(terms, random, std::nullopt);
}

handshake::outcome handshake::answer_message_1(const handshake_terms& terms, random_source& random,
                                               std::optional<error> refusal) {
  byte_string inside;
  if (refusal) {
    inside = encode(refusal_payload(*refusal));
  } else {
    auto fitting = fitting_payload(terms);
    if (!fitting) {
      refusal = fitting.why();
      inside = encode(refusal_payload(*refusal));
    } else {
      inside = std::move(*fitting);
    }
  }
  auto noise = noise_->write_message(inside, random);
  if (!noise) return failed(noise.why());
  nonce_shown_ = true;
  last_sent_ = encode(handshake_2{peer_index_, terms.session_index, *noise});
  if (refusal) return failed(*refusal, last_sent_);
  if (!noise_->is_finished()) return {progress::waiting, last_sent_, {}};
  take_keys();
  return {progress::keyed, last_sent_, {}};
}

payload handshake::refusal_payload(const error& why) const {
  payload out;
  out.nonce = own_nonce_;
  out.echoed_nonce = peer_nonce_;
  out.refusal = why;
  if (out.refusal->code == error_code::none) out.refusal->code = error_code::failed;
  return out;
}

handshake::outcome handshake::on_message_2(const handshake_2& message, const handshake_terms& terms, random_source& random) {
  if (role_ != role::initiator || keys_) return ignored();
  auto before = *noise_; // a forged message must leave no trace
  auto inside = noise_->read_message(message.noise);
  if (!inside) {
    noise_ = std::move(before);
    return ignored();
  }
  auto theirs = decode_payload(*inside);
  if (!theirs) return failed(theirs.why());
  if (theirs->refusal) return failed(refused_by_peer(*theirs->refusal));
  peer_index_ = message.sender;
  peer_nonce_ = theirs->nonce;
  auto judged = judge(*theirs, terms, terms.join_with.has_value());
  if (judged && theirs->session_index != message.sender)
    judged = {error_code::tampered, "the peer's session index was changed on the way"};
  if (!judged) return failed(judged.why(), refusal_to_responder(judged.why(), random));
  if (noise_->is_finished()) {
    take_keys();
    last_sent_.clear();
    return {progress::keyed, {}, {}};
  }
  auto fitting = fitting_payload(terms);
  if (!fitting) return failed(fitting.why(), refusal_to_responder(fitting.why(), random));
  auto noise = noise_->write_message(*fitting, random);
  if (!noise) return failed(noise.why());
  last_sent_ = encode(handshake_3{peer_index_, *noise});
  take_keys();
  return {progress::keyed, last_sent_, {}};
}

byte_string handshake::refusal_to_responder(const error& why, random_source& random) {
  if (noise_->is_finished()) {
    take_keys();
    return sealed_refusal(why);
  }
  // the stranger may read why, not who we are: a throw-away key stands in for ours
  secret_key nobody;
  random.fill({nobody.data(), nobody.size()});
  noise_->set_own_static(nobody);
  auto noise = noise_->write_message(encode(refusal_payload(why)), random);
  return noise ? encode(handshake_3{peer_index_, *noise}) : byte_string{};
}

byte_string handshake::sealed_refusal(const error& why) const {
  auto bytes = encode(frame{close_frame{why}});
  auto sealing = make_session({});
  sealing.seal(datagram_type::sealed_frame, bytes, {});
  return bytes;
}

handshake::outcome handshake::on_message_3(const handshake_3& message, const handshake_terms& terms) {
  if (role_ != role::responder || keys_ || noise_->is_finished() || noise_->is_my_turn()) return ignored();
  auto before = *noise_;
  auto inside = noise_->read_message(message.noise);
  if (!inside) {
    noise_ = std::move(before);
    return ignored();
  }
  auto theirs = decode_payload(*inside);
  if (!theirs) return failed(theirs.why());
  if (theirs->refusal) return failed(refused_by_peer(*theirs->refusal));
  auto judged = judge(*theirs, terms, pattern_ == pattern_code::xxpsk3);
  take_keys();
  if (!judged) {
    last_sent_ = sealed_refusal(judged.why());
    return failed(judged.why(), last_sent_);
  }
  return {progress::keyed, {}, {}};
}

void handshake::take_keys() { keys_ = noise_->split(); }

session handshake::make_session(steady_time now) const {
  bool initiator = role_ == role::initiator;
  return session{peer_index_, initiator ? keys_->initiator_to_responder : keys_->responder_to_initiator,
                 initiator ? keys_->responder_to_initiator : keys_->initiator_to_responder, now};
}

} // namespace glow::link
