#include "runtime/base/base32.hpp"
#include "runtime/link/noise.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>
#include <set>

using namespace glow;
using namespace glow::link;

namespace {

std::optional<byte_string> field(const nlohmann::json& vector, const std::string& name) {
  if (!vector.contains(name)) return std::nullopt;
  return *from_hex(vector[name].get<std::string>());
}

std::optional<secret_key> key_field(const nlohmann::json& vector, const std::string& name) {
  auto bytes = field(vector, name);
  if (!bytes) return std::nullopt;
  return secret_key{*bytes};
}

noise_handshake begin_side(const noise_pattern& pattern, const nlohmann::json& vector, const std::string& side) {
  auto prologue = field(vector, side + "_prologue").value_or(byte_string{});
  noise_handshake::setup setup;
  setup.initiator = side == "init";
  setup.prologue = prologue;
  setup.own_static = key_field(vector, side + "_static");
  setup.own_ephemeral = key_field(vector, side + "_ephemeral");
  if (auto peer = field(vector, side + "_remote_static")) setup.peer_static = identity::x25519_public_key::from(*peer);
  if (vector.contains(side + "_psks")) setup.psk = secret_key{*from_hex(vector[side + "_psks"][0].get<std::string>())};
  auto begun = noise_handshake::begin(pattern, setup);
  REQUIRE(begun.ok());
  return *begun;
}

/// Both sides of one vector: every message's bytes, the hash, and the transport messages after it.
void run_vector(const nlohmann::json& vector, const noise_pattern& pattern) {
  seeded_random unused{1};
  auto initiator = begin_side(pattern, vector, "init");
  auto responder = begin_side(pattern, vector, "resp");
  bool one_way = pattern.messages.size() == 1;
  std::optional<noise_cipher> to_responder;
  std::optional<noise_cipher> to_initiator;
  std::optional<noise_cipher> from_initiator;
  std::optional<noise_cipher> from_responder;
  bool initiators_turn = true;
  for (auto& message : vector["messages"]) {
    auto payload = *from_hex(message["payload"].get<std::string>());
    auto ciphertext = *from_hex(message["ciphertext"].get<std::string>());
    if (!initiator.is_finished()) {
      auto& writer = initiators_turn ? initiator : responder;
      auto& reader = initiators_turn ? responder : initiator;
      CHECK(writer.next_overhead() + payload.size() == ciphertext.size());
      auto written = writer.write_message(payload, unused);
      REQUIRE(written.ok());
      CHECK(to_hex(*written) == to_hex(ciphertext));
      auto read = reader.read_message(ciphertext);
      REQUIRE(read.ok());
      CHECK(to_hex(*read) == to_hex(payload));
    } else {
      if (!to_responder) {
        CHECK(to_hex(initiator.handshake_hash()) == vector["handshake_hash"].get<std::string>());
        CHECK(initiator.handshake_hash() == responder.handshake_hash());
        to_responder.emplace(initiator.split().initiator_to_responder);
        from_initiator.emplace(responder.split().initiator_to_responder);
        to_initiator.emplace(responder.split().responder_to_initiator);
        from_responder.emplace(initiator.split().responder_to_initiator);
      }
      byte_string out;
      (initiators_turn ? *to_responder : *to_initiator).encrypt({}, payload, out);
      CHECK(to_hex(out) == to_hex(ciphertext));
      auto read = (initiators_turn ? *from_initiator : *from_responder).decrypt({}, ciphertext);
      REQUIRE(read.ok());
      CHECK(*read == payload);
    }
    initiators_turn = one_way || !initiators_turn;
  }
}

struct pair_of_handshakes {
  noise_handshake initiator;
  noise_handshake responder;
};

pair_of_handshakes begin_pair(std::string_view name, random_source& random) {
  auto pattern = *find_noise_pattern(name);
  auto a = identity::node_keys::generate(random);
  auto b = identity::node_keys::generate(random);
  noise_handshake::setup one;
  one.own_static = secret_key{a.x25519_secret().view()};
  one.peer_static = b.x25519_public();
  one.psk = secret_key{byte_string(32, 7)};
  noise_handshake::setup other;
  other.initiator = false;
  other.own_static = secret_key{b.x25519_secret().view()};
  other.psk = one.psk;
  if (!pattern.responder_static_known) one.peer_static.reset();
  return {*noise_handshake::begin(pattern, one), *noise_handshake::begin(pattern, other)};
}

} // namespace

TEST_CASE("the public Noise vectors are reproduced byte by byte") {
  std::ifstream file{GLOW_NOISE_VECTORS};
  if (!file) {
    std::cerr << "\n*** SKIPPED: no Noise vectors at " << GLOW_NOISE_VECTORS << ": the handshake is NOT checked against them\n";
    return;
  }
  auto all = nlohmann::json::parse(file);
  std::size_t ran = 0;
  for (auto& vector : all["vectors"]) {
    auto full = vector["protocol_name"].get<std::string>(); // Noise_XX_25519_…
    auto name = full.substr(6, full.find('_', 6) - 6);
    INFO(full);
    auto pattern = find_noise_pattern(name);
    REQUIRE(pattern.ok());
    run_vector(vector, *pattern);
    ++ran;
  }
  CHECK(ran >= 50);
}

TEST_CASE("a name that is in no row gives an error") {
  CHECK(find_noise_pattern("ZZ").why().code == error_code::not_found);
  CHECK(find_noise_pattern("XXpsk9").why().code == error_code::not_found);
  CHECK(find_noise_pattern("XXpsk").why().code == error_code::not_found);
  CHECK(find_noise_pattern("XXpsk0+psk3").ok());
}

TEST_CASE("a changed bit in any handshake message after the first is noticed") {
  seeded_random random{2};
  for (auto name : {"XX", "XXpsk3"}) {
    auto pair = begin_pair(name, random);
    auto first = *pair.initiator.write_message({}, random);
    REQUIRE(pair.responder.read_message(first).ok());
    auto second = *pair.responder.write_message(as_bytes("hello"), random);
    for (std::size_t i = 0; i < second.size(); ++i) {
      auto forged = second;
      forged[i] ^= 1;
      auto copy = pair.initiator;
      CHECK_FALSE(copy.read_message(forged).ok());
    }
    CHECK(pair.initiator.read_message(second).ok());
  }
}

TEST_CASE("a handshake cut short at any byte is an error, not a crash") {
  seeded_random random{3};
  auto pair = begin_pair("IK", random);
  auto first = *pair.initiator.write_message(as_bytes("payload"), random);
  for (std::size_t length = 0; length < first.size(); ++length) {
    auto copy = pair.responder;
    CHECK_FALSE(copy.read_message(byte_view{first}.first(length)).ok());
  }
}

TEST_CASE("different pre-shared keys do not agree") {
  seeded_random random{4};
  auto pair = begin_pair("XXpsk3", random);
  pair.responder.set_psk(secret_key{byte_string(32, 8)});
  REQUIRE(pair.responder.read_message(*pair.initiator.write_message({}, random)).ok());
  REQUIRE(pair.initiator.read_message(*pair.responder.write_message({}, random)).ok());
  auto third = *pair.initiator.write_message({}, random);
  CHECK(pair.responder.read_message(third).why().code == error_code::tampered);
}

TEST_CASE("a low-order ephemeral key is refused") {
  seeded_random random{5};
  auto pair = begin_pair("XX", random);
  REQUIRE(pair.responder.read_message(byte_string(32, 0)).ok()); // only an e: no agreement yet
  CHECK(pair.responder.write_message({}, random).why().code == error_code::tampered);
}
