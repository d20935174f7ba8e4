/// The two members that tests of links let meet: alice dials, bob answers.
#pragma once

#include "tests/runtime/link/simulated_pair.hpp"

namespace glow::link::alice_and_bob {

inline seeded_random keys_random{77};
inline const test_node alice = make_node("alice", keys_random);
inline const test_node bob = make_node("bob", keys_random);

inline link_config dialling(bool knows_peer = false) {
  auto out = config_of(alice, role::initiator, 101);
  if (knows_peer) out.expected = bob.keys->id();
  return out;
}
inline link_config answering() { return config_of(bob, role::responder, 202); }

} // namespace glow::link::alice_and_bob
