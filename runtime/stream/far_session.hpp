/// The end-to-end session with one node that is no neighbour at present: a link machine whose datagrams are overlay
/// payloads. Opens it, answers the other side's opening, opens another one when the peer seems to have lost it; the old one
/// serves until the new one is up, and for good where the peer turns out to have only been out of reach.
/// Refuses to retransmit what it seals (conversation.hpp does) and to judge membership: `check_member` does.
#pragma once

#include "runtime/link/link_machine.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace glow::stream {

/// What all sessions of one node have in common. No certificate: both ends know each other from their rosters.
struct session_terms {
  std::shared_ptr<const identity::node_keys> keys;
  namespace_id space;
  std::string node_name;
  link::member_check check_member;
};

/// Longest payload that a session adds to a conversation packet.
inline constexpr std::size_t session_overhead_bytes = link::sealed_overhead_bytes;
/// What of that stands before the payload.
inline constexpr std::size_t session_header_bytes = link::sealed_header_bytes;

class far_session {
public:
  struct output {
    std::vector<packet_batch> datagrams; ///< to be sent to the peer as overlay payloads
    std::vector<packet_batch> packets;   ///< conversation packets that the peer sealed
  };

  explicit far_session(const node_id& peer) : peer_{peer} {}

  /// Begins a handshake unless one is going on, the session is up, or the last attempt was a moment ago.
  void open(const session_terms& terms, steady_time now, random_source& random, output& out);
  /// The peer does not answer any more: perhaps it restarted. Begins a successor, not too often.
  void reopen(const session_terms& terms, steady_time now, random_source& random, output& out);
  void on_datagrams(packet_batch datagrams, const session_terms& terms, steady_time now, random_source& random, output& out);
  /// The seal takes session_header_bytes of their headroom; the rest of it stays. Requires: is_up().
  void seal(packet_batch packets, steady_time now, random_source& random, output& out);
  void on_tick(steady_time now, random_source& random, output& out);
  void close(const error& why, steady_time now, random_source& random, output& out);

  bool is_up() const { return machine_ && machine_->is_up(); }
  bool is_open() const { return machine_ != nullptr; }
  /// Sessions that replaced one which the peer did not answer any more: what was sealed in that one is lost, most likely.
  std::uint32_t replaced() const { return replaced_; }
  /// When open() may try again.
  steady_time next_attempt() const { return next_attempt_; }
  std::optional<steady_time> wake_at() const;
  /// Why the last attempt failed; code none when there is nothing to tell.
  const error& last_failure() const { return last_failure_; }

private:
  using machine_ptr = std::unique_ptr<link::link_machine>;

  void begin(machine_ptr& which, link::role as, const session_terms& terms, steady_time now, random_source& random, output& out);
  void perform(machine_ptr& which, link::effects effects, output& out);
  bool is_for_successor(byte_view datagram) const;
  void succeed();

  node_id peer_;
  machine_ptr machine_;
  machine_ptr successor_;        ///< shakes hands while machine_ is up
  std::uint32_t last_index_ = 0; ///< of the sessions begun: the successor's, while there is one
  std::uint32_t replaced_ = 0;
  steady_time next_attempt_{};
  error last_failure_{error_code::none, {}};
};

} // namespace glow::stream
