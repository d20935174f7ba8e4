/// The two ends of a link under fire: fixed keys, certificates and a ticket, made once.
#pragma once

#include "runtime/link/link_machine.hpp"

#include <memory>

namespace glow::fuzz {

class link_ends {
public:
  static const link_ends& get();

  const std::shared_ptr<const identity::node_keys>& keys(link::role which) const {
    return which == link::role::initiator ? one_ : other_;
  }
  /// What a machine or handshake of this side starts with.
  link::link_config config(link::role which, link::pattern_code pattern) const;
  const link::join_ticket& ticket() const { return ticket_; }
  byte_string ticket_secret() const { return to_bytes(ticket_.secret.view()); }
  /// What this side would tell of itself.
  link::payload told(link::role which) const;
  /// The initiator's Noise state as link::handshake begins it, for messages that the handshake itself would never write.
  link::noise_handshake noise_initiator(link::pattern_code pattern, std::uint32_t index) const;

private:
  link_ends();
  std::shared_ptr<const identity::node_keys> one_, other_;
  link::join_ticket ticket_;
  namespace_id space_;
};

} // namespace glow::fuzz
