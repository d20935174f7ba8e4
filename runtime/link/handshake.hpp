/// One handshake attempt of one side: Noise messages with the payload that introduces a node to another.
/// A message that does not authenticate leaves the attempt as it was.
/// Refuses to retransmit and to keep time: link_machine.hpp does.
///
/// | pattern | when | message 1 | message 2 | message 3 |
/// |---|---|---|---|---|
/// | XX     | strangers | – | responder's payload | initiator's payload |
/// | IK     | responder's id known | initiator's payload | responder's payload | |
/// | XXpsk3 | join by ticket | ticket id in the clear | responder's payload | initiator's payload |
///
/// Prologue: "glow link 1", the pattern byte, the initiator's session index, the ticket id where there is one.
#pragma once

#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/link/datagram.hpp"
#include "runtime/link/effects.hpp"
#include "runtime/link/noise.hpp"
#include "runtime/link/payload.hpp"
#include "runtime/link/session.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace glow::link {

enum class role { initiator, responder };

/// Verifies the certificate of a peer that has proven its node key; the error becomes the refusal that it reads.
using member_check = std::function<result<identity::member>(const node_id& peer, byte_view certificate)>;

/// A ticket as the joining side holds it.
struct join_ticket {
  digest id;
  secret_key secret;
};

/// What this side brings to a handshake.
struct handshake_terms {
  std::shared_ptr<const identity::node_keys> keys;
  std::uint32_t session_index = 0; ///< unique among this node's sessions, not 0: the acceptor finds roamed links by it
  std::size_t datagram_bytes_max = limits::udp_datagram_bytes_max; ///< of the channel
  std::size_t datagram_bytes_ceiling = 0;                          ///< of the channel, if probes pass (path_mtu.hpp); 0: none
  std::optional<node_id> expected;                                 ///< anybody else is refused; makes an initiator use IK
  /// As responder the expected node need not be the one that knocks: another may have come to the address that was dialled.
  bool answers_any_member = false;
  namespace_id space;      ///< a peer of another namespace is refused
  byte_string certificate; ///< of this node; empty when joining
  std::string node_name;
  std::vector<channel_uri> listening;   ///< told to the peer, as many as fit
  std::string observed_peer_at;         ///< URI under which we see the peer; told to it as a hint
  member_check check_member;            ///< never empty; when joining: checks the admitting node against the ticket
  std::uint64_t features = 0;           ///< bits of payload.hpp that this side wants on the channel
  std::optional<join_ticket> join_with; ///< initiator only: join with this ticket
};

class handshake {
public:
  enum class progress {
    ignored,      ///< not authentic or out of place; nothing changed
    waiting,      ///< for the peer's next message
    needs_ticket, ///< call on_ticket_secret()
    keyed,        ///< take_session() and peer() are there
    failed,       ///< `why` says it; `send`, when not empty, tells the peer
  };
  struct outcome {
    progress what = progress::ignored;
    byte_string send; ///< datagram to send, possibly empty
    error why;
  };

  explicit handshake(role as) : role_{as} {}

  /// Initiator: the first datagram. Errors: the terms make no handshake (expected key is no key, payload too long).
  result<byte_string> start(const handshake_terms& terms, random_source& random);
  /// Initiator: message 1 again, with the cookie that the other side asked for.
  byte_string with_cookie(const cookie& echoed);
  outcome on_message_1(const handshake_1& message, const handshake_terms& terms, random_source& random);
  outcome on_ticket_secret(result<byte_string> secret, const handshake_terms& terms, random_source& random);
  outcome on_message_2(const handshake_2& message, const handshake_terms& terms, random_source& random);
  outcome on_message_3(const handshake_3& message, const handshake_terms& terms);

  /// The datagram to repeat when the peer seems not to have got it; empty when there is none.
  const byte_string& last_sent() const { return last_sent_; }
  /// Has this message 1 been answered here? (A repeated one gets the same answer.)
  bool answers(const handshake_1& message) const;
  /// The initiator's ephemeral key as message 1 shows it: decides who stays initiator in a simultaneous open.
  byte_view initiator_ephemeral() const { return byte_view{message_1_}.first(std::min<std::size_t>(32, message_1_.size())); }

  /// Its on_message_1() said needs_ticket and nobody answered yet.
  bool is_waiting_for_ticket() const { return waits_for_ticket_; }
  role as() const { return role_; }
  pattern_code pattern() const { return pattern_; }
  const std::optional<digest>& ticket_id() const { return ticket_id_; }
  /// Requires: keyed.
  session make_session(steady_time now) const;
  /// Requires: keyed. In a join, the responder's `member` is only id and name so far.
  const peer_facts& peer() const { return peer_; }

private:
  result<void> begin(const handshake_terms& terms);
  payload own_payload(const handshake_terms& terms) const;
  payload refusal_payload(const error& why) const;
  result<byte_string> fitting_payload(const handshake_terms& terms) const;
  result<void> judge(const payload& theirs, const handshake_terms& terms, bool joining);
  outcome answer_message_1(const handshake_terms& terms, random_source& random, std::optional<error> refusal);
  byte_string refusal_to_responder(const error& why, random_source& random);
  byte_string sealed_refusal(const error& why) const;
  void take_keys();

  role role_;
  pattern_code pattern_ = pattern_code::xx;
  std::optional<noise_handshake> noise_;
  std::optional<digest> ticket_id_;
  std::uint32_t initiator_index_ = 0;
  std::uint32_t peer_index_ = 0;
  byte_string message_1_; ///< its Noise part
  byte_string last_sent_;
  handshake_nonce own_nonce_{};
  handshake_nonce peer_nonce_{};
  bool waits_for_ticket_ = false;
  bool nonce_shown_ = false; ///< the peer can echo ours
  std::uint16_t chosen_ = 0;
  std::optional<noise_keys> keys_;
  peer_facts peer_;
};

} // namespace glow::link
