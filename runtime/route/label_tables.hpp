/// Labels of one link: two bytes instead of the two ids of a routed packet, once both neighbours know what they stand for.
/// The sending side chooses and binds them, one table for each direction of each link; they are gone with the link.
///
///   counting ─label_after_packets─► binding ─bound─► bound ─long unused, or unknown to the receiver─► resting ─► free
///
/// A label never misleads a packet, whatever the link loses, repeats and reorders:
/// - it is used only after the receiver acknowledged what it stands for;
/// - a number is bound to another pair only after it has rested for label_rest, and so is any number by a sender that began
///   anew: no packet that was sent under its old meaning is on its way any more;
/// - a receiver that began anew knows none, drops what it cannot read, and says so: the sender goes back to whole headers.
///
/// Refuses to judge who may send, and where packets go: whoever is named by a label is checked as if it stood in the header.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/route/label_packet.hpp"
#include "runtime/route/limits.hpp"

#include <optional>
#include <unordered_map>
#include <vector>

namespace glow::route {

/// What this side calls the pairs whose packets it sends.
class label_sender {
public:
  /// `life`: random. Requires: 1 ≤ labels_max ≤ limits::labels_per_link_max.
  label_sender(std::uint64_t life, steady_time now, std::size_t labels_max = limits::labels_per_link_max)
    : life_{life}, began_at_{now}, labels_max_{labels_max} {}

  struct outcome {
    std::optional<std::uint16_t> label; ///< in place of the ids
    std::optional<label_bind> bind;     ///< to be sent to the neighbour
  };
  /// A packet between these two is about to leave.
  outcome on_packet(const node_pair& pair, steady_time now);
  void on_bound(const label_bound& answer);
  /// The neighbour does not know a label that was used: nothing that was bound holds.
  void on_unknown(std::uint16_t label, steady_time now);

  /// Pairs that it keeps; bounded by limits::labels_per_link_max.
  std::size_t pairs() const { return slot_of_.size(); }

private:
  enum class state : std::uint8_t { free, counting, binding, bound, resting };
  struct slot {
    node_pair pair;
    state now = state::free;
    std::uint8_t tries = 0;
    std::uint32_t count = 0; ///< of packets, then the number of its bind
    steady_time since{};     ///< used last, or resting
    steady_time told_at{};
  };
  struct pair_hash {
    std::uint64_t seed = 0;
    std::size_t operator()(const node_pair& pair) const;
  };

  std::optional<std::size_t> slot_for(const node_pair& pair, steady_time now);
  bool make_free(slot& which, steady_time now);
  void rest(slot& which, steady_time now);
  void may_bind(std::size_t which, steady_time now, outcome& out);

  std::uint64_t life_;
  steady_time began_at_;
  std::size_t labels_max_;
  std::vector<slot> slots_; ///< by label
  std::unordered_map<node_pair, std::size_t, pair_hash> slot_of_{0, pair_hash{life_}};
  std::size_t last_ = 0; ///< packets of one pair come in rows
  std::size_t hand_ = 0; ///< where the search for an unused one goes on
  std::size_t binding_ = 0;
  std::uint32_t binds_ = 0;
};

/// What the neighbour calls the pairs whose packets it sends.
class label_receiver {
public:
  /// The answer that is owed. Requires: a decoded packet, hence a label below the bound.
  label_bound on_bind(const label_bind& bind);
  /// Nothing: it is not known.
  const node_pair* pair_of(std::uint16_t label) const;
  /// Such a label came in: should the neighbour be told now? Not more often than every label_unknown_pause.
  bool tells_unknown(steady_time now);

private:
  std::optional<std::uint64_t> life_;
  std::vector<std::optional<node_pair>> pairs_; ///< by label; no longer than limits::labels_per_link_max
  std::optional<steady_time> told_at_;
};

} // namespace glow::route
