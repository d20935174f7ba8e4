/// What an originator signs, so that no relay can invent a node or make an old word look new.
/// Refuses to protect metrics: a member that relays may lie about how well it does so.
#pragma once

#include "runtime/identity/keys.hpp"

#include <compare>

namespace glow::route {

/// Version of an originator's presence: a restart raises the epoch, a request (RFC 8966, 3.8.1.2) the sequence number.
struct claim {
  std::uint64_t epoch = 0; ///< seconds since 1970 when the originator started
  std::uint32_t seqno = 0;
  auto operator<=>(const claim&) const = default;
};

struct signed_claim {
  claim what;
  identity::signature by_origin;
  bool operator==(const signed_claim&) const = default;
};

signed_claim sign_claim(const identity::node_keys& origin, const claim& what);
/// True when `origin` itself has signed this.
bool verify_claim(const node_id& origin, const signed_claim& said);

} // namespace glow::route
