/// Decides what a datagram on a channel without a link may cause: a new link, news for a link whose peer roamed,
/// a cookie, or nothing. Holds two secrets and a few counters, nothing per stranger.
/// Refuses to decrypt anything: proof of keys is the link's work (link_machine.hpp).
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/time.hpp"
#include "runtime/link/datagram.hpp"

#include <functional>
#include <string_view>
#include <variant>

namespace glow::link {

/// Open a link as responder on this channel and give it the datagram.
struct accept {};
/// The datagram carries the session index of a link of this node: give it to that link as roamed datagram.
struct roamed {
  std::uint32_t index = 0;
};
/// Too many handshakes are pending: send this cookie back and forget the stranger.
struct answer_cookie {
  byte_string datagram;
};
/// Nothing: the datagram was counted and is to be forgotten.
struct ignore {};
using verdict = std::variant<accept, roamed, answer_cookie, ignore>;

/// What strangers sent so far.
struct acceptor_counters {
  std::uint64_t accepted = 0;
  std::uint64_t roamed = 0;
  std::uint64_t cookies_sent = 0;
  std::uint64_t cookies_wrong = 0; ///< echoed cookies that do not verify (any more)
  std::uint64_t malformed = 0;
  std::uint64_t unknown_session = 0;
};

/// False: judge() ignores that datagram, whoever sent it. Cheap, for use before anything is allocated.
bool may_be_heeded(byte_view datagram);

class acceptor {
public:
  /// `pending`: links that are still shaking hands as responder. `known_index`: is it the session index of a live link?
  /// `remote`: text of the sender's channel URI, which the cookie is bound to.
  verdict judge(byte_view datagram, std::string_view remote, std::size_t pending,
                const std::function<bool(std::uint32_t)>& known_index, steady_time now, random_source& random);
  const acceptor_counters& counters() const { return counters_; }

private:
  void rotate_secret(steady_time now, random_source& random);
  cookie cookie_for(std::string_view remote, const std::array<std::uint8_t, 32>& secret) const;

  std::array<std::uint8_t, 32> secret_{};
  std::array<std::uint8_t, 32> previous_secret_{};
  steady_time secret_since_{};
  bool seeded_ = false;
  acceptor_counters counters_;
};

} // namespace glow::link
