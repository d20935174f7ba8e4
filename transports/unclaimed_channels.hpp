/// Strangers' channels of one transport, oldest first: which one goes when there are too many or when its time is over.
/// A value; refuses to close anything itself.
#pragma once

#include "actors/contracts/transport.hpp"
#include "transports/limits.hpp"

#include <list>
#include <optional>
#include <unordered_map>

namespace glow::transports {

class unclaimed_channels {
public:
  explicit unclaimed_channels(std::size_t bound = limits::unclaimed_channels_max) : bound_{bound} {}

  /// Returns the channel that must go to make room, if any.
  std::optional<channel_id> add(channel_id channel, steady_time now) {
    if (places_.contains(channel)) return std::nullopt;
    order_.push_back({channel, now});
    places_.emplace(channel, std::prev(order_.end()));
    if (order_.size() <= bound_) return std::nullopt;
    auto oldest = order_.front().channel;
    remove(oldest);
    return oldest;
  }
  /// Claimed, or closed. Returns whether it was here.
  bool remove(channel_id channel) {
    auto found = places_.find(channel);
    if (found == places_.end()) return false;
    order_.erase(found->second);
    places_.erase(found);
    return true;
  }
  /// Takes out one channel that has been a stranger's for too long; call until nothing comes.
  std::optional<channel_id> take_expired(steady_time now) {
    if (order_.empty() || now - order_.front().since < limits::unclaimed_channel_life) return std::nullopt;
    auto oldest = order_.front().channel;
    remove(oldest);
    return oldest;
  }
  /// When the oldest one's time is over.
  std::optional<steady_time> next_expiry() const {
    if (order_.empty()) return std::nullopt;
    return order_.front().since + limits::unclaimed_channel_life;
  }
  bool contains(channel_id channel) const { return places_.contains(channel); }
  std::size_t size() const { return order_.size(); }

private:
  struct entry {
    channel_id channel = 0;
    steady_time since;
  };
  std::size_t bound_;
  std::list<entry> order_;
  std::unordered_map<channel_id, std::list<entry>::iterator> places_;
};

} // namespace glow::transports
