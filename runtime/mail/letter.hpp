/// A message on its way to a box of another node, and the recipient's word that it has come. Both are signed, hence in a
/// canonical encoding; both may be carried by anybody.
///
/// Letter:
/// ```
///  0        1        33          65           73       81      89     97        105                 n-64        n
///  | form 1 | sender | recipient | numbering  | number | floor | sent | expires | sealed content …  | signature |
/// ```
/// Integers are little endian; times are milliseconds since 1970. Sealed content: an ephemeral X25519 key (32), then
/// crypto_box (XSalsa20-Poly1305) of: length of the box's name (1), the name, the body. The nonce is a hash of both keys and
/// of the header, so that the content opens under this header alone: nobody can put his own name on a letter of another.
///
/// Receipt: one for all letters of a numbering, so that the newest one makes all earlier ones needless.
/// ```
///  0        1           33       65          73      75                                   n-64        n
///  | form 1 | recipient | sender | numbering | ranges | (begin 8, end 8) each, ascending … | signature |
/// ```
/// Refuses to know members, clocks and disks.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/identity/keys.hpp"
#include "runtime/mail/number_set.hpp"

namespace glow::mail {

/// Names one letter, everywhere: hash of its sender, recipient, numbering and number.
using letter_id = fixed_bytes<16, struct letter_id_tag>;

/// Letters from one node to another, numbered without gaps. The numbering is a random number, drawn anew when the sender has
/// lost its database: its letters must not be taken for earlier ones.
struct lane {
  node_id sender;
  node_id recipient;
  std::uint64_t numbering = 0;
  friend auto operator<=>(const lane&, const lane&) = default;
};

letter_id id_of(const lane& way, std::uint64_t number);

/// What everybody may read of a letter.
struct letter_header {
  lane way;
  std::uint64_t number = 0;
  std::uint64_t floor = 0; ///< letters of the lane below this one are dealt with: nobody waits for them
  wall_time sent{};
  wall_time expires{};

  letter_id id() const { return id_of(way, number); }
  bool operator==(const letter_header&) const = default;
};

struct letter_content {
  std::string box;
  byte_string body;
};

/// 1 to 64 of a-z 0-9 . _ -
bool is_box_name(std::string_view text);

/// Seals to the recipient and signs as the sender.
/// Requires: `keys.id() == header.way.sender`, a good box name, a body within its bound.
/// Errors: `malformed` when the recipient's id is no usable key.
result<byte_string> seal_letter(const letter_header& header, const letter_content& content, const identity::node_keys& keys,
                                random_source& random);
/// The header, once the sender's signature has been verified.
/// Errors: `malformed`, `tampered`.
result<letter_header> read_letter(byte_view bytes);
/// Requires: `bytes` as read_letter has accepted them, `keys` are the recipient's.
/// Errors: `tampered` when it does not open with these keys, `malformed` when what is inside is no message.
result<letter_content> open_letter(byte_view bytes, const identity::node_keys& keys);

/// The recipient has these letters of the lane durably, or has learnt that nobody waits for them any more.
struct receipt {
  lane way;
  number_set received;
  bool operator==(const receipt&) const = default;
};
/// Requires: `keys.id() == told.way.recipient`.
byte_string sign_receipt(const receipt& told, const identity::node_keys& keys);
/// Errors: `malformed`, `tampered` unless the recipient named in it has signed it.
result<receipt> read_receipt(byte_view bytes);

/// A question: which letters of mine, or of this sender, have you? 40 bytes: sender and numbering.
byte_string encode_question(const lane& way);
/// Errors: `malformed`.
result<lane> read_question(byte_view bytes, const node_id& recipient);

} // namespace glow::mail
