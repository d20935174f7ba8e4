/// What the mail actor keeps in the database, as values, with their keys and their Cap'n Proto forms (schema/mail.capnp).
/// Everything small lies under one prefix and is read whole at the start; bodies are read one at a time.
/// Refuses to decide anything.
#pragma once

#include "runtime/mail/letter.hpp"

#include <optional>
#include <string>
#include <variant>

namespace glow::mail {

/// A letter that waits here for its recipient: this node's own, or one in custody.
struct parcel {
  lane way;
  std::uint64_t number = 0;
  std::uint64_t bytes = 0; ///< sealed
  wall_time sent{};
  wall_time expires{};
  std::string box;                 ///< own letters only
  std::vector<node_id> custodians; ///< own letters only
  letter_id id() const { return id_of(way, number); }
  bool operator==(const parcel&) const = default;
};

struct numbering_of {
  node_id recipient;
  std::uint64_t numbering = 0;
  std::uint64_t next = 0;
  bool operator==(const numbering_of&) const = default;
};

struct received_of {
  node_id sender;
  std::uint64_t numbering = 0;
  number_set received;
  wall_time last{};
  bool operator==(const received_of&) const = default;
};

/// A message in one of this node's boxes.
struct kept_letter {
  std::uint64_t arrival = 0; ///< the order in which they came
  node_id from;
  std::uint64_t numbering = 0;
  std::uint64_t number = 0;
  std::string box;
  wall_time sent{};
  wall_time received{};
  std::uint64_t bytes = 0; ///< of the body
  bool operator==(const kept_letter&) const = default;
};

struct telling {
  node_id to;
  byte_string receipt;
  wall_time expires{};
  bool operator==(const telling&) const = default;
};

enum class letter_end : std::uint8_t { delivered = 1, expired = 2, refused = 3 };

struct ended_letter {
  node_id recipient;
  std::uint64_t numbering = 0;
  std::uint64_t number = 0;
  std::string box;
  letter_end end = letter_end::delivered;
  std::string why;
  std::uint64_t bytes = 0;
  wall_time sent{};
  wall_time ended{};
  bool operator==(const ended_letter&) const = default;
};

/// Everything that is read at the start has a key with this prefix.
byte_string records_prefix();
byte_string key_of(const parcel& record);
byte_string key_of(const numbering_of& record);
byte_string key_of(const received_of& record);
byte_string key_of(const kept_letter& record);
/// Requires: the receipt is one of `way`.
byte_string telling_key(const node_id& to, const lane& way);
byte_string ended_key(const letter_id& id);
/// Where the sealed bytes of a parcel, and the body of a kept letter lie.
byte_string letter_key(const letter_id& id);
byte_string body_key(std::uint64_t arrival);

byte_string encode(const parcel& record);
byte_string encode(const numbering_of& record);
byte_string encode(const received_of& record);
byte_string encode(const kept_letter& record);
byte_string encode(const telling& record);
byte_string encode(const ended_letter& record);

using any_record = std::variant<parcel, numbering_of, received_of, kept_letter, telling, ended_letter>;
/// What lies under a key with records_prefix().
/// Errors: `malformed`, also for counts and sizes beyond limits.hpp.
result<any_record> decode_record(byte_view key, byte_view value);

} // namespace glow::mail
