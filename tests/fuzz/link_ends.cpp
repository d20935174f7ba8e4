#include "tests/fuzz/link_ends.hpp"

namespace glow::fuzz {

using namespace link;

namespace {

result<identity::member> check(const node_id& peer, byte_view certificate) {
  auto text = to_text(certificate);
  if (!text.starts_with("certificate of ")) return error{error_code::not_a_member, "no certificate"};
  return identity::member{peer, text.substr(15), identity::role::member, {}};
}

} // namespace

const link_ends& link_ends::get() {
  static const link_ends ends;
  return ends;
}

link_ends::link_ends() {
  seeded_random random{42};
  one_ = std::make_shared<identity::node_keys>(identity::node_keys::generate(random));
  other_ = std::make_shared<identity::node_keys>(identity::node_keys::generate(random));
  ticket_.id.value.fill(3);
  ticket_.secret = secret_key{byte_string(32, 7)};
  space_.value.fill(9);
}

link_config link_ends::config(role which, pattern_code pattern) const {
  const bool initiator = which == role::initiator;
  link_config out;
  out.as = which;
  out.keys = keys(which);
  out.session_index = initiator ? 11 : 22;
  out.space = space_;
  out.node_name = initiator ? "one" : "other";
  out.certificate = to_bytes("certificate of " + out.node_name);
  out.listening = {*parse_channel_uri("udp://10.0.0.1:7400")};
  out.check_member = check;
  out.on_link = true;
  if (initiator && pattern == pattern_code::ik) out.expected = other_->id();
  if (initiator && pattern == pattern_code::xxpsk3) out.join_with = ticket_;
  return out;
}

payload link_ends::told(role which) const {
  auto terms = config(which, pattern_code::xx);
  payload out;
  out.session_index = terms.session_index;
  out.datagram_bytes_max = static_cast<std::uint32_t>(terms.datagram_bytes_max);
  out.node = terms.keys->id();
  out.space = terms.space;
  out.certificate = terms.certificate;
  out.node_name = terms.node_name;
  out.listening = terms.listening;
  return out;
}

noise_handshake link_ends::noise_initiator(pattern_code pattern, std::uint32_t index) const {
  auto prologue = to_bytes(std::string_view{"glow link 1"});
  prologue.push_back(static_cast<std::uint8_t>(pattern));
  append_le(prologue, index);
  if (pattern == pattern_code::xxpsk3) append(prologue, ticket_.id.view());
  noise_handshake::setup setup;
  setup.initiator = true;
  setup.prologue = prologue;
  setup.own_static = secret_key{one_->x25519_secret().view()};
  if (pattern == pattern_code::ik) setup.peer_static = other_->x25519_public();
  if (pattern == pattern_code::xxpsk3) setup.psk = ticket_.secret;
  static const char* names[] = {"XX", "IK", "XXpsk3"};
  auto found = find_noise_pattern(names[static_cast<std::size_t>(pattern) - 1]);
  return *noise_handshake::begin(*found, setup);
}

} // namespace glow::fuzz
