/// Messages of one peer on their way in: fragments in any order become whole messages, each at most once.
/// Refuses whatever exceeds its bounds; the packet then stays unacknowledged and the sender slows down.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/stream/packet.hpp"
#include "runtime/stream/range_set.hpp"

#include <functional>
#include <optional>
#include <unordered_map>

namespace glow::stream {

/// A whole message from the peer.
struct inbound_message {
  message_kind kind = message_kind::request;
  std::uint64_t id = 0;
  std::uint32_t code = 0;
  duration timeout{}; ///< of a request: how long the peer waits, counted from its first fragment
  byte_string body;
};

class reassembly {
public:
  /// `awaited`: does this node await an answer to the request with this id? Other answers are not kept.
  explicit reassembly(std::function<bool(std::uint64_t)> awaited) : awaited_{std::move(awaited)} {}

  /// Takes a fragment. False when a bound forbids it: the packet must not be acknowledged. `whole` is set when the
  /// message became complete. Duplicates and fragments that contradict earlier ones are taken and forgotten.
  bool add(const message_frame& fragment, steady_time now, std::optional<inbound_message>& whole);
  /// The peer gave this request up.
  void drop_request(std::uint64_t id);
  /// Forgets half a message whose sender does not wait any more.
  void expire(steady_time now);
  std::optional<steady_time> wake_at() const;
  /// Another incarnation counts its ids anew.
  void on_peer_restarted();
  bool empty() const { return partial_.empty(); }
  std::size_t held_bytes() const { return held_bytes_; }

private:
  struct partial {
    inbound_message message;
    range_set received;
    steady_time expires{};
  };
  void erase(std::unordered_map<std::uint64_t, partial>::iterator at);
  void remember(std::uint64_t request_id);
  bool is_unwanted(const message_frame& fragment) const;

  std::function<bool(std::uint64_t)> awaited_;
  std::unordered_map<std::uint64_t, partial> partial_;
  std::size_t held_bytes_ = 0;
  range_set known_requests_; ///< received whole, or cancelled
};

} // namespace glow::stream
