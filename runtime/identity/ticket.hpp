/// One-time tickets: what an admin gives a person so that one more device may join. Text: `glow:` and base32 of
///
///   0        1                65
///   +--------+----------------+---------------------------------------+
///   | format | signature      | TicketContent (schema), packed        |
///   | 1      | 64, by inviter | ≤ 2 KiB unpacked                      |
///   +--------+----------------+---------------------------------------+
///
/// The signature covers "glow ticket 1", a zero byte, and the packed content, so that a text altered on its way (typed,
/// photographed, mailed) is told apart from one that is none. Refuses to know whether it was used: namespace_state does.
#pragma once

#include "runtime/base/uri.hpp"
#include "runtime/identity/keys.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/roster.hpp"

namespace glow::identity {

/// The pre-shared key of the joining handshake (Noise XXpsk3).
using ticket_psk = fixed_bytes<32, struct ticket_psk_tag>;

struct ticket {
  namespace_id space;
  std::string namespace_name;
  ticket_psk secret;
  node_id inviter;
  role as = role::member;
  wall_time expires{};
  std::vector<channel_uri> addresses; ///< of the inviter, best first

  bool operator==(const ticket&) const = default;
  /// Names the ticket without revealing its secret: what the joiner shows in the clear.
  digest id() const;
};
digest ticket_id_of(const ticket_psk& secret);

/// Signed by the inviter, whose id `keys` must have. Addresses beyond limits::ticket_addresses_max are left out.
std::string to_text(const ticket& invitation, const node_keys& inviter);
/// Spaces, line breaks and upper case are forgiven. Says nothing of expiry: `check_expiry` does.
/// Errors: `malformed` (no ticket at all, or cut short), `tampered` (the signature does not verify).
result<ticket> parse_ticket(std::string_view text);
/// Errors: `expired`.
result<void> check_expiry(const ticket& invitation, wall_time now);

} // namespace glow::identity
