/// Transport keys of an established link: seals and opens datagrams in place, rejects replays, ratchets its keys.
/// Refuses to shake hands, to retransmit and to know what it carries.
///
/// Sealed datagram, 25 bytes longer than what it carries:
///
///   0      1                5             9                   n-16            n
///   | type | receiver index | counter low | ciphertext …      | Poly1305 tag  |
///   '------------- additional data ------'   integers little-endian
///
/// Of a sealed head (type 9) the first 66 bytes are encrypted, and authentic, of a sealed label (type 10) the first 3; what
/// follows up to the tag is neither, for it is sealed end to end already: a relay's work does not grow with the packet. Whoever
/// spoils it loses that packet, no more. The type is additional data: nobody makes one of the other.
///
/// Compact datagram, 9 bytes longer than what it carries, for lines where every byte takes a millisecond. Its channel has two
/// ends and no more, so no index tells whose it is:
///
///   0                 1                n-8          n
///   | 128 + counter:7 | ciphertext …   | tag        |      compact_cipher.hpp
///
/// Packets alone are sealed so. The link's own frames keep the long form: their 32 bits of counter bring a receiver back that
/// lost more packets in a row than it can guess.
///
/// Nonce: four zero bytes, then the 64-bit packet counter. The counter's upper half is not sent: it is the one that
/// brings the counter nearest to the highest accepted (as RFC 4303 appendix A2.2 does for ESP), and for compact datagrams
/// one of a few beyond it where that one does not open (appendix A3: loss of synchronisation).
/// Key epoch = counter / 2^20. The key of epoch e+1 is a keyed hash of that of epoch e, which is then wiped (the one
/// before stays, for reordered packets). By time, too: after two minutes the sender skips to the next epoch, and the
/// receiver sees that from the counter.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/time.hpp"
#include "runtime/link/compact_cipher.hpp"
#include "runtime/link/datagram.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/packet_cipher.hpp"
#include "runtime/link/replay_window.hpp"
#include "runtime/link/sealing.hpp"
#include "runtime/link/secret.hpp"

#include <optional>

namespace glow::link {

inline constexpr std::size_t sealed_header_bytes = 9;
inline constexpr std::size_t sealed_tag_bytes = 16;
inline constexpr std::size_t sealed_overhead_bytes = sealed_header_bytes + sealed_tag_bytes;
inline constexpr std::size_t compact_header_bytes = 1;
inline constexpr std::size_t compact_overhead_bytes = compact_header_bytes + compact_tag_bytes;
/// Packets per key epoch, as a power of two.
inline constexpr unsigned epoch_bits = 20;

/// Keys that one direction goes through, oldest wiped first.
class key_ratchet {
public:
  explicit key_ratchet(const secret_key& first) : current_{first} {}

  std::uint64_t epoch() const { return epoch_; }
  /// The key of an epoch: the current one, the one before, or (computed, not kept) one that lies at most
  /// `limits::session_epochs_ahead_max` ahead. Nothing for others.
  std::optional<secret_key> key_of(std::uint64_t epoch) const;
  /// Moves on to `epoch`; does nothing when that lies behind.
  void advance_to(std::uint64_t epoch);
  const secret_key& current() const { return current_; }

private:
  static secret_key next_of(const secret_key& key);

  std::uint64_t epoch_ = 0;
  secret_key current_;
  std::optional<secret_key> previous_;
};

/// A value; it wipes its keys when it dies.
class session {
public:
  /// `peer_index` goes into every datagram sent. Keys: from Noise's split, one per direction.
  session(std::uint32_t peer_index, const secret_key& send_key, const secret_key& receive_key, steady_time now)
    : peer_index_{peer_index}, sending_{send_key}, receiving_{receive_key}, epoch_since_{now} {}

  /// Turns the plain bytes in `packet`, behind its headroom, into a sealed datagram, and returns where that begins now: at what
  /// is left of the headroom. `type` must be one of the sealed ones; a head needs sealed_head_bytes of plain bytes, a
  /// label sealed_label_bytes.
  /// Moves nothing when the headroom holds sealed_header_bytes and the tag fits the capacity.
  std::size_t seal(datagram_type type, byte_string& packet, steady_time now, std::size_t headroom = 0);
  /// Turns a sealed datagram into its plain bytes. False, with `datagram` in an unspecified state, when it is too short,
  /// a replay, too old, or not authentic.
  bool open(byte_string& datagram);
  /// The same with a datagram behind headroom, but the plain bytes stay where they are: behind sealed_header_bytes more of it.
  bool open_in_place(byte_string& datagram, std::size_t headroom = 0);

  /// The same as seal() and open_in_place() in the compact form.
  std::size_t seal_compact(byte_string& packet, steady_time now, std::size_t headroom = 0);
  bool open_compact_in_place(byte_string& datagram, std::size_t headroom = 0);
  /// Compact datagrams that did not open, replays included: they try other counters, too.
  std::uint64_t compact_forgeries() const { return compact_forgeries_; }

  /// Could a datagram with these low counter bits still open? (Not a replay, not too old.)
  bool may_open(std::uint32_t counter_low) const { return window_.would_accept(nearest_counter(counter_low, 32)); }
  /// Was the datagram that open() last accepted the newest so far? (A late one tells nothing of where the peer is now.)
  bool last_was_newest() const { return last_was_newest_; }
  std::uint32_t peer_index() const { return peer_index_; }
  /// Datagrams that failed to open: garbage, forgeries, replays.
  std::uint64_t rejected() const { return rejected_; }
  /// Did the datagram that open() refused last carry a counter that was used or is too old? (Perhaps a forged one.)
  bool last_was_replay() const { return last_was_replay_; }

private:
  std::uint64_t next_counter(steady_time now);
  /// The counter nearest to the next one whose lowest `bits` are `low`.
  std::uint64_t nearest_counter(std::uint64_t low, unsigned bits) const;
  bool opens_compact(byte_string& datagram, std::size_t headroom, std::uint64_t counter);
  void accept(std::uint64_t counter);
  bool decrypt(byte_string& datagram, std::size_t headroom, std::uint64_t counter, const secret_key& key);

  std::uint32_t peer_index_;
  std::uint64_t send_counter_ = 0;
  key_ratchet sending_;
  key_ratchet receiving_;
  packet_cipher seals_;
  packet_cipher opens_;
  steady_time epoch_since_;
  replay_window window_;
  std::uint64_t rejected_ = 0;
  std::uint64_t compact_forgeries_ = 0;
  bool last_was_newest_ = false;
  bool last_was_replay_ = false;
};

} // namespace glow::link
