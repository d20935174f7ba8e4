/// Everything a node knows of its namespace, and every decision about it: founding, inviting, admitting, expelling,
/// merging, remembering where members are. A value with a file form (schema NamespaceFile).
/// Refuses to write the file, to send, and to read a clock: actors/namespace does, and persists before it answers.
#pragma once

#include "runtime/identity/limits.hpp"
#include "runtime/identity/membership.hpp"
#include "runtime/identity/ticket.hpp"

#include <list>
#include <map>

namespace glow::identity {

class namespace_state {
public:
  /// A new namespace with this node as its founder, first admin and only member. Names are made valid where they are not.
  static namespace_state found(std::string_view name, const node_keys& founder, std::string_view node_name, wall_time now,
                               random_source& random);
  /// Reads a namespace file, its own or an admission's. Does not demand that `self` is a member: see `is_member`.
  /// Errors: `malformed`, `tampered`, `not_a_member` (records of another namespace); all say that the file is damaged.
  static result<namespace_state> decode(byte_view file, const node_keys& self);
  byte_string encode() const;
  ~namespace_state();
  namespace_state(const namespace_state&) = default;
  namespace_state(namespace_state&&) = default;
  namespace_state& operator=(const namespace_state&) = default;
  namespace_state& operator=(namespace_state&&) = default;

  const namespace_id& id() const { return log_.space(); }
  const node_id& self() const { return self_.id(); }
  const membership_log& log() const { return log_; }
  bool holds_root_key() const { return root_seed_.has_value(); }
  /// Evaluated once per change; shared freely.
  const roster_ptr& current_roster() const { return roster_; }
  bool is_member() const { return roster_->find(self_.id()) != nullptr; }
  result<byte_string> make_certificate() const { return log_.make_certificate(self_.id()); }

  // ---- tickets
  struct invitation {
    std::string text;
    wall_time expires{};
  };
  /// Errors: `failed` (this node is no admin), `usage` (a life of zero or beyond limits::ticket_life_max),
  /// `exhausted` (limits::open_tickets_max tickets are open, or this admin is too far from the root to admit anybody).
  result<invitation> create_ticket(std::chrono::milliseconds valid_for, role as, wall_time now, random_source& random);
  /// The psk for a handshake with a stranger. A used ticket's secret is given for the node that used it, and while
  /// `asked_by` is zero (not proven yet), so that this node may ask again for an admission that was lost on the way.
  /// Errors: `not_found`, `expired`, `already_used`.
  result<ticket_psk> ticket_secret(const digest& ticket, const node_id& asked_by, wall_time now) const;
  /// Admits a node that has proven the ticket's secret and its own key: the namespace file for it, without root seed and
  /// tickets, and without secret for guests. The same node asking again gets its admission again.
  /// Errors: `not_found`, `expired`, `already_used`, `not_a_member` (it was expelled since), `failed` (this node is no
  /// admin any more), `exhausted` (the log is full).
  result<byte_string> redeem_ticket(const digest& ticket, const node_id& node, std::string_view node_name, wall_time now);

  // ---- members
  /// Errors: `failed` (no admin), `not_found` (no such member), `usage` (oneself).
  result<void> expel(const node_id& node, wall_time now);
  /// How many records were new. Errors: `malformed`.
  result<std::size_t> merge(byte_view encoded_records);
  std::size_t merge(const std::vector<membership_record>& records);

  // ---- places
  /// Newest first; true when something changed. Only of members, only dialable ones, bounded per member.
  bool remember_addresses(const node_id& node, const std::vector<channel_uri>& uris);
  /// Hearsay: behind what is known at first hand, and only where there is room.
  bool remember_hearsay(const node_id& node, const std::vector<channel_uri>& uris);
  /// Where this node listens, as others may dial it: replaces what was told before. True when it changed.
  bool set_own_addresses(std::vector<channel_uri> uris);
  const std::vector<channel_uri>& own_addresses() const { return own_addresses_; }
  /// Of the other members, and, `own_first`, of this node before them.
  std::vector<node_addresses> known_addresses(bool own_first) const;
  /// Equal when two members know the same places of everybody but the one and the other; independent of their order.
  std::uint64_t places_digest(const node_id& one, const node_id& other) const;

private:
  struct tickets_in_file; ///< the schema's reader, known to namespace_file.cpp only
  struct issued_ticket {
    digest id;
    ticket_psk secret;
    role as = role::member;
    wall_time expires{};
    std::optional<node_id> used_by;
  };
  namespace_state(const node_keys& self, const namespace_id& space) : self_{self}, log_{space} {}
  const issued_ticket* find_ticket(const digest& id) const;
  result<const issued_ticket*> usable_ticket(const digest& id, const node_id& asked_by, wall_time now) const;
  void forget_old_tickets(wall_time now);
  bool is_admin() const;
  result<void> issue(record_kind kind, const node_id& subject, std::string name, role as, std::optional<digest> ticket,
                     wall_time now);
  byte_string encode_admission(const node_id& joiner) const;
  byte_string encode_file(bool whole, bool with_secret, const std::vector<node_addresses>& addresses) const;
  result<void> read_tickets(const tickets_in_file& file);
  void evaluate();

  node_keys self_;
  membership_log log_;
  std::optional<key_seed> root_seed_; ///< founder only
  namespace_secret secret_;           ///< zero on guests
  std::list<issued_ticket> tickets_;  ///< oldest first
  std::map<node_id, std::vector<channel_uri>> addresses_;
  std::vector<channel_uri> own_addresses_;
  roster_ptr roster_;
};

} // namespace glow::identity
