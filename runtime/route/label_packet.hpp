/// What two neighbours say of labels, each a direct packet of kind `labelled` on the link that it is about:
///
///   bind     0   1      9        13      15       47            79
///            | 1 | life | number | label | source | destination |     "label stands for this pair from now on"
///   bound    0   1      9        13      15
///            | 2 | life | number | label |                            "I know that one": the bind with that number arrived
///   unknown  0   1       3
///            | 3 | label |                                            "you used a label that I do not know"
///
///   life    of the sender's table, random: another one voids all that it bound before
///   number  of the bind within that life; a repetition keeps it
///   Integers are little-endian.
///
/// Refuses to remember anything: label_tables.hpp does.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <variant>

namespace glow::route {

/// The two ends of a routed packet.
struct node_pair {
  node_id source;
  node_id destination;
  bool operator==(const node_pair&) const = default;
};

struct label_bind {
  std::uint64_t life = 0;
  std::uint32_t number = 0;
  std::uint16_t label = 0;
  node_pair pair;
  bool operator==(const label_bind&) const = default;
};
struct label_bound {
  std::uint64_t life = 0;
  std::uint32_t number = 0;
  std::uint16_t label = 0;
  bool operator==(const label_bound&) const = default;
};
struct label_unknown {
  std::uint16_t label = 0;
  bool operator==(const label_unknown&) const = default;
};
using label_packet = std::variant<label_bind, label_bound, label_unknown>;

inline constexpr std::size_t label_bind_bytes = 79;

byte_string encode(const label_packet& packet);
/// Errors: `malformed`, also for labels beyond limits::labels_per_link_max.
result<label_packet> decode_label_packet(byte_view body);

} // namespace glow::route
