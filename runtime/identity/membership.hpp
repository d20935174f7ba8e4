/// The membership log of a namespace: a set of signed records that grows only, so that members merge theirs in any order
/// and come to the same roster (a set-union CRDT; Shapiro et al., 2011). Refuses to store, send, or read a clock.
///
/// The roster is a replay of the set, ordered by (time, create < admit < expel, digest):
///   - a record counts if its issuer is the root key, or an admin at that point of the replay;
///   - an expulsion ends what was admitted before it; a later admission begins anew, with its own name and role;
///   - a node that is not live when the replay ends is no member, whatever certificate it holds.
/// Times are claims of their issuers: an expelled admin can still date a record back to before its expulsion. What it
/// smuggles in that way is seen in the roster and expelled in turn; `time_for` makes the newer record win.
#pragma once

#include "runtime/identity/limits.hpp"
#include "runtime/identity/record.hpp"

#include <map>
#include <memory>

namespace glow::identity {

class membership_log {
public:
  explicit membership_log(const namespace_id& space) : space_{space} {}

  /// Adds one checked record; false when it was there already. Whether it counts is the replay's business.
  /// Errors: `malformed`, `tampered`, `not_a_member` (of another namespace), `exhausted` (limits::membership_records_max).
  result<bool> add(membership_record record);
  result<bool> add(byte_view encoded_record);
  /// Adds what is valid and rooted: issued by the root key, or by somebody whom a rooted record made an admin at any
  /// time. So nobody but admins can fill the log. Returns how many were new.
  std::size_t merge(const std::vector<membership_record>& records);
  /// As above, from an encoded RecordList. Errors: `malformed`.
  result<std::size_t> merge(byte_view encoded_list);

  /// All records as a RecordList; and back. Errors of decode: `malformed`, `tampered`, `not_a_member`.
  byte_string encode() const;
  static result<membership_log> decode(const namespace_id& space, byte_view encoded_list);

  const namespace_id& space() const { return space_; }
  const std::map<digest, membership_record>& records() const { return records_; }
  std::vector<membership_record> all() const;
  /// Equal for equal sets, and only for them.
  digest set_digest() const;
  /// What a new record on `subject` by `issuer` must carry so that it wins over what is known of both.
  wall_time time_for(const node_id& subject, const node_id& issuer, wall_time now) const;

  /// The live members as seen by `self`. Same set, same roster, in whatever order it was merged. Of members with the
  /// same name the one admitted first keeps it, the next ones get "-2", "-3" …
  roster evaluate(const node_id& self, const namespace_secret& secret) const;

  /// `node`'s own admit record and the chain to the root.
  /// Errors: `not_a_member`, `exhausted` (chain or bytes beyond limits::certificate_*: a node nearer to the root must admit it).
  result<byte_string> make_certificate(const node_id& node) const;
  /// Verifies the certificate, then asks this log: whoever was expelled here is refused, and so is everybody whose
  /// admitting admin had been expelled before. Errors: as `verify_certificate`, all of them naming the reason.
  result<member> check_peer(const node_id& node, byte_view certificate) const;

private:
  struct replay_result;
  replay_result replay(const std::vector<membership_record>& more) const;
  void drop_unrooted();

  namespace_id space_;
  std::map<digest, membership_record> records_;
};

/// Checks a certificate with nothing known but the namespace: signatures, chain to the root, admins on the way.
/// Errors: `malformed` (does not decode, too long), `tampered` (a signature fails), `not_a_member` (it is another
/// namespace's or another node's, or an issuer was no admin).
result<member> verify_certificate(const namespace_id& space, const node_id& node, byte_view certificate);
/// The verified certificate as full records, leaf first: for `membership_log::merge`. Errors: as above.
result<std::vector<membership_record>> records_of_certificate(const namespace_id& space, const node_id& node,
                                                              byte_view certificate);
/// What a link asks in a handshake: the roster's log where it has one, else the certificate alone.
result<member> check_peer(const roster& members, const node_id& node, byte_view certificate);

/// Encodes a chain, leaf first. Errors: `exhausted`.
result<byte_string> encode_certificate(const namespace_id& space, const std::vector<const membership_record*>& chain);

} // namespace glow::identity
