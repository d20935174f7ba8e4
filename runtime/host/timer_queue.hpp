/// Timers by key, the earliest first: a later arm() of a key takes the place of the earlier one, so nobody is woken for a
/// deadline that has moved. Refuses to read a clock and to wake anybody: an event loop does.
#pragma once

#include "runtime/base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace glow::host {

/// One timer of one actor: actors have one for each type of tick.
struct timer_key {
  std::uint64_t actor = 0;
  std::size_t tick = 0; ///< hash of the tick's type
  bool operator==(const timer_key&) const = default;
};

template <class Payload>
class timer_queue {
public:
  /// `payload` is due at `when`; whatever was armed under this key before is forgotten. Timers of one time come in the order
  /// in which they were armed.
  void arm(const timer_key& key, steady_time when, Payload payload) {
    auto known = places_.find(key);
    if (known == places_.end()) {
      places_.emplace(key, due_.emplace(place{when, ++last_number_}, entry{key, std::move(payload)}).first);
      return;
    }
    auto node = due_.extract(known->second); // moved, not allocated anew: packets move deadlines all the time
    node.key() = {when, ++last_number_};
    node.mapped().payload = std::move(payload);
    known->second = due_.insert(std::move(node)).position;
  }
  std::optional<steady_time> next() const { return due_.empty() ? std::nullopt : std::optional{due_.begin()->first.first}; }
  /// The earliest payload that is due by `now`; nothing when none is.
  std::optional<Payload> take_due(steady_time now) {
    if (due_.empty() || due_.begin()->first.first > now) return std::nullopt;
    auto first = due_.extract(due_.begin());
    places_.erase(first.mapped().key);
    return std::move(first.mapped().payload);
  }
  std::size_t size() const { return due_.size(); }

private:
  using place = std::pair<steady_time, std::uint64_t>;
  struct entry {
    timer_key key;
    Payload payload;
  };
  struct hash_of_key {
    std::size_t operator()(const timer_key& key) const { return key.tick ^ (key.actor * 0x9e3779b97f4a7c15ULL); }
  };

  std::map<place, entry> due_;
  std::unordered_map<timer_key, typename std::map<place, entry>::iterator, hash_of_key> places_;
  std::uint64_t last_number_ = 0;
};

} // namespace glow::host
